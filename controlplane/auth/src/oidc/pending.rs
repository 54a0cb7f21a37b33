//! A log-in between its two halves: the browser is away at the provider.
//!
//! Owns what is remembered meanwhile. The caller stores it by the digest of the state, takes it out
//! when the browser comes back (so that it serves once), and keeps the state in a cookie of the
//! browser too: `HttpOnly; SameSite=Lax`, because the way back is a navigation from another site,
//! and bound to the path of the callback. Invariant: only the browser that began a log-in finishes
//! it; else an attacker could finish their own in a victim's browser.

use std::fmt;
use std::time::Duration;

use cp_model::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use url::Url;

use super::error::OidcError;
use super::fetch::shown_code;
use crate::clock::between;
use crate::secret::random_bytes;
use crate::{Secret, SecretError, TokenDigest};

/// To find the password of the provider, and a second factor.
pub const OIDC_PENDING_LIFE: Duration = Duration::from_mins(10);

/// To be stored; both secrets sealed, if it goes into a row.
#[derive(Debug, Clone)]
pub struct OidcPending {
    pub state: TokenDigest,
    pub nonce: Secret,
    /// Of PKCE: proves to the provider that who redeems the code is who began.
    pub verifier: Secret,
    pub began_at: Timestamp,
}

/// The first half.
pub struct OidcStart {
    /// Where the browser goes.
    pub url: Url,
    /// For the cookie.
    pub state: Secret,
    pub pending: OidcPending,
}

/// What the browser comes back with; all of it is the client's word.
#[derive(Debug, Clone, Copy, Default)]
pub struct OidcCallback<'a> {
    pub code: Option<&'a str>,
    pub state: Option<&'a str>,
    pub error: Option<&'a str>,
    /// RFC 9207.
    pub iss: Option<&'a str>,
    /// Of the cookie.
    pub cookie_state: Option<&'a str>,
}

// === impl OidcPending ===

impl OidcPending {
    /// With the state in clear.
    pub(super) fn begin(now: Timestamp) -> Result<(Secret, Self), SecretError> {
        let random = || -> Result<Secret, SecretError> {
            Ok(Secret::new(BASE64URL_NOPAD.encode(&*random_bytes::<32>()?)))
        };
        let state = random()?;
        let pending = Self {
            state: state.digest(),
            nonce: random()?,
            verifier: random()?,
            began_at: now,
        };
        Ok((state, pending))
    }

    /// RFC 7636, S256.
    pub(super) fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.verifier.expose().as_bytes()))
    }

    /// The code, if the callback belongs to this log-in.
    pub(super) fn code<'a>(
        &self,
        callback: &OidcCallback<'a>,
        now: Timestamp,
    ) -> Result<&'a str, OidcError> {
        let is_ours = |state: Option<&str>| state.is_some_and(|state| self.state.matches(state));
        let is_alive = between(self.began_at, now) < OIDC_PENDING_LIFE;
        if !is_alive || !is_ours(callback.state) || !is_ours(callback.cookie_state) {
            return Err(OidcError::NotPending);
        }
        if let Some(error) = callback.error {
            return Err(OidcError::Denied(shown_code(error)));
        }
        callback.code.ok_or(OidcError::NotPending)
    }
}

// === impl OidcStart ===

/// Without the URL, which holds state and nonce.
impl fmt::Debug for OidcStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcStart")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
