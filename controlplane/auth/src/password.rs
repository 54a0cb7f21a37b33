//! Passwords of people: what is accepted, how it is kept, how it is checked.
//!
//! Owns Argon2id and its parameters, and the bound on how many run at once (`pool`). Refuses users
//! and rows: a hash is a PHC string that the caller stores. Invariants: a password's text is never
//! kept; checking costs one hash whether the user exists or not.
//!
//! A password is the bytes that were typed, without Unicode normalization: browsers submit composed
//! characters, and a rule that changes what people typed is one more thing to get wrong.

mod pool;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use cp_model::Invalid;

use crate::secret::random_bytes;
use crate::{Secret, SecretError};

pub use pool::{
    PASSWORD_WAITING_MAX, PasswordBusy, PasswordPool, PasswordTurn, Verdict, passwords_at_once,
};

/// In characters, so that a letter with an accent counts once. Length is the one rule that helps;
/// rules about digits and symbols make worse passwords.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// No passphrase is longer, and a flood of megabytes is not hashed.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// OWASP's floor for Argon2id is 19 MiB, 2 passes, 1 lane. One check takes 39 ms of one core (31 of
/// them its own, 8 for pages of memory; mean of 123 on a busy 2-core virtual machine, optimized):
/// long for a guesser, not for a person.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// More lanes help only when more threads run, and a log-in has one.
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// Hashes come from our own rows; a row that was tampered with must not take all memory.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

/// A password that may be set.
pub struct NewPassword(Secret);

/// A hash as it is stored: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(phc::PasswordHash);

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password cannot be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error(transparent)]
    Random(#[from] SecretError),
    /// The blocking task panicked or the runtime shuts down.
    #[error("the password could not be looked at")]
    Task(#[source] tokio::task::JoinError),
}

// === impl NewPassword ===

impl NewPassword {
    pub fn parse(text: Secret) -> Result<Self, Invalid> {
        if text.expose().len() > PASSWORD_BYTES_MAX {
            let reason = format!("must have at most {PASSWORD_BYTES_MAX} bytes");
            return Err(Invalid::new("password", reason));
        }
        if text.expose().chars().count() < PASSWORD_CHARS_MIN {
            let reason = format!("must have at least {PASSWORD_CHARS_MIN} characters");
            return Err(Invalid::new("password", reason));
        }
        Ok(Self(text))
    }

    /// Blocks for as long as a hash takes; the pool calls it and counts in `runs`.
    fn hash(&self, runs: &AtomicU64) -> Result<PasswordHash, PasswordError> {
        let salt = random_bytes::<SALT_BYTES>()?;
        runs.fetch_add(1, Ordering::Relaxed);
        let hash = argon2()
            .map_err(|error| PasswordError::Hash(error.into()))?
            .hash_password_with_salt(self.0.expose().as_bytes(), &*salt);
        hash.map(PasswordHash).map_err(PasswordError::Hash)
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

// === impl PasswordHash ===

impl PasswordHash {
    /// Parses a stored hash. Any Argon2id parameters within reason are good; `is_outdated` tells
    /// those that are not today's.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason: &str| Invalid::new("password_hash", reason);
        let hash = phc::PasswordHash::new(text)
            .map_err(|_detail_of_a_secret| invalid("must be a PHC string"))?;
        let params = Params::try_from(&hash)
            .map_err(|_detail_of_a_secret| invalid("must have parameters of Argon2"))?;
        let is_argon2id = hash.algorithm == Algorithm::Argon2id.ident();
        if !is_argon2id || hash.salt.is_none() || hash.hash.is_none() {
            return Err(invalid("must be an Argon2id hash with its salt"));
        }
        let is_bounded = params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX;
        if !is_bounded {
            return Err(invalid(
                "must not need more memory and time than we ever use",
            ));
        }
        Ok(Self(hash))
    }

    /// Whether to hash anew when the right password is at hand.
    pub fn is_outdated(&self) -> bool {
        let is_todays = Params::try_from(&self.0).is_ok_and(|params| {
            params.m_cost() == MEMORY_KIB && params.t_cost() == PASSES && params.p_cost() == LANES
        });
        let output_bytes = self.0.hash.as_ref().map(phc::Output::len);
        let version = self.0.version;
        !is_todays
            || output_bytes != Some(OUTPUT_BYTES)
            || version != Some(u32::from(Version::V0x13))
    }

    /// Blocks for as long as a hash takes; the pool calls it and counts in `runs`.
    fn is_of(&self, presented: &Secret, runs: &AtomicU64) -> bool {
        let Ok(argon2) = argon2() else { return false };
        runs.fetch_add(1, Ordering::Relaxed);
        // The output is compared in constant time by the crate.
        argon2
            .verify_password(presented.expose().as_bytes(), &self.0)
            .is_ok()
    }
}

/// The text to store.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

fn argon2() -> argon2::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
