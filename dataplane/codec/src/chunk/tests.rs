//! The table of chunked bodies, and what holds for all bytes.

use proptest::prelude::*;

use super::{ChunkDecoder, ChunkLimits, ChunkStep};
use crate::Refusal;
use crate::field::{CHUNK_END, write_chunk_head};
use crate::table::check;

const TABLE: &str = include_str!("../../testdata/heads/chunks.txt");

/// The data, and how many bytes the body took when it ended.
type Outcome = Result<(Vec<u8>, Option<usize>), Refusal>;

fn limits() -> ChunkLimits {
    ChunkLimits {
        body_bytes_max: 1 << 40,
        ..ChunkLimits::default()
    }
}

/// Feeds `input` in pieces that end at `ends`.
fn decode(input: &[u8], ends: impl Iterator<Item = usize>) -> Outcome {
    let mut decoder = ChunkDecoder::new(limits());
    let mut data = Vec::new();
    let mut at = 0;
    for end in ends {
        loop {
            match decoder.decode(&input[at..end])? {
                ChunkStep::Data { range, consumed } => {
                    assert!(consumed > 0 && range.end <= consumed);
                    data.extend_from_slice(&input[at..end][range]);
                    at += consumed;
                }
                ChunkStep::NeedMore { consumed } => {
                    at += consumed;
                    assert_eq!(at, end);
                    break;
                }
                ChunkStep::End { consumed } => {
                    assert!(decoder.is_ended());
                    assert_eq!(decoder.data_bytes(), data.len() as u64);
                    return Ok((data, Some(at + consumed)));
                }
            }
        }
    }
    Ok((data, None))
}

fn at_once(input: &[u8]) -> Outcome {
    decode(input, std::iter::once(input.len()))
}

#[test]
fn chunked_bodies_are_read_as_the_table_says() {
    check(TABLE, |case| match at_once(&case.raw) {
        Ok((data, Some(end))) => {
            let rest = String::from_utf8_lossy(&case.raw[end..]).into_owned();
            format!("{}|{rest}", String::from_utf8_lossy(&data))
        }
        Ok((_, None)) => "more".to_owned(),
        Err(refusal) => format!("{} {:?}", refusal.status(), refusal.kind),
    });
}

#[test]
fn every_cut_of_every_body_gives_the_same_answer() {
    for case in crate::table::cases(TABLE) {
        let whole = at_once(&case.raw);
        let length = case.raw.len();
        assert_eq!(decode(&case.raw, 1..=length), whole, "{}", case.name);
        for cut in 0..length.min(300) {
            assert_eq!(
                decode(&case.raw, [cut, length].into_iter()),
                whole,
                "{}, {cut}",
                case.name
            );
        }
    }
}

#[test]
fn the_body_is_refused_before_a_byte_over_the_limit_is_taken() {
    let limits = ChunkLimits {
        body_bytes_max: 5,
        ..ChunkLimits::default()
    };
    let mut decoder = ChunkDecoder::new(limits);
    let refusal = decoder.decode(b"6\r\nhello!").unwrap_err();
    assert_eq!(refusal.status(), 413);
    assert_eq!(
        decoder.decode(b"x").unwrap_err(),
        refusal,
        "a refusal is final"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic_and_the_same_in_any_cut(
        input in prop_oneof![
            "([0-9a-f]{1,2}|;|a|=|\"|\\\\|\r\n|\r|\n|0\r\n\r\n|x: y){0,20}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..100),
        ],
        cuts in proptest::collection::vec(0..100_usize, 0..6),
    ) {
        let mut ends: Vec<usize> = cuts.into_iter().filter(|&cut| cut < input.len()).collect();
        ends.sort_unstable();
        ends.push(input.len());
        prop_assert_eq!(decode(&input, ends.into_iter()), at_once(&input));
    }

    #[test]
    fn what_is_written_is_read_as_the_same(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..8),
    ) {
        let mut out = Vec::new();
        for chunk in &chunks {
            write_chunk_head(&mut out, chunk.len());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(CHUNK_END);
        prop_assert_eq!(at_once(&out), Ok((chunks.concat(), Some(out.len()))));
    }
}
