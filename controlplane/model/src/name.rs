//! Names of things, one type for each kind of thing.
//!
//! Owns the two grammars of names. Invariant: a name is safe in a URL path, in a log line and in a
//! file name, because it holds nothing but ASCII letters, digits, dots, underscores and dashes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Long enough for dotted name spaces, short enough for a DNS label and a console column.
const NAME_BYTES_MAX: usize = 63;
/// Services are named by their authors' Python classes, which may sit deep in modules.
const SERVICE_NAME_BYTES_MAX: usize = 255;

/// Fits a column that is part of a key in every engine.
const WIDE_NAME_BYTES_MAX: usize = 200;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $field:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses, naming the field on failure.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err(Invalid::new($field, reason)),
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a cluster.
    ClusterName, "name", check_name
);
name!(
    /// Name of a node, unique in its cluster.
    NodeName, "name", check_name
);
name!(
    /// Name of a service, as its author wrote it.
    ServiceName, "service", check_service_name
);

pub(crate) fn check_name(text: &str) -> Result<(), String> {
    let rest = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    check(
        text,
        NAME_BYTES_MAX,
        |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'),
        rest,
    )
    .map_err(|()| {
        format!(
            "must match [a-z0-9][a-z0-9._-]{{0,62}}, got {}",
            shown(text)
        )
    })
}

/// Upper case is allowed here, and only here: Zato's services may have it.
pub(crate) fn check_service_name(text: &str) -> Result<(), String> {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    check(text, SERVICE_NAME_BYTES_MAX, first, rest).map_err(|()| {
        format!(
            "must match [A-Za-z0-9_][A-Za-z0-9._-]{{0,254}}, got {}",
            shown(text)
        )
    })
}

/// What Zato's users call their connections: anything that can be read, typed and put into a URL.
pub(crate) fn check_wide_name(text: &str) -> Result<(), String> {
    let is_bad = |c: char| c.is_control() || c == '/';
    let is_good = !text.is_empty()
        && text.len() <= WIDE_NAME_BYTES_MAX
        && text.trim() == text
        && !text.chars().any(is_bad);
    if is_good {
        return Ok(());
    }
    Err(format!(
        "must be 1 to {WIDE_NAME_BYTES_MAX} bytes without control characters, /, or spaces at its \
         ends, got {}",
        shown(text)
    ))
}

fn check(
    text: &str,
    bytes_max: usize,
    first: impl Fn(u8) -> bool,
    rest: impl Fn(u8) -> bool,
) -> Result<(), ()> {
    let starts_well = text.bytes().next().is_some_and(first);
    if starts_well && text.len() <= bytes_max && text.bytes().skip(1).all(rest) {
        Ok(())
    } else {
        Err(())
    }
}

/// What was given, short and escaped, so that an error message cannot carry control characters.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_short() {
        for good in ["a", "dev-1", "crm.customer", "0", &"x".repeat(63)] {
            assert!(NodeName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "-a",
            ".a",
            "a b",
            "a/b",
            "a\n",
            "é",
            &"x".repeat(64),
        ] {
            let error = NodeName::parse(bad).expect_err(bad);
            assert_eq!(error.field, "name");
            assert!(!error.reason.contains('\n'), "escaped: {error}");
        }
    }

    #[test]
    fn service_names_may_have_upper_case() {
        assert!(ServiceName::parse("CRM.GetCustomer").is_ok());
        assert!(ServiceName::parse("a/b").is_err());
    }
}
