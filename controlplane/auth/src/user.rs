//! Names of users.
//!
//! Owns the one spelling by which users are looked up, counted by `lockout` and written into the
//! audit trail. Invariant: a name is lower-case ASCII without spaces, so that two that look alike to
//! a person are the same to us.

use std::fmt;

use cp_model::Invalid;
use serde::Serialize;

/// As long as an e-mail address that anybody has.
const NAME_BYTES_MAX: usize = 128;

/// For example `ana` or `ana@example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserName(String);

// === impl UserName ===

impl UserName {
    /// Upper case and spaces around are taken for slips of a keyboard that means well.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_name = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@')
        };
        let text = text.trim();
        if text.len() <= NAME_BYTES_MAX {
            let name = text.to_ascii_lowercase();
            let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
            if starts_well && name.bytes().all(is_name) {
                return Ok(Self(name));
            }
        }
        Err(Invalid::new(
            "user",
            "must start with a letter or digit, go on with those and . _ - + @, 128 characters at most",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        for (typed, name) in [(" Ana ", "ana"), ("ANA@Example.com", "ana@example.com")] {
            assert_eq!(UserName::parse(typed).unwrap().as_str(), name);
        }
        for bad in [
            "",
            " ",
            "@ana",
            "a b",
            "ana\n\u{0}",
            "анна",
            "-ana",
            &"a".repeat(129),
        ] {
            assert!(UserName::parse(bad).is_err(), "{bad}");
        }
    }
}
