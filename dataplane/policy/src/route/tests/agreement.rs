//! The table against a matcher that tries every route, and against any bytes.

use proptest::prelude::*;

use super::{show, table};
use crate::route::pattern::{Pattern, Segment};
use crate::route::{Lookup, RouteSpec, RouteTable};

/// Tries every route and takes the one that is more literal from the left.
fn naive(specs: &[RouteSpec<'_>], method: &str, path: &str) -> String {
    let mut segments: Vec<&str> = path.strip_prefix('/').unwrap().split('/').collect();
    let first = naive_in(specs, method, &segments);
    if first != "404" || segments == [""] {
        return first;
    }
    if segments.last() == Some(&"") {
        segments.pop();
        if segments.last() == Some(&"") {
            return first;
        }
    } else {
        segments.push("");
    }
    naive_in(specs, method, &segments)
}

fn naive_in(specs: &[RouteSpec<'_>], method: &str, segments: &[&str]) -> String {
    let mut best: Option<(Vec<bool>, u8, String)> = None;
    let mut allow = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let pattern = Pattern::parse(spec.pattern).unwrap();
        let fits = pattern.segments.len() == segments.len()
            && pattern
                .segments
                .iter()
                .zip(segments)
                .all(|(own, segment)| match own {
                    Segment::Literal(text) => **text == **segment,
                    Segment::Parameter => !segment.is_empty(),
                });
        if !fits {
            continue;
        }
        let rank = match spec.method {
            None => 0,
            Some(own) if own == method => 0,
            Some("GET") if method == "HEAD" => 1,
            Some(own) => {
                allow.extend([own].into_iter().chain((own == "GET").then_some("HEAD")));
                continue;
            }
        };
        allow.push("");
        let literal = |own: &Segment| matches!(own, Segment::Literal(_));
        let shape: Vec<bool> = pattern.segments.iter().map(|own| !literal(own)).collect();
        let values = pattern
            .segments
            .iter()
            .zip(segments)
            .filter(|(own, _)| !literal(own));
        let params: Vec<String> = pattern
            .params
            .iter()
            .zip(values)
            .map(|(name, (_, value))| format!(" {name}={value}"))
            .collect();
        let params = params.concat();
        let candidate = (shape, rank, format!("{index}{params}"));
        if best
            .as_ref()
            .is_none_or(|best| (&candidate.0, candidate.1) < (&best.0, best.1))
        {
            best = Some(candidate);
        }
    }
    allow.sort_unstable();
    allow.dedup();
    match best {
        Some((_, _, found)) => found,
        None if allow.is_empty() => "404".to_owned(),
        None => format!("405 {}", allow.join(", ")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_table_agrees_with_trying_every_route(
        declared in proptest::collection::vec(
            ("(/(a|b|c|\\{x\\})){0,4}/?", proptest::option::of("GET|POST|HEAD")), 1..12),
        method in "GET|POST|HEAD|PUT",
        paths in proptest::collection::vec("(/(a|b|c|d)?){1,5}", 1..8),
    ) {
        let patterns: Vec<(String, Option<String>)> = declared.into_iter().map(|(pattern, method)| {
            let mut number = 0;
            let mut text = String::new();
            for part in pattern.split_inclusive("{x") {
                text.push_str(part);
                if part.ends_with("{x") { text.push_str(&number.to_string()); number += 1; }
            }
            if !text.starts_with('/') { text.insert(0, '/'); }
            (text, method)
        }).collect();
        let mut specs: Vec<RouteSpec<'_>> = Vec::new();
        for (pattern, method) in &patterns {
            specs.push(RouteSpec { pattern, method: method.as_deref() });
            if RouteTable::build(&specs).is_err() {
                specs.pop();
            }
        }
        let table = RouteTable::build(&specs).unwrap();
        for path in paths {
            let got = show(table.find(method.as_bytes(), path.as_bytes()));
            prop_assert_eq!(got, naive(&specs, &method, &path), "{} {} in {:?}", method, path, specs);
        }
    }

    #[test]
    fn any_path_is_answered_without_panic(path in proptest::collection::vec(any::<u8>(), 0..60), text in "[/%.;a0-9A-F]{0,40}") {
        let table = table(&["/", "/a/{x}", "/{x}/b/", "/{x}/{y}/{z}/{w}"]);
        table.find(b"GET", &path);
        if let Lookup::Found { params, .. } = table.find(b"GET", text.as_bytes()) {
            for (_, value) in &params {
                prop_assert!(!value.is_empty() && *value != "." && *value != ".." && !value.contains(['/', '\\', '\0']));
            }
        }
    }
}
