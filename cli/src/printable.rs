//! Texts of services, files and clients on the way to a terminal. Invariant: no control character of theirs arrives as
//! one, so that none can move the cursor, ring, recolour or overwrite what we say. Pure.

use std::borrow::Cow;

/// One line: all control characters escaped but the tab.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() && c != '\t')
}

/// Several lines: as [`line`], and line ends stay. That of Windows becomes ours.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    match line_ends(text) {
        Cow::Borrowed(text) => escaped(text, is_bad),
        Cow::Owned(text) => Cow::Owned(escaped(&text, is_bad).into_owned()),
    }
}

fn is_bad(c: char) -> bool {
    c.is_control() && c != '\t' && c != '\n'
}

fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        c if !is_bad(c) => c.to_string(),
        '\r' => "\\r".to_owned(),
        '\n' => "\\n".to_owned(),
        c => format!("\\x{:02x}", u32::from(c)),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        let evil = "a\x1b[2J\x07b\rc\u{9b}d\x7f\te\nf";
        assert_eq!(line(evil), "a\\x1b[2J\\x07b\\rc\\x9bd\\x7f\te\\nf");
        assert_eq!(lines(evil), "a\\x1b[2J\\x07b\\rc\\x9bd\\x7f\te\nf");
        assert_eq!(lines("a\r\nb\x07\r\n"), "a\nb\\x07\n");
        assert!(matches!(line("grüße ✓"), Cow::Borrowed(_)));
    }
}
