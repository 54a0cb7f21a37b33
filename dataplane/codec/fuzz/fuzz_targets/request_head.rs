//! Any bytes: no panic, the same answer when cut, and what is accepted reads the same when it is written again.
#![no_main]

use dp_codec::{HeadLimits, HeaderKind, Peer, Progress, Refusal, RequestHead, field};
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
    let mut head = RequestHead::default();
    let whole = head.parse(&buf, &limits);
    let cut = usize::from(data.first().copied().unwrap_or(0)) % buf.len();
    let mut stepped = RequestHead::default();
    let in_steps = steps(&mut stepped, &buf, cut, &limits);
    assert_eq!(whole, in_steps);
    if whole != Ok(Progress::Complete) {
        return;
    }
    assert_eq!(format!("{head:?}"), format!("{stepped:?}"));
    assert!(head.head_len <= buf.len() && buf[..head.head_len].ends_with(b"\r\n\r\n"));
    assert!(!head.path.of(&buf).is_empty());
    let mut scratch = Vec::new();
    head.executor_headers(&buf, Peer::Untrusted, &mut scratch);
    written_again(&head, &buf, &limits);
});

fn steps(
    head: &mut RequestHead,
    buf: &[u8],
    cut: usize,
    limits: &HeadLimits,
) -> Result<Progress, Refusal> {
    match head.parse(&buf[..cut], limits) {
        Ok(Progress::Partial) => head.parse(buf, limits),
        decided => decided,
    }
}

fn written_again(head: &RequestHead, buf: &[u8], limits: &HeadLimits) {
    let mut out = Vec::new();
    field::write_request_line(&mut out, head.method_span.of(buf), head.target.of(buf));
    for header in &head.headers {
        field::write_field(&mut out, header.name.of(buf), header.value.of(buf));
    }
    field::write_end(&mut out);
    // Our line says 1.1, which HTTP/1.0 without Host is not, and a space more may be over a limit.
    let relaxed = HeadLimits {
        head_bytes_max: limits.head_bytes_max * 2,
        line_bytes_max: limits.line_bytes_max + 1,
        ..*limits
    };
    if head.find(HeaderKind::Host).is_none() || head.version == dp_codec::Version::Http10 {
        return;
    }
    let mut again = RequestHead::default();
    assert_eq!(again.parse(&out, &relaxed), Ok(Progress::Complete));
    assert_eq!(
        (again.body, again.keep_alive, again.method),
        (head.body, head.keep_alive, head.method)
    );
    assert_eq!(again.path.of(&out), head.path.of(buf));
    assert_eq!(again.headers.len(), head.headers.len());
    for (one, other) in again.headers.iter().zip(&head.headers) {
        assert_eq!(
            (one.kind, one.value.of(&out)),
            (other.kind, other.value.of(buf))
        );
    }
}
