//! The golden frames, which the Python worker reads as well, and what holds for all bytes.

use proptest::prelude::*;

use super::{Call, DataFormat, FRAME_HEAD_BYTES, Failed, Frame, FrameError, FrameKind};
use super::{PAYLOAD_BYTES_MAX, Reply, Source, Split, encode_call, encode_cancel, encode_control};
use super::{encode_failed, encode_reply, push_param, split};
use crate::Method;

fn golden() -> Vec<(&'static str, Vec<u8>)> {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let get = Call {
        handle: 3,
        deadline_ms: 30_000,
        cid: b"c-1",
        channel: b"my.channel",
        path: b"/a/b",
        query: b"x=1&y=2",
        params: "name\0J\u{fc}rgen\0".as_bytes(),
        remote: b"127.0.0.1:5000",
        headers: b"Host: example.com\r\nAccept: */*\r\n",
        ..Call::default()
    };
    let post = Call {
        handle: u32::MAX,
        method: Method::Post,
        source: Source::Invoke,
        data_format: DataFormat::Json,
        cid: b"c-2",
        channel: b"json",
        path: b"/",
        remote: b"[::1]:1",
        headers: b"Content-Type: application/json\r\n",
        body: b"{\"a\":1}",
        ..Call::default()
    };
    let other = Call {
        handle: 1,
        deadline_ms: 1,
        method: Method::Other,
        method_name: b"PROPFIND",
        cid: b"c-3",
        channel: b"dav",
        path: b"/d",
        remote: b"127.0.0.1:1",
        headers: b"Host: a\r\n",
        body: &bytes,
        ..Call::default()
    };
    let reply = Reply {
        status: 201,
        content_type: b"application/json",
        headers: b"X-A: b\r\nX-C: d\r\n",
        body: b"{\"ok\":true}",
    };
    let empty = Reply {
        status: 204,
        ..Reply::default()
    };
    let failed = Failed {
        status: 500,
        kind: b"ValueError",
        content_type: b"application/json",
        traceback: b"Traceback: line 1\nValueError: no\n",
        headers: b"X-A: b\r\n",
        body: b"{\"result\":\"Error\"}",
    };
    let made = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        out
    };
    vec![
        ("call_get", made(&|out| encode_call(out, 7, &get).unwrap())),
        (
            "call_post_json",
            made(&|out| encode_call(out, u32::MAX, &post).unwrap()),
        ),
        (
            "call_other",
            made(&|out| encode_call(out, 1, &other).unwrap()),
        ),
        ("reply", made(&|out| encode_reply(out, 7, &reply).unwrap())),
        (
            "reply_empty",
            made(&|out| encode_reply(out, 8, &empty).unwrap()),
        ),
        (
            "error",
            made(&|out| encode_failed(out, 9, &failed).unwrap()),
        ),
        ("cancel", made(&|out| encode_cancel(out, 9))),
        (
            "ping",
            made(&|out| encode_control(out, FrameKind::Ping, b"{\"n\":1}").unwrap()),
        ),
        (
            "stop",
            made(&|out| encode_control(out, FrameKind::Stop, b"{}").unwrap()),
        ),
    ]
}

fn frame(buf: &[u8]) -> Frame<'_> {
    match split(buf) {
        Ok(Split::Frame(frame)) => frame,
        other => panic!("no frame: {other:?}"),
    }
}

#[test]
fn golden_frames_are_encoded_to_the_byte() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/frames");
    for (name, bytes) in golden() {
        let path = folder.join(format!("{name}.bin"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
    }
}

#[test]
fn golden_frames_are_decoded_and_encoded_again_to_the_byte() {
    for (name, bytes) in golden() {
        let frame = frame(&bytes);
        assert_eq!(frame.wire_len(), bytes.len(), "{name}");
        let mut again = Vec::new();
        match frame.kind {
            FrameKind::Call => {
                let call = Call::parse(frame.payload).unwrap();
                encode_call(&mut again, frame.call_id, &call).unwrap();
            }
            FrameKind::Reply => {
                let reply = Reply::parse(frame.payload).unwrap();
                encode_reply(&mut again, frame.call_id, &reply).unwrap();
            }
            FrameKind::Error => {
                let failed = Failed::parse(frame.payload).unwrap();
                encode_failed(&mut again, frame.call_id, &failed).unwrap();
            }
            FrameKind::Cancel => encode_cancel(&mut again, frame.call_id),
            kind => encode_control(&mut again, kind, frame.payload).unwrap(),
        }
        assert_eq!(again, bytes, "{name}");
    }
}

#[test]
fn a_call_starts_with_the_head_that_the_protocol_says() {
    let (_, bytes) = golden().remove(0);
    assert_eq!(
        bytes[..4],
        u32::try_from(bytes.len() - 12).unwrap().to_le_bytes()
    );
    assert_eq!(bytes[4..12], [1, 0, 0, 0, 7, 0, 0, 0]);
    assert_eq!(bytes[12..24], [3, 0, 0, 0, 0x30, 0x75, 0, 0, 1, 0, 0, 0]);
    assert_eq!(bytes[24..26], 3_u16.to_le_bytes(), "the length of the cid");
}

#[test]
fn parameters_are_pairs_that_end_in_nul() {
    let mut params = Vec::new();
    push_param(&mut params, b"name", "J\u{fc}rgen".as_bytes());
    push_param(&mut params, b"empty", b"");
    assert_eq!(params, "name\0J\u{fc}rgen\0empty\0\0".as_bytes());
}

#[test]
fn a_cut_frame_tells_how_much_it_needs() {
    let (_, bytes) = golden().remove(0);
    for cut in 0..bytes.len() {
        let needed = if cut < FRAME_HEAD_BYTES {
            FRAME_HEAD_BYTES
        } else {
            bytes.len()
        };
        assert_eq!(split(&bytes[..cut]), Ok(Split::NeedMore(needed)));
    }
}

#[test]
fn a_frame_that_is_no_frame_is_an_error() {
    let head = |length: u32, kind: u8, flags: u8| {
        let mut head = length.to_le_bytes().to_vec();
        head.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        head
    };
    let too_large = u32::try_from(PAYLOAD_BYTES_MAX).unwrap() + 1;
    assert_eq!(split(&head(too_large, 2, 0)), Err(FrameError::TooLarge));
    assert_eq!(split(&head(0, 99, 0)), Err(FrameError::UnknownKind));
    assert_eq!(split(&head(0, 0, 0)), Err(FrameError::UnknownKind));
    assert_eq!(split(&head(0, 2, 1)), Err(FrameError::Reserved));
}

#[test]
fn lengths_that_do_not_add_up_are_an_error() {
    for (name, bytes) in golden() {
        let kind = frame(&bytes).kind;
        let longer = [&bytes[12..], b"x"].concat();
        for payload in [&bytes[12..bytes.len().max(13) - 1], &longer] {
            let error = match kind {
                FrameKind::Call => Call::parse(payload).unwrap_err(),
                FrameKind::Reply => Reply::parse(payload).unwrap_err(),
                FrameKind::Error => Failed::parse(payload).unwrap_err(),
                _ => continue,
            };
            assert_eq!(error, FrameError::Lengths, "{name}");
        }
    }
}

#[test]
fn a_part_that_is_too_long_leaves_the_buffer_as_it_was() {
    let long = vec![b'a'; 65_536];
    let mut out = b"before".to_vec();
    let call = Call {
        path: &long,
        ..Call::default()
    };
    assert_eq!(
        encode_call(&mut out, 1, &call),
        Err(FrameError::PartTooLong)
    );
    let body = vec![0; PAYLOAD_BYTES_MAX];
    let call = Call {
        body: &body,
        ..Call::default()
    };
    assert_eq!(encode_call(&mut out, 1, &call), Err(FrameError::TooLarge));
    assert_eq!(out, b"before");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(buf in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Split::Frame(frame)) = split(&buf) {
            prop_assert!(frame.wire_len() <= buf.len());
        }
        for parts in [Reply::parse(&buf).map(|reply| reply.body.len()), Failed::parse(&buf).map(|failed| failed.body.len())] {
            prop_assert!(parts.is_err() || parts.is_ok_and(|length| length <= buf.len()));
        }
        if let Ok(call) = Call::parse(&buf) {
            prop_assert!(call.body.len() <= buf.len());
        }
    }

    #[test]
    fn a_call_is_read_as_it_was_written(
        handle in any::<u32>(),
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 8),
    ) {
        let call = Call {
            handle,
            deadline_ms: handle ^ 1,
            cid: &parts[0],
            channel: &parts[1],
            path: &parts[2],
            query: &parts[3],
            params: &parts[4],
            remote: &parts[5],
            headers: &parts[6],
            body: &parts[7],
            ..Call::default()
        };
        let mut out = b"x".to_vec();
        encode_call(&mut out, 5, &call).unwrap();
        let read = Call::parse(frame(&out[1..]).payload).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{call:?}"));
    }
}
