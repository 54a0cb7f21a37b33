//! The second factor: one-time codes by time (RFC 6238), and recovery codes for a lost telephone.
//!
//! Owns the codes. Refuses rows and counting of failures: the secret is sealed and the last step
//! stored by the caller, and a wrong code is a failed log-in (`lockout`), without which six digits
//! would be guessed within days. Invariant: a code is accepted once, and none that is older than one
//! that was accepted.

mod recovery;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use cp_model::Timestamp;
use data_encoding::BASE32_NOPAD;
use ring::hmac;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::secret::random_bytes;
use crate::{Secret, SecretError};

pub use recovery::{RECOVERY_CODES, RecoveryCodes};

/// What RFC 4226 recommends for SHA-1, and what every authenticator takes.
const SECRET_BYTES: usize = 20;
/// The defaults of all authenticators: several ignore other values in the URI and then never agree.
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
const STEP_SECONDS: i64 = 30;
/// One step to either side: a telephone that is half a minute off, or a slow hand.
const STEPS_OFF: i64 = 1;
/// With the spaces that people put between the digits.
const TYPED_BYTES_MAX: usize = 16;

/// What the authenticator shares with us; sealed where it is stored.
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

/// Number of a half minute since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(pub i64);

/// Why a code does not count. The caller says the same in all cases; the log may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotpRefused {
    #[error("a code has six digits")]
    Malformed,
    #[error("the code is wrong, or its time is over")]
    Wrong,
    /// Right, but seen before: somebody may have looked over a shoulder.
    #[error("the code was used before")]
    Used,
}

// === impl TotpSecret ===

impl TotpSecret {
    pub fn make() -> Result<Self, SecretError> {
        random_bytes().map(Self)
    }

    /// What was sealed; `None` when it has not the length of a secret.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// To be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// The URI that a QR code shows, once. `issuer` names this installation, `account` the user.
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let mut uri = String::with_capacity(256 + issuer.len() * 2 + account.len());
        uri.push_str("otpauth://totp/");
        // Writing to a `String` cannot fail.
        write!(uri, "{issuer}:{account}?secret=").ok();
        BASE32_NOPAD.encode_append(self.as_bytes(), &mut uri);
        write!(
            uri,
            "&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
        )
        .ok();
        Secret::new(uri)
    }

    /// For those who type it instead: base 32.
    pub fn text(&self) -> Secret {
        Secret::new(BASE32_NOPAD.encode(self.as_bytes()))
    }

    /// `last` is the step of the last code that was accepted. The step that is returned is to be
    /// stored in its place before anybody is let in, with a condition on the old value, so that of
    /// two at the same time one is refused.
    pub fn accept(
        &self,
        typed: &str,
        last: Option<TotpStep>,
        now: Timestamp,
    ) -> Result<TotpStep, TotpRefused> {
        let code = code_of(typed).ok_or(TotpRefused::Malformed)?;
        let current = now.unix_us().div_euclid(STEP_SECONDS * 1_000_000);
        // All steps are computed and compared whatever matches, and the newest of them counts.
        let mut matched = i64::MIN;
        for step in current - STEPS_OFF..=current + STEPS_OFF {
            let is_it = self.code(step).ct_eq(&code);
            matched.conditional_assign(&step, is_it);
        }
        if matched == i64::MIN {
            return Err(TotpRefused::Wrong);
        }
        let step = TotpStep(matched);
        if last.is_some_and(|last| step <= last) {
            return Err(TotpRefused::Used);
        }
        Ok(step)
    }

    /// RFC 4226 with the step as the counter.
    fn code(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.as_bytes());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
        let chosen = tag.iter().skip(offset).take(4);
        let number = chosen.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        (number & 0x7fff_ffff) % MODULUS
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(***)")
    }
}

/// Six digits, among which there may be spaces.
fn code_of(typed: &str) -> Option<u32> {
    if typed.len() > TYPED_BYTES_MAX {
        return None;
    }
    let digits: String = typed.chars().filter(|c| *c != ' ').collect();
    let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| digits.parse().ok()).flatten()
}

/// A space as `%20`: authenticators show the `+` of a form as it is. Without the colon, which divides
/// issuer and account.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}
