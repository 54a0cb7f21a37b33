//! API tokens, `bsc_ID_SECRET`: what a program presents instead of a person.
//!
//! Owns life, scope and last use. Invariants: every token expires; a token never does more than its
//! owner may at the time of use (the caller narrows by the owner's subject).

use std::time::Duration;

use cp_model::{Invalid, Timestamp};

use super::text::{self, Parts, TokenId, TokenTextError};
use crate::clock::{after, between};
use crate::role::Subject;
use crate::{Secret, SecretError, TokenDigest};

const PREFIX: &str = "bsc";
/// Long enough for a quarter's work, short enough that forgotten tokens end.
pub const API_TOKEN_LIFE_DEFAULT: Duration = Duration::from_hours(90 * 24);
/// A year, and a day to renew on.
pub const API_TOKEN_LIFE_MAX: Duration = Duration::from_hours(366 * 24);
/// A use is written down once in this time: a row for each request would cost more than it tells.
pub const API_TOKEN_USE_STEP: Duration = Duration::from_mins(1);

/// What is kept of a token; all of it may be stored and shown, but for the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    pub id: TokenId,
    pub digest: TokenDigest,
    /// The most that it may do.
    pub grant: Subject,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// Rounded down to `API_TOKEN_USE_STEP`.
    pub used_at: Option<Timestamp>,
}

/// A well-formed token that somebody presents.
pub struct PresentedApiToken(Parts);

/// Why a token does not count. All but `Unknown` go to the one who holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiTokenRefused {
    /// No such id, or another secret.
    #[error("there is no such token")]
    Unknown,
    #[error("the token was revoked at {0}")]
    Revoked(Timestamp),
    #[error("the token expired at {0}")]
    Expired(Timestamp),
}

// === impl ApiToken ===

impl ApiToken {
    /// The text is shown once, the rest is stored.
    pub fn issue(
        grant: Subject,
        now: Timestamp,
        life: Duration,
    ) -> Result<(Secret, Self), ApiTokenIssueError> {
        if life.is_zero() || life > API_TOKEN_LIFE_MAX {
            let days = API_TOKEN_LIFE_MAX.as_secs() / 86_400;
            let reason = format!("must be more than nothing and at most {days} days");
            return Err(Invalid::new("life", reason).into());
        }
        let made = text::make(PREFIX, &[])?;
        let token = Self {
            id: made.id,
            digest: made.text.digest(),
            grant,
            made_at: now,
            expires_at: after(now, life),
            revoked_at: None,
            used_at: None,
        };
        Ok((made.text, token))
    }

    /// `found` is the row of the presented id, if there is one.
    pub fn admit<'a>(
        found: Option<&'a Self>,
        presented: &PresentedApiToken,
        now: Timestamp,
    ) -> Result<&'a Self, ApiTokenRefused> {
        let is_it = presented.0.is_of(found.map(|token| &token.digest));
        let Some(token) = found.filter(|token| is_it && token.id == presented.0.id) else {
            return Err(ApiTokenRefused::Unknown);
        };
        if let Some(at) = token.revoked_at {
            return Err(ApiTokenRefused::Revoked(at));
        }
        if now >= token.expires_at {
            return Err(ApiTokenRefused::Expired(token.expires_at));
        }
        Ok(token)
    }

    /// What to write as `used_at`, or `None` when it stands there already.
    pub fn use_to_note(&self, now: Timestamp) -> Option<Timestamp> {
        let step_us = i64::try_from(API_TOKEN_USE_STEP.as_micros()).unwrap_or(i64::MAX);
        let rounded = now.unix_us() - now.unix_us().rem_euclid(step_us);
        let rounded = Timestamp::from_unix_us(rounded);
        (self.used_at.is_none_or(|used| used < rounded)).then_some(rounded)
    }

    /// How long it still counts; zero when it does not.
    pub fn life_left(&self, now: Timestamp) -> Duration {
        match self.revoked_at {
            Some(_) => Duration::ZERO,
            None => between(now, self.expires_at),
        }
    }
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenIssueError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

// === impl PresentedApiToken ===

impl PresentedApiToken {
    pub fn parse(text: &str) -> Result<Self, TokenTextError> {
        text::parse(text, PREFIX, 0).map(Self)
    }

    /// To look the row up by.
    pub fn id(&self) -> &TokenId {
        &self.0.id
    }
}

impl std::fmt::Debug for PresentedApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PresentedApiToken")
            .field(&self.0.id)
            .finish()
    }
}
