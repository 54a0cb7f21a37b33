//! An error with its causes, in one line, for a log.
//!
//! Owns the form alone; refuses to log. Needed because an error of ours never repeats its source,
//! so that without this the log would say "the ODB failed" and not why. Invariant: each link of the
//! chain is written once.

use std::error::Error;
use std::fmt;

/// For example `the disk of the ODB is full: error returned from database: …`.
#[derive(Debug, Clone, Copy)]
pub struct ErrorChain<'a>(pub &'a dyn Error);

// === impl ErrorChain ===

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn every_cause_is_told_once() {
        let link = |text, source: Option<Link>| Link {
            text,
            source: source.map(Box::new),
        };
        let error = link("late", Some(link("slow", Some(link("full", None)))));
        assert_eq!(ErrorChain(&error).to_string(), "late: slow: full");
        assert_eq!(ErrorChain(&link("alone", None)).to_string(), "alone");
    }
}
