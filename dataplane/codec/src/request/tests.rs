//! The tables of requests, and what holds for all bytes.

use proptest::prelude::*;

use super::{Peer, RequestHead};
use crate::table::check;
use crate::{BodyLength, HeadLimits, HeaderKind, Progress, Refusal, Version};

const TABLE: &str = include_str!("../../testdata/heads/requests.txt");

type Outcome = Result<Option<String>, Refusal>;

fn describe(head: &RequestHead, buf: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut parts = vec![text(head.method_span.of(buf))];
    if head.method.as_str().is_empty() {
        parts[0].push_str("(other)");
    } else {
        assert_eq!(head.method.as_str(), parts[0]);
    }
    parts.push(text(head.path.of(buf)));
    if !head.query.is_empty() {
        parts.push(format!("?{}", text(head.query.of(buf))));
    }
    parts.push(
        if head.version == Version::Http11 {
            "1.1"
        } else {
            "1.0"
        }
        .to_owned(),
    );
    if !head.host.is_empty() {
        parts.push(format!("host={}", text(head.host.of(buf))));
    }
    parts.push(match head.body {
        BodyLength::None => "body=none".to_owned(),
        BodyLength::Sized(length) => format!("body={length}"),
        BodyLength::Chunked => "body=chunked".to_owned(),
        BodyLength::UntilClose => panic!("a request never ends with its connection"),
    });
    parts.push(
        if head.keep_alive {
            "keep-alive"
        } else {
            "close"
        }
        .to_owned(),
    );
    if head.expect_continue {
        parts.push("expect".to_owned());
    }
    for field in &head.headers {
        let plain = matches!(
            field.kind,
            HeaderKind::Other
                | HeaderKind::Host
                | HeaderKind::ContentLength
                | HeaderKind::TransferEncoding
                | HeaderKind::Connection
                | HeaderKind::Expect
        );
        if !plain {
            parts.push(format!("{}:{:?}", text(field.name.of(buf)), field.kind));
        }
    }
    parts.join(" ")
}

fn parse(head: &mut RequestHead, buf: &[u8]) -> Outcome {
    Ok(match head.parse(buf, &HeadLimits::default())? {
        Progress::Complete => Some(describe(head, buf)),
        Progress::Partial => None,
    })
}

fn at_once(buf: &[u8]) -> Outcome {
    parse(&mut RequestHead::default(), buf)
}

/// Feeds `buf` with these lengths one after the other, until it is decided.
fn in_steps(buf: &[u8], ends: impl Iterator<Item = usize>) -> Outcome {
    let mut head = RequestHead::default();
    for end in ends {
        match parse(&mut head, &buf[..end]) {
            Ok(None) => {}
            decided => return decided,
        }
    }
    Ok(None)
}

#[test]
fn requests_are_read_as_the_table_says() {
    check(TABLE, |case| match at_once(&case.raw) {
        Ok(Some(text)) => text,
        Ok(None) => "partial".to_owned(),
        Err(refusal) => format!("{} {:?}", refusal.status(), refusal.kind),
    });
}

#[test]
fn every_cut_of_every_request_gives_the_same_answer() {
    for mut case in crate::table::cases(TABLE) {
        // A line that has not ended is not looked at twice, so the answers are compared where a line ends.
        case.raw.push(b'\n');
        let whole = at_once(&case.raw);
        let length = case.raw.len();
        assert_eq!(
            in_steps(&case.raw, 1..=length),
            whole,
            "{}, byte by byte",
            case.name
        );
        for cut in 0..length.min(600) {
            assert_eq!(
                in_steps(&case.raw, [cut, length].into_iter()),
                whole,
                "{}, cut at {cut}",
                case.name
            );
        }
    }
}

#[test]
fn a_head_is_reused_for_the_next_request_in_the_buffer() {
    let first = b"GET /1 HTTP/1.1\r\nHost: a\r\nX-Bascule-A: b\r\n\r\n";
    let both = [&first[..], b"GET /2 HTTP/1.1\r\nHost: b\r\n\r\n"].concat();
    let mut head = RequestHead::default();
    assert_eq!(
        head.parse(&both, &HeadLimits::default()),
        Ok(Progress::Complete)
    );
    assert_eq!(head.head_len, first.len());
    let rest = &both[head.head_len..];
    assert_eq!(
        head.parse(rest, &HeadLimits::default()),
        Ok(Progress::Complete)
    );
    assert_eq!((head.path.of(rest), head.headers.len()), (&b"/2"[..], 1));
}

#[test]
fn a_reset_head_forgets_the_partial_one() {
    let mut head = RequestHead::default();
    assert_eq!(
        head.parse(b"GET", &HeadLimits::default()),
        Ok(Progress::Partial)
    );
    head.reset();
    let other = b"GET / HTTP/1.0\r\n\r\nbody";
    assert_eq!(
        head.parse(other, &HeadLimits::default()),
        Ok(Progress::Complete)
    );
}

#[test]
fn executors_see_the_lines_as_they_came_when_nothing_is_to_hide() {
    let buf = b"GET / HTTP/1.1\r\nHost:  a\r\nX:y\r\n\r\n";
    let mut head = RequestHead::default();
    head.parse(buf, &HeadLimits::default()).unwrap();
    let mut scratch = Vec::new();
    assert_eq!(
        head.executor_headers(buf, Peer::Untrusted, &mut scratch),
        b"Host:  a\r\nX:y\r\n"
    );
    assert!(scratch.is_empty());
}

#[test]
fn executors_do_not_see_what_is_ambiguous_internal_or_not_trusted() {
    let buf = b"GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nX-Bascule-Z: 2\r\nX-Forwarded-For: 3\r\nB: 4\r\n\r\n";
    let mut head = RequestHead::default();
    head.parse(buf, &HeadLimits::default()).unwrap();
    let mut scratch = Vec::new();
    let untrusted = head.executor_headers(buf, Peer::Untrusted, &mut scratch);
    assert_eq!(untrusted, b"Host: a\r\nB: 4\r\n");
    let trusted = head.executor_headers(buf, Peer::Trusted, &mut scratch);
    assert_eq!(trusted, b"Host: a\r\nX-Forwarded-For: 3\r\nB: 4\r\n");
}

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9-]{0,20}"
}

fn value() -> impl Strategy<Value = String> {
    "([!-~]([ -~]{0,30}[!-~])?)?"
}

/// Bytes that are almost a head: pieces that matter, in any order.
fn almost_a_head() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"GET ",
        b"/",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"\r\n",
        b"\n",
        b"\r",
        b"Host: a",
        b"Content-Length: 5",
        b": ",
        b"Transfer-Encoding: chunked",
        b"Connection: x, close",
        b"X_Y:z",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"GET /a HTTP/1.1\r\nHost: a\r\n",
        b"Expect: 100-continue",
        b"http://a/",
        b"\r\n\r\n",
    ];
    let piece = proptest::sample::select(PIECES);
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic_and_the_same_in_any_cut(
        mut buf in prop_oneof![almost_a_head(), proptest::collection::vec(any::<u8>(), 0..200)],
        cuts in proptest::collection::vec(0..220_usize, 0..6),
    ) {
        buf.push(b'\n');
        let mut ends: Vec<usize> = cuts.into_iter().filter(|&cut| cut < buf.len()).collect();
        ends.sort_unstable();
        ends.push(buf.len());
        prop_assert_eq!(in_steps(&buf, ends.into_iter()), at_once(&buf));
    }

    #[test]
    fn what_is_written_is_read_as_the_same(
        path in "/[a-z0-9/%.]{0,40}",
        fields in proptest::collection::vec((token(), value()), 0..40),
        length in proptest::option::of(0..1_000_000_u64),
    ) {
        let ours = |name: &str| HeaderKind::of(name.as_bytes()) == HeaderKind::Other;
        let fields: Vec<_> = fields.into_iter().filter(|(name, _)| ours(name)).collect();
        let mut out = Vec::new();
        crate::field::write_request_line(&mut out, b"PUT", path.as_bytes());
        crate::field::write_field(&mut out, b"host", b"example.com:8080");
        for (name, value) in &fields {
            crate::field::write_field(&mut out, name.as_bytes(), value.as_bytes());
        }
        if let Some(length) = length {
            crate::field::write_content_length(&mut out, length);
        }
        crate::field::write_end(&mut out);
        let mut head = RequestHead::default();
        prop_assert_eq!(head.parse(&out, &HeadLimits::default()), Ok(Progress::Complete));
        prop_assert_eq!(head.head_len, out.len());
        prop_assert_eq!(head.path.of(&out), path.as_bytes());
        prop_assert_eq!(head.body, length.map_or(BodyLength::None, BodyLength::Sized));
        for (field, (name, value)) in head.headers.iter().skip(1).zip(&fields) {
            prop_assert_eq!(field.name.of(&out), name.as_bytes());
            prop_assert_eq!(field.value.of(&out), value.trim_ascii().as_bytes());
        }
    }

    #[test]
    fn a_classified_name_is_classified_in_any_case(name in token()) {
        let upper = HeaderKind::of(name.to_ascii_uppercase().as_bytes());
        prop_assert_eq!(upper, HeaderKind::of(name.to_ascii_lowercase().as_bytes()));
    }
}
