//! Any bytes: no panic, the same answer when cut, and no doubtful length keeps a connection.
#![no_main]

use dp_codec::{BodyLength, HeadLimits, Progress, ResponseHead};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = HeadLimits {
        head_bytes_max: 2048,
        target_bytes_max: 256,
        line_bytes_max: 512,
        headers_max: 20,
    };
    let mut buf = data.to_vec();
    buf.push(b'\n');
    let answers_head = buf.len().is_multiple_of(2);
    let mut head = ResponseHead::default();
    let whole = head.parse(&buf, &limits, answers_head);
    let cut = usize::from(data.last().copied().unwrap_or(0)) % buf.len();
    let mut stepped = ResponseHead::default();
    let in_steps = match stepped.parse(&buf[..cut], &limits, answers_head) {
        Ok(Progress::Partial) => stepped.parse(&buf, &limits, answers_head),
        decided => decided,
    };
    assert_eq!(whole, in_steps);
    if whole != Ok(Progress::Complete) {
        return;
    }
    assert_eq!(format!("{head:?}"), format!("{stepped:?}"));
    assert!((100..600).contains(&head.status));
    assert!(head.head_len <= buf.len() && buf[..head.head_len].ends_with(b"\r\n\r\n"));
    assert!(head.body != BodyLength::UntilClose || !head.keep_alive);
    assert!(!answers_head || head.body == BodyLength::None);
});
