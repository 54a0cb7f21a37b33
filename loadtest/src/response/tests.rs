//! Responses in, answers out: a table, the refusals, and the property that cuts do not matter.

use proptest::prelude::*;

use super::*;

/// Feeds `wire` in parts of `size` bytes and lists what came out.
fn read(wire: &[u8], size: usize) -> Result<Vec<(u16, u64, bool)>, Malformed> {
    let mut reader = ResponseReader::default();
    let mut answers = Vec::new();
    for mut part in wire.chunks(size.max(1)) {
        while !part.is_empty() {
            if let Some(answer) = reader.advance(&mut part, false)? {
                answers.push((answer.status, answer.body_bytes, answer.keep_alive));
            }
        }
    }
    answers.extend(
        reader
            .closed()
            .map(|a| (a.status, a.body_bytes, a.keep_alive)),
    );
    assert!(reader.is_between_responses());
    Ok(answers)
}

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
HTTP/1.1 100 Continue\r\n\r\n\
HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
HTTP/1.1 204 \r\nX: y\r\n\r\n\
HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n\
HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: 0\r\n\r\n\
HTTP/1.0 200 OK\r\n\r\nto the end";

#[test]
fn a_stream_of_responses_reads_the_same_at_every_read_size() {
    let wanted = vec![
        (200, 5, true),
        (404, 3, true),
        (204, 0, true),
        (304, 0, true),
        (503, 0, false),
        (200, 10, false),
    ];
    for size in 1..=STREAM.len() {
        assert_eq!(read(STREAM, size), Ok(wanted.clone()), "reads of {size}");
    }
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mut reader = ResponseReader::default();
    let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let answer = reader.advance(&mut input, true).unwrap().unwrap();
    assert_eq!((answer.body_bytes, answer.keep_alive), (0, true));
}

#[test]
fn malformed_responses_are_refused() {
    for wire in [
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    ] {
        assert!(read(wire.as_bytes(), wire.len()).is_err(), "{wire:?}");
    }
}

#[test]
fn an_answer_that_is_cut_off_is_no_answer() {
    let mut reader = ResponseReader::default();
    let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    assert_eq!(reader.advance(&mut input, false), Ok(None));
    assert_eq!(reader.closed(), None);
    assert!(!reader.is_between_responses());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_read_differently_when_cut(
        wire in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"HTTP/1.1 20:\r\n0a".to_vec())], 0..200),
        size in 1_usize..50,
    ) {
        let run = |size: usize| {
            let mut reader = ResponseReader::default();
            let mut answers = Vec::new();
            for mut part in wire.chunks(size) {
                while !part.is_empty() {
                    match reader.advance(&mut part, false) {
                        Ok(answer) => answers.extend(answer),
                        Err(_) => return answers,
                    }
                }
            }
            answers
        };
        prop_assert_eq!(run(size), run(200));
    }
}
