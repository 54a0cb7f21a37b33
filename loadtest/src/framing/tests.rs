//! Tables and properties of the framing: every fault has a row, and reads may be cut anywhere.

use proptest::prelude::*;

use super::*;

#[test]
fn ambiguous_header_blocks_are_refused() {
    for (block, fault) in [
        (
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "more than one Content-Length",
        ),
        ("Content-Length: +1\r\n", "Content-Length is not a number"),
        ("Content-Length: \r\n", "Content-Length is not a number"),
        (
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length is not a number",
        ),
        (
            "Transfer-Encoding: gzip\r\n",
            "transfer coding other than chunked",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "transfer coding other than chunked",
        ),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        ("no colon\r\n", "header line without a colon"),
        ("Name : v\r\n", "header name is not a token"),
        (" folded: v\r\n", "header name is not a token"),
        (": v\r\n", "header name is not a token"),
        ("A: b\nC: d\r\n", "control character in a header value"),
        ("A: b\rc\r\n", "control character in a header value"),
        ("A: b\0\r\n", "control character in a header value"),
    ] {
        assert_eq!(
            Fields::parse(block.as_bytes()),
            Err(Malformed(fault)),
            "{block:?}"
        );
    }
}

#[test]
fn connection_options_are_a_list() {
    let fields = Fields::parse(b"Connection: Upgrade , CLOSE\r\nX: y\r\n").unwrap();
    assert!(fields.close && !fields.keep_alive);
}

#[test]
fn bad_chunks_are_refused() {
    for body in [
        ";x\r\n",
        "g\r\n",
        "-1\r\n",
        "1\r\nab\r\n",
        "1234567890123456\r\n",
        "0\r\nbad\r\n\r\n",
    ] {
        let mut reader = BodyReader::new(BodyLength::Chunked);
        let outcome = reader.advance(&mut Gatherer::default(), &mut body.as_bytes());
        assert!(outcome.is_err(), "{body:?}");
    }
}

#[test]
fn a_line_that_never_ends_is_refused_and_not_kept_for_ever() {
    let mut gatherer = Gatherer::default();
    let part = [b'x'; 1000];
    let refused = (0..100).any(|_| {
        gatherer
            .until(&mut part.as_slice(), b"\r\n", LINE_BYTES_MAX)
            .is_err()
    });
    assert!(refused && gatherer.pending.len() <= LINE_BYTES_MAX + part.len());
}

proptest! {
    #[test]
    fn chunked_bodies_count_the_same_however_they_are_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
        cuts in prop::collection::vec(1_usize..9, 1..60),
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            wire.extend_from_slice(format!("{:X};ext=1\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\nTrailer: x\r\n\r\nNEXT");
        let (mut gatherer, mut reader) = (Gatherer::default(), BodyReader::new(BodyLength::Chunked));
        let (mut at, mut cut, mut left) = (0, cuts.iter().cycle(), 0);
        while at < wire.len() {
            let end = (at + cut.next().unwrap()).min(wire.len());
            let mut input = &wire[at..end];
            if reader.advance(&mut gatherer, &mut input).unwrap() {
                left = wire.len() - end + input.len();
                break;
            }
            prop_assert!(input.is_empty());
            at = end;
        }
        prop_assert_eq!(left, 4);
        prop_assert_eq!(reader.bytes(), chunks.iter().map(Vec::len).sum::<usize>() as u64);
    }

    #[test]
    fn no_input_makes_the_framing_panic(block in prop::collection::vec(any::<u8>(), 0..300)) {
        Fields::parse(&block).ok();
        let mut reader = BodyReader::new(BodyLength::Chunked);
        reader.advance(&mut Gatherer::default(), &mut block.as_slice()).ok();
    }
}
