//! Scopes: the whole cluster, or names that start with one of a few prefixes.
//!
//! Owns the grammar of a prefix and how scopes combine. Invariant: no prefix is empty, and each ends
//! with a separator, so that `crm.` never reaches `crmx.orders`; a scope without prefixes reaches
//! nothing rather than everything.

use std::fmt;

use cp_model::Invalid;
use serde::Serialize;

/// A team has a few name spaces; each look-up tries all of them.
pub const PREFIXES_MAX: usize = 32;
/// As long as the longest name that it could match.
const PREFIX_BYTES_MAX: usize = 255;

/// For example `crm.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NamePrefix(String);

/// Which names a subject may act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Whole,
    /// Names that start with one of these; with none of them, no name at all.
    Prefixes(Vec<NamePrefix>),
}

// === impl NamePrefix ===

impl NamePrefix {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_name = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let ends_well = text.len() > 1 && text.ends_with(['.', '-', '_']);
        if is_name && starts_well && ends_well && text.len() <= PREFIX_BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(
            "scope",
            "must be the start of a name up to and with a dot, a dash or an underscore, for example crm.",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Scope ===

impl Scope {
    /// Parses a list of prefixes, at most `PREFIXES_MAX`. An empty list is refused: whoever means the
    /// whole cluster says `Scope::Whole`.
    pub fn parse<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let mut parsed = Vec::new();
        for text in prefixes {
            if parsed.len() == PREFIXES_MAX {
                let reason = format!("must have at most {PREFIXES_MAX} prefixes");
                return Err(Invalid::new("scope", reason));
            }
            parsed.push(NamePrefix::parse(text)?);
        }
        if parsed.is_empty() {
            return Err(Invalid::new("scope", "must have at least one prefix"));
        }
        parsed.sort();
        parsed.dedup();
        Ok(Self::Prefixes(parsed))
    }

    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// The prefixes to store; `None` for the whole cluster.
    pub fn prefixes(&self) -> Option<&[NamePrefix]> {
        match self {
            Self::Whole => None,
            Self::Prefixes(prefixes) => Some(prefixes),
        }
    }

    pub fn holds(&self, name: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| name.starts_with(&prefix.0)),
        }
    }

    /// Whether every name of `other` is one of ours.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, _) => true,
            (Self::Prefixes(_), Self::Whole) => false,
            (Self::Prefixes(_), Self::Prefixes(theirs)) => {
                theirs.iter().all(|prefix| self.holds(&prefix.0))
            }
        }
    }

    /// The names that are in both.
    #[must_use]
    pub fn narrowed_by(&self, other: &Self) -> Self {
        let (ours, theirs) = match (self, other) {
            (Self::Whole, scope) | (scope, Self::Whole) => return scope.clone(),
            (Self::Prefixes(ours), Self::Prefixes(theirs)) => (ours, theirs),
        };
        // Of two prefixes that meet, one starts with the other; the longer one is what they share.
        let inside = |prefixes: &[NamePrefix], scope: &Self| {
            let kept = prefixes.iter().filter(|prefix| scope.holds(&prefix.0));
            kept.cloned().collect::<Vec<_>>()
        };
        let mut both = inside(ours, other);
        both.extend(inside(theirs, self));
        both.sort();
        both.dedup();
        Self::Prefixes(both)
    }
}
