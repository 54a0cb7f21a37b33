//! Recovery codes: what lets a person in who lost the telephone.
//!
//! Owns making and redeeming them. A code has 80 random bits, so that a fast hash is enough to keep.
//! Invariant: each works once, and comparing looks at all that are left.

use crate::base32::{BASE32, typed};
use crate::secret::random_bytes;
use crate::{Secret, SecretError, TokenDigest};

/// Fit on one slip of paper, for years.
pub const RECOVERY_CODES: usize = 10;

const CODE_BYTES: usize = 10;
/// Four groups of four, with dashes.
const GROUP_CHARS: usize = 4;
const TYPED_BYTES_MAX: usize = 64;

/// Digests of those that were not used yet; stored as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub digests: Vec<TokenDigest>,
}

// === impl RecoveryCodes ===

impl RecoveryCodes {
    /// The codes are shown once. They replace those that there were.
    pub fn make() -> Result<(Vec<Secret>, Self), SecretError> {
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        let mut digests = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            let code = Secret::new(BASE32.encode(&*random_bytes::<CODE_BYTES>()?));
            digests.push(code.digest());
            codes.push(grouped(&code));
        }
        Ok((codes, Self { digests }))
    }

    /// Uses a code up; false when it is none of those that are left. The shorter list is to be stored
    /// before anybody is let in, with a condition on the old one.
    pub fn redeem(&mut self, presented: &str) -> bool {
        if presented.len() > TYPED_BYTES_MAX {
            return false;
        }
        let code = Secret::new(typed(presented));
        let left = self.digests.len();
        self.digests.retain(|digest| !digest.matches(code.expose()));
        self.digests.len() < left
    }

    pub fn left(&self) -> usize {
        self.digests.len()
    }
}

fn grouped(code: &Secret) -> Secret {
    let mut text = String::with_capacity(code.expose().len() * 2);
    for (at, c) in code.expose().chars().enumerate() {
        if at > 0 && at.is_multiple_of(GROUP_CHARS) {
            text.push('-');
        }
        text.push(c);
    }
    Secret::new(text)
}
