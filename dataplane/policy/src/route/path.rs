//! The path of a request, cut into decoded segments. Owns what is refused as ambiguous. Invariant: a segment that leaves here
//! is UTF-8, holds no slash, backslash or NUL, and is no dot segment.

use std::borrow::Cow;

use smallvec::SmallVec;

/// Kept on the stack up to twelve.
pub(super) type Few<'p> = SmallVec<[Cow<'p, str>; 12]>;

/// The segments between slashes. `/` has one, which is empty; a slash at the end makes the last one empty.
#[expect(
    clippy::large_enum_variant,
    reason = "short-lived on the stack; a box would allocate per request"
)]
pub(super) enum Segments<'p> {
    Few(Few<'p>),
    /// More than any pattern has, so there is no match; well-formed all the same.
    TooMany,
}

/// `None` when the path is refused. `depth_max` is the number of segments of the longest pattern.
pub(super) fn split(path: &[u8], depth_max: usize) -> Option<Segments<'_>> {
    let text = std::str::from_utf8(path).ok()?;
    path.first().filter(|&&first| first == b'/')?;
    let mut segments = SmallVec::new();
    let mut too_many = false;
    let mut start = 1;
    let mut plain = true;
    // One pass: every path of every request goes through here. The end is read as one more slash.
    for at in 1..=path.len() {
        let byte = path.get(at).copied().unwrap_or(b'/');
        if byte != b'/' {
            if !byte.is_ascii() {
                return None;
            }
            plain &= !matches!(byte, b'%' | b'\\' | b'.' | 0);
            continue;
        }
        let part = text.get(start..at)?;
        let segment = if plain {
            Cow::Borrowed(part)
        } else {
            segment(part)?
        };
        // One more than the longest, for the slash at the end that may be forgiven.
        if segments.len() <= depth_max {
            segments.push(segment);
        } else {
            too_many = true;
        }
        start = at + 1;
        plain = true;
    }
    Some(if too_many {
        Segments::TooMany
    } else {
        Segments::Few(segments)
    })
}

/// Adds or takes the slash at the end; `None` when the path has no such other form, as `/` and `/a//`.
pub(super) fn toggle_last_slash(segments: &mut Few<'_>) -> Option<()> {
    if segments.last()?.is_empty() {
        segments.pop();
        return if segments.last()?.is_empty() {
            None
        } else {
            Some(())
        };
    }
    segments.push(Cow::Borrowed(""));
    Some(())
}

/// One segment, decoded; `None` when it is refused.
pub(super) fn segment(part: &str) -> Option<Cow<'_, str>> {
    let decoded = if part.as_bytes().contains(&b'%') {
        Cow::Owned(decode(part.as_bytes())?)
    } else {
        Cow::Borrowed(part)
    };
    let refused = decoded
        .as_bytes()
        .iter()
        .any(|byte| matches!(byte, b'\\' | b'/' | 0))
        || is_dot_segment(&decoded);
    (!refused).then_some(decoded)
}

/// `.` and `..`, also with parameters behind a semicolon, which some servers cut off.
fn is_dot_segment(segment: &str) -> bool {
    segment.starts_with('.') && matches!(segment.split(';').next(), Some("." | ".."))
}

fn decode(part: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (&[high, low], after) = after.split_first_chunk::<2>()?;
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        bytes.push((digit(high)? << 4) | digit(low)?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
