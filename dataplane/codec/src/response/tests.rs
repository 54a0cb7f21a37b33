//! The table of responses, and what holds for all bytes.

use proptest::prelude::*;

use super::ResponseHead;
use crate::table::{Case, check};
use crate::{BodyLength, HeadLimits, HeaderKind, Progress, Refusal, Version};

const TABLE: &str = include_str!("../../testdata/heads/responses.txt");

type Outcome = Result<Option<String>, Refusal>;

fn describe(head: &ResponseHead, buf: &[u8]) -> String {
    let version = if head.version == Version::Http11 {
        "1.1"
    } else {
        "1.0"
    };
    let mut parts = vec![head.status.to_string(), version.to_owned()];
    parts.push(match head.body {
        BodyLength::None => "body=none".to_owned(),
        BodyLength::Sized(length) => format!("body={length}"),
        BodyLength::Chunked => "body=chunked".to_owned(),
        BodyLength::UntilClose => "body=until-close".to_owned(),
    });
    parts.push(
        if head.keep_alive {
            "keep-alive"
        } else {
            "close"
        }
        .to_owned(),
    );
    for field in &head.headers {
        let plain = matches!(
            field.kind,
            HeaderKind::Other
                | HeaderKind::ContentLength
                | HeaderKind::TransferEncoding
                | HeaderKind::Connection
        );
        if !plain {
            let name = String::from_utf8_lossy(field.name.of(buf)).into_owned();
            parts.push(format!("{name}:{:?}", field.kind));
        }
    }
    parts.join(" ")
}

fn in_steps(buf: &[u8], ends: impl Iterator<Item = usize>, answers_head: bool) -> Outcome {
    let mut head = ResponseHead::default();
    for end in ends {
        if head.parse(&buf[..end], &HeadLimits::default(), answers_head)? == Progress::Complete {
            return Ok(Some(describe(&head, &buf[..end])));
        }
    }
    Ok(None)
}

fn outcome(case: &Case) -> Outcome {
    in_steps(
        &case.raw,
        std::iter::once(case.raw.len()),
        case.name.starts_with("HEAD:"),
    )
}

#[test]
fn responses_are_read_as_the_table_says() {
    check(TABLE, |case| match outcome(case) {
        Ok(Some(text)) => text,
        Ok(None) => "partial".to_owned(),
        Err(refusal) => format!("{} {:?}", refusal.status(), refusal.kind),
    });
}

#[test]
fn every_cut_of_every_response_gives_the_same_answer() {
    for mut case in crate::table::cases(TABLE) {
        case.raw.push(b'\n');
        let whole = outcome(&case);
        let length = case.raw.len();
        let answers_head = case.name.starts_with("HEAD:");
        assert_eq!(
            in_steps(&case.raw, 1..=length, answers_head),
            whole,
            "{}",
            case.name
        );
        for cut in 0..length.min(400) {
            let ends = [cut, length].into_iter();
            assert_eq!(
                in_steps(&case.raw, ends, answers_head),
                whole,
                "{}, {cut}",
                case.name
            );
        }
    }
}

#[test]
fn the_reason_is_told_without_its_space() {
    let buf = b"HTTP/1.1 404 Not Found\r\n\r\n";
    let mut head = ResponseHead::default();
    head.parse(buf, &HeadLimits::default(), false).unwrap();
    assert_eq!(head.reason.of(buf), b"Not Found");
}

fn almost_a_head() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 ",
        b"204",
        b"\r\n",
        b"\n",
        b"\r",
        b"Content-Length: 5",
        b": ",
        b" ",
        b"\0",
        b"Transfer-Encoding: chunked",
        b"Connection: x, close",
        b"\r\n\r\n",
    ];
    let piece = proptest::sample::select(PIECES);
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic_and_the_same_in_any_cut(
        mut buf in prop_oneof![almost_a_head(), proptest::collection::vec(any::<u8>(), 0..200)],
        cuts in proptest::collection::vec(0..220_usize, 0..6),
        answers_head in any::<bool>(),
    ) {
        buf.push(b'\n');
        let mut ends: Vec<usize> = cuts.into_iter().filter(|&cut| cut < buf.len()).collect();
        ends.sort_unstable();
        ends.push(buf.len());
        let whole = in_steps(&buf, std::iter::once(buf.len()), answers_head);
        prop_assert_eq!(in_steps(&buf, ends.into_iter(), answers_head), whole);
    }

    #[test]
    fn a_status_line_that_is_written_is_read(status in 200_u16..600) {
        let mut out = Vec::new();
        crate::field::write_status_line(&mut out, status);
        crate::field::write_content_length(&mut out, 7);
        crate::field::write_end(&mut out);
        let mut head = ResponseHead::default();
        prop_assert_eq!(head.parse(&out, &HeadLimits::default(), false), Ok(Progress::Complete));
        prop_assert_eq!(head.status, status);
        prop_assert_eq!(head.reason.of(&out), crate::field::reason(status).as_bytes());
    }
}
