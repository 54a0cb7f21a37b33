//! Any bytes: no panic, the same data and the same end however they are cut.
#![no_main]

use dp_codec::{ChunkDecoder, ChunkLimits, ChunkStep, Refusal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = decode(data, data.len().max(1));
    let step = usize::from(data.first().copied().unwrap_or(0)) % 17 + 1;
    assert_eq!(decode(data, step), whole);
});

fn decode(input: &[u8], step: usize) -> Result<(Vec<u8>, Option<usize>), Refusal> {
    let limits = ChunkLimits {
        body_bytes_max: 1 << 20,
        extension_bytes_max: 32,
        extensions_bytes_max: 64,
        trailer_bytes_max: 64,
        trailer_lines_max: 4,
    };
    let mut decoder = ChunkDecoder::new(limits);
    let mut body = Vec::new();
    let mut start = 0;
    for piece in input.chunks(step) {
        let mut at = 0;
        loop {
            match decoder.decode(&piece[at..])? {
                ChunkStep::Data { range, consumed } => {
                    body.extend_from_slice(&piece[at..][range]);
                    at += consumed;
                }
                ChunkStep::NeedMore { consumed } => {
                    assert_eq!(at + consumed, piece.len());
                    break;
                }
                ChunkStep::End { consumed } => return Ok((body, Some(start + at + consumed))),
            }
        }
        start += piece.len();
    }
    Ok((body, None))
}
