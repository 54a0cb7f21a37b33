//! What a service may answer with, and what the writers write.

use proptest::prelude::*;

use super::{FieldError, copy_field_block, is_field_value, is_token, reason};

fn copied(block: &[u8]) -> Result<String, FieldError> {
    let mut out = b"before".to_vec();
    let result = copy_field_block(&mut out, block);
    let text = String::from_utf8_lossy(out.strip_prefix(b"before").unwrap()).into_owned();
    assert!(
        result.is_ok() || text.is_empty(),
        "an error leaves the buffer as it was"
    );
    result.map(|_| text)
}

#[test]
fn plain_fields_are_copied() {
    assert_eq!(copied(b""), Ok(String::new()));
    assert_eq!(
        copied(b"X-A: b\r\nX-C:d \r\n"),
        Ok("X-A: b\r\nX-C: d\r\n".to_owned())
    );
}

#[test]
fn framing_connection_and_our_own_fields_are_left_out() {
    let block = b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nKeep-Alive: 1\r\n\
        Upgrade: x\r\nTrailer: x\r\nX-Bascule-State: draining\r\nX-Request-ID: 1\r\nProxy-Connection: x\r\nX-A: b\r\n";
    assert_eq!(copied(block), Ok("X-A: b\r\n".to_owned()));
}

#[test]
fn what_would_inject_is_refused() {
    for (block, error) in [
        (&b"X: a\r\n\r\nevil"[..], FieldError::Line),
        (b"X: a\nEvil: b\r\n", FieldError::Line),
        (b"X: a\rEvil: b\r\n", FieldError::Value),
        (b"X: a\r\r\n", FieldError::Value),
        (b"X: a\0b\r\n", FieldError::Value),
        (b"X: a\x7f\r\n", FieldError::Value),
        (b"X Y: a\r\n", FieldError::Name),
        (b"X : a\r\n", FieldError::Name),
        (b": a\r\n", FieldError::Name),
        (b" X: a\r\n", FieldError::Name),
        (b"X\0: a\r\n", FieldError::Name),
        (b"X\r\n", FieldError::Line),
        (b"X: a", FieldError::Line),
        (b"\r\n", FieldError::Line),
    ] {
        assert_eq!(copied(block), Err(error), "{}", block.escape_ascii());
    }
    assert_eq!(copied(&b"X: y\r\n".repeat(101)), Err(FieldError::TooLarge));
    assert_eq!(copied(&b"a".repeat(65_537)), Err(FieldError::TooLarge));
}

#[test]
fn what_the_service_chose_is_told() {
    let met = copy_field_block(
        &mut Vec::new(),
        b"content-TYPE: a\r\nDate: b\r\nX: c\r\nUpgrade: d\r\n",
    )
    .unwrap();
    assert!(met.has_content_type && met.has_date && !met.has_server);
    assert_eq!((met.written, met.dropped), (3, 1));
}

#[test]
fn common_statuses_have_reasons() {
    assert_eq!(
        (reason(200), reason(413), reason(503)),
        ("OK", "Content Too Large", "Service Unavailable")
    );
    assert_eq!((reason(299), reason(499), reason(599)), ("", "", ""));
}

proptest! {
    #[test]
    fn whatever_is_copied_reads_as_fields(block in "([A-Za-z :]{0,6}[\\x00-\\x7f]{0,6}(\r\n|\n|\r)?){0,6}") {
        if let Ok(text) = copied(block.as_bytes()) {
            for line in text.split_terminator("\r\n") {
                let (name, value) = line.split_once(':').unwrap();
                prop_assert!(is_token(name.as_bytes()) && is_field_value(value.as_bytes()));
            }
        }
    }
}
