//! One-time codes that open the console's first session.
//!
//! Invariant: a code works once, and only within its life.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Secret, SecretError, TokenDigest};

pub const SETUP_CODE_LIFE: Duration = Duration::from_mins(10);
/// Codes are made by people; more than this at once is a loop gone wild.
const CODES_MAX: usize = 100;

/// The codes that wait to be used.
#[derive(Debug, Default)]
pub struct SetupCodes {
    waiting: Mutex<Vec<(TokenDigest, Instant)>>,
}

// === impl SetupCodes ===

impl SetupCodes {
    pub fn issue(&self, now: Instant) -> Result<Secret, SecretError> {
        let code = Secret::random("bsu_")?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, until)| *until > now);
        if waiting.len() >= CODES_MAX {
            waiting.remove(0);
        }
        waiting.push((code.digest(), now + SETUP_CODE_LIFE));
        Ok(code)
    }

    /// True once for a code that is still alive.
    pub fn redeem(&self, presented: &str, now: Instant) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = waiting
            .iter()
            .position(|(digest, _)| digest.matches(presented))
        else {
            return false;
        };
        let (_, until) = waiting.swap_remove(index);
        until > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_once_and_not_late() {
        let codes = SetupCodes::default();
        let now = Instant::now();
        let code = codes.issue(now).unwrap();
        assert!(!codes.redeem("bsu_wrong", now));
        assert!(codes.redeem(code.expose(), now));
        assert!(!codes.redeem(code.expose(), now));
        let late = codes.issue(now).unwrap();
        assert!(!codes.redeem(late.expose(), now + SETUP_CODE_LIFE));
    }
}
