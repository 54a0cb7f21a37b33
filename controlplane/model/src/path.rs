//! The path pattern of a channel: literal segments and `{parameters}`.
//!
//! Owns the grammar and the question whether two patterns take the same requests; refuses to match
//! requests (the data plane does). Invariant: what parses here compiles in every node's router.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::Invalid;

/// Every node answers this path itself.
pub const BUILT_IN_PATH: &str = "/zato/ping";
const PATH_BYTES_MAX: usize = 1_024;
/// Deeper paths than this are mistakes, and the nodes' router walks one level a segment.
const SEGMENTS_MAX: usize = 32;

/// For example `/customers/{id}/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PathPattern(String);

// === impl PathPattern ===

impl PathPattern {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: String| Err(Invalid::new("path", reason));
        let Some(rest) = text.strip_prefix('/') else {
            return refuse("must start with /".into());
        };
        if text.len() > PATH_BYTES_MAX {
            return refuse(format!("must not be longer than {PATH_BYTES_MAX} bytes"));
        }
        if rest.split('/').count() > SEGMENTS_MAX {
            return refuse(format!("must not have more than {SEGMENTS_MAX} segments"));
        }
        let mut parameters = HashSet::new();
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            // A single trailing slash is a path of its own, as in HTTP.
            if segment.is_empty() && segments.peek().is_none() {
                break;
            }
            match parse_segment(segment) {
                Ok(None) => {}
                Ok(Some(name)) if parameters.insert(name) => {}
                Ok(Some(name)) => return refuse(format!("has the parameter {{{name}}} twice")),
                Err(reason) => return refuse(reason),
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// A pattern that a row holds. An earlier version may have taken what is refused today; such a row
    /// must stay readable, so that a person can mend it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// True for the path of the built-in channel and all that is below it.
    pub fn is_built_in(&self) -> bool {
        let rest = self.0.strip_prefix(BUILT_IN_PATH);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern without its parameters' names: two patterns with one key take the same paths.
    pub fn key(&self) -> String {
        let bare = |segment| if is_parameter(segment) { "{}" } else { segment };
        self.0.split('/').map(bare).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

/// The name of the parameter, or `None` for a literal.
fn parse_segment(segment: &str) -> Result<Option<&str>, String> {
    if segment.is_empty() {
        return Err("must not have an empty segment".into());
    }
    // Also with parameters behind a semicolon, which some servers cut off: the nodes refuse those, and
    // one channel that they refuse would keep every later generation from them.
    if matches!(segment.split(';').next(), Some("." | "..")) {
        return Err(format!("must not have the segment {segment}"));
    }
    if let Some(name) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = name
            .bytes()
            .next()
            .is_some_and(|b| good(b) && !b.is_ascii_digit());
        if starts_well && name.bytes().all(good) {
            return Ok(Some(name));
        }
        return Err(format!("has a bad parameter name in {segment:?}"));
    }
    let literal = |c: char| !c.is_control() && !c.is_whitespace() && !"{}?#%\\\"<>^`|*".contains(c);
    if segment.chars().all(literal) {
        return Ok(None);
    }
    Err(format!(
        "has a character in {segment:?} that a literal segment must not have"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which patterns are good, `border` tells.
    #[test]
    fn a_bad_pattern_says_so() {
        for text in ["", "a", "/a//b", "/..;x/a", "/a\u{0}b"] {
            let error = PathPattern::parse(text).expect_err(text);
            assert_eq!(error.field, "path", "{text}");
        }
    }

    #[test]
    fn parameter_names_do_not_tell_patterns_apart() {
        let key = |text| PathPattern::parse(text).expect(text).key();
        assert_eq!(key("/a/{b}/c"), key("/a/{x}/c"));
        assert_ne!(key("/a/{b}/c"), key("/a/b/c"));
        assert_ne!(key("/a/{b}"), key("/a/{b}/"));
    }
}
