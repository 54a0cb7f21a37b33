//! The rules of routing one by one, and against a matcher that tries every route.

mod agreement;

use super::{Lookup, PatternError, RouteError, RouteSpec, RouteTable, conflicts};

fn spec(declared: &str) -> RouteSpec<'_> {
    match declared.split_once(' ') {
        Some((method, pattern)) => RouteSpec {
            pattern,
            method: Some(method),
        },
        None => RouteSpec {
            pattern: declared,
            method: None,
        },
    }
}

fn table(declared: &[&str]) -> RouteTable {
    let specs: Vec<_> = declared.iter().map(|declared| spec(declared)).collect();
    RouteTable::build(&specs).unwrap()
}

fn show(lookup: Lookup<'_, '_>) -> String {
    match lookup {
        Lookup::Found { index, params } => {
            let params: Vec<_> = params
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            format!("{index}{}", params.concat())
        }
        Lookup::MethodNotAllowed { allow } => format!("405 {allow}"),
        Lookup::NotFound => "404".to_owned(),
        Lookup::BadPath => "400".to_owned(),
    }
}

#[track_caller]
fn check(declared: &[&str], requests: &[(&str, &str)]) {
    let table = table(declared);
    for (request, expected) in requests {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            show(table.find(method.as_bytes(), path.as_bytes())),
            *expected,
            "{request}"
        );
    }
}

#[test]
fn literals_and_parameters_are_matched() {
    check(
        &["/", "/zato/ping", "/a/{b}/c", "/{x}"],
        &[
            ("GET /", "0"),
            ("GET /zato/ping", "1"),
            ("GET /a/7/c", "2 b=7"),
            ("GET /q", "3 x=q"),
            ("GET /a/7", "404"),
            ("GET /a/7/c/d/e/f", "404"),
            ("GET /a//c", "404"),
            ("GET //", "404"),
        ],
    );
}

#[test]
fn a_literal_beats_a_parameter_and_the_search_goes_back() {
    check(
        &["/a/b/c", "/a/{x}/d", "/{y}/b/e", "/{y}/{z}/{w}"],
        &[
            ("GET /a/b/c", "0"),
            ("GET /a/b/d", "1 x=b"),
            ("GET /a/b/e", "2 y=a"),
            ("GET /a/b/f", "3 y=a z=b w=f"),
        ],
    );
}

#[test]
fn a_route_of_another_method_leads_nowhere() {
    check(
        &["GET /a/b", "POST /a/{x}"],
        &[
            ("GET /a/b", "0"),
            ("POST /a/b", "1 x=b"),
            ("PUT /a/b", "405 GET, HEAD, POST"),
            ("PUT /a/c", "405 POST"),
        ],
    );
}

#[test]
fn head_takes_the_get_route_unless_it_has_its_own() {
    check(
        &["GET /a", "GET /b", "HEAD /b", "POST /c"],
        &[
            ("HEAD /a", "0"),
            ("HEAD /b", "2"),
            ("HEAD /c", "405 POST"),
            ("POST /b", "405 GET, HEAD"),
        ],
    );
}

#[test]
fn methods_are_compared_exactly() {
    check(
        &["GET /a", "PROPFIND /b"],
        &[("get /a", "405 GET, HEAD"), ("PROPFIND /b", "1")],
    );
}

#[test]
fn a_slash_at_the_end_is_significant_when_both_forms_are_declared() {
    check(
        &["/a", "/a/", "/b", "/c/", "/d/{x}", "/e/{x}/"],
        &[
            ("GET /a", "0"),
            ("GET /a/", "1"),
            ("GET /b/", "2"),
            ("GET /c", "3"),
            ("GET /d/1/", "4 x=1"),
            ("GET /e/1", "5 x=1"),
            ("GET /b//", "404"),
            ("GET /d//", "404"),
        ],
    );
}

#[test]
fn escapes_are_decoded_once() {
    check(
        &["/a%20b/{x}", "/J\u{fc}rgen", "/%7Euser", "/{x}/%41"],
        &[
            ("GET /a%20b/c%2fd", "400"),
            ("GET /a%20b/c%25d", "0 x=c%d"),
            ("GET /%61%20b/%C3%BC", "0 x=\u{fc}"),
            ("GET /J%c3%bcrgen", "1"),
            ("GET /~user", "2"),
            ("GET /%257Euser", "404"),
            ("GET /z/A", "3 x=z"),
            ("GET /a%20b/%252e%252e", "0 x=%2e%2e"),
        ],
    );
}

#[test]
fn paths_with_two_readings_are_refused() {
    let table = table(&["/{a}/{b}/{c}", "/{a}"]);
    for path in [
        "/a/../b",
        "/a/./b",
        "/..",
        "/.",
        "/a/..",
        "/%2e%2e/",
        "/.%2E/x",
        "/%2e",
        "/..;/",
        "/..;x=y/a",
        "/.;/a",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/\\x",
        "/%00",
        "/a%00b",
        "/%",
        "/%4",
        "/%zz",
        "/%c0%af",
        "/%ff",
        "/%c0%ae%c0%ae/",
        "a",
        "",
        // Asks for no path at all: `dp-proxy` answers it.
        "*",
        "/\u{fc}",
    ] {
        assert_eq!(
            table.find(b"GET", path.as_bytes()),
            Lookup::BadPath,
            "{path}"
        );
    }
    for path in [
        "/...",
        "/.a",
        "/a.",
        "/..a",
        "/a..",
        "/;a",
        "/a;b=c",
        "/%252e%252e",
        "/A",
        "/%20",
        "/a%0Ab",
    ] {
        assert!(
            matches!(table.find(b"GET", path.as_bytes()), Lookup::Found { .. }),
            "{path}"
        );
    }
}

#[test]
fn a_long_path_is_answered_like_a_short_one() {
    let table = table(&["/{a}/{b}"]);
    let long = "/a".repeat(4_000);
    assert_eq!(table.find(b"GET", long.as_bytes()), Lookup::NotFound);
    let bad = format!("{long}/..");
    assert_eq!(table.find(b"GET", bad.as_bytes()), Lookup::BadPath);
}

#[test]
fn conflicts_are_told_with_the_index_of_the_other() {
    let routes = [
        "GET /a/{x}",
        "POST /a/{x}",
        "GET /a/{y}",
        "/a/{z}",
        "GET /a/b",
        "/a/b",
    ]
    .map(spec);
    assert_eq!(conflicts(&routes), [(2, 0), (3, 0), (5, 4)]);
}

#[test]
fn malformed_routes_are_refused_together() {
    let refused = |declared: &str| match RouteTable::build(&[spec(declared)]).unwrap_err()[0].error
    {
        RouteError::Pattern(error) => Some(error),
        _ => None,
    };
    for (pattern, error) in [
        ("a", PatternError::NoSlash),
        ("", PatternError::NoSlash),
        ("/a{b}", PatternError::Brace),
        ("/{a}b", PatternError::Brace),
        ("/{a", PatternError::Brace),
        ("/a}", PatternError::Brace),
        ("/{}", PatternError::ParameterName),
        ("/{a=b}", PatternError::ParameterName),
        ("/{a}/{a}", PatternError::RepeatedParameter),
        ("/a/../b", PatternError::Unreachable),
        ("/a?b", PatternError::Unreachable),
        ("/a#b", PatternError::Unreachable),
        ("/a%2Fb", PatternError::Unreachable),
        ("/a%", PatternError::Unreachable),
        ("/a\u{0}", PatternError::Unreachable),
    ] {
        assert_eq!(refused(pattern), Some(error), "{pattern}");
    }
    let deep = "/a".repeat(65);
    assert_eq!(refused(&deep), Some(PatternError::TooDeep));
    let specs = [
        spec("a"),
        RouteSpec {
            pattern: "/b",
            method: Some("G T"),
        },
    ];
    assert_eq!(RouteTable::build(&specs).unwrap_err().len(), 2);
}

#[test]
fn no_parameter_without_escapes_is_copied() {
    let table = table(&["/{a}/{b}"]);
    let Lookup::Found { params, .. } = table.find(b"GET", b"/x/y%20z") else {
        panic!("not found")
    };
    assert!(matches!(params[0].1, std::borrow::Cow::Borrowed("x")));
    assert!(matches!(params[1].1, std::borrow::Cow::Owned(_)));
    assert!(!params.spilled());
}

#[test]
fn ten_thousand_routes_are_told_apart() {
    let patterns: Vec<String> = (0..10_000)
        .map(|n| format!("/api/{}/{{id}}/v{n}", n % 100))
        .collect();
    let specs: Vec<_> = patterns.iter().map(|pattern| spec(pattern)).collect();
    let table = RouteTable::build(&specs).unwrap();
    assert_eq!(table.len(), 10_000);
    for n in (0..10_000).step_by(97) {
        let path = format!("/api/{}/x/v{n}", n % 100);
        assert_eq!(
            show(table.find(b"GET", path.as_bytes())),
            format!("{n} id=x")
        );
    }
}
