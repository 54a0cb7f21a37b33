//! Any bytes: no panic, and a frame that is read is written again to the byte. Header blocks of workers: what is copied injects nothing.
#![no_main]

use dp_codec::field::{copy_field_block, is_field_value, is_token};
use dp_codec::frame::{Call, Failed, FrameKind, Reply, Split, encode_failed, encode_reply, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    block(data);
    let mut rest = data;
    while let Ok(Split::Frame(frame)) = split(rest) {
        let wire = &rest[..frame.wire_len()];
        let mut again = Vec::new();
        match frame.kind {
            FrameKind::Reply => {
                if let Ok(reply) = Reply::parse(frame.payload) {
                    block(reply.headers);
                    encode_reply(&mut again, frame.call_id, &reply).unwrap();
                    assert_eq!(again, wire);
                }
            }
            FrameKind::Error => {
                if let Ok(failed) = Failed::parse(frame.payload) {
                    block(failed.headers);
                    encode_failed(&mut again, frame.call_id, &failed).unwrap();
                    assert_eq!(again, wire);
                }
            }
            FrameKind::Call => drop(Call::parse(frame.payload)),
            _ => {}
        }
        rest = &rest[frame.wire_len()..];
    }
});

fn block(bytes: &[u8]) {
    let mut out = Vec::new();
    if copy_field_block(&mut out, bytes).is_err() {
        assert!(out.is_empty());
        return;
    }
    let text = out.strip_suffix(b"\r\n").unwrap_or(&out);
    for line in text
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|&byte| byte == b':').unwrap();
        assert!(is_token(&line[..colon]) && is_field_value(&line[colon + 1..]));
    }
}
