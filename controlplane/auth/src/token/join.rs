//! Join tokens, `bsj_ID_SECRET_CA`: with one, a new machine becomes a node, once.
//!
//! Owns life, single use and the bond to a node's name. The text carries the fingerprint of the
//! cluster's CA, so that the machine knows whom it talks to before it has any certificate.
//! Invariant: of two that present the same token at the same time at most one joins, provided that
//! the caller stores the use with a condition on `used` being empty.

use std::fmt;
use std::time::Duration;

use cp_model::{Invalid, NodeName, Timestamp};

use super::text::{self, Parts, TokenId, TokenTextError};
use crate::clock::after;
use crate::{Fingerprint, Secret, SecretError, TokenDigest};

const PREFIX: &str = "bsj";
const CA_BYTES: usize = 32;
/// It is copied to the machine and used there and then.
pub const JOIN_TOKEN_LIFE_MAX: Duration = Duration::from_hours(1);

/// What is kept of a join token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    pub id: TokenId,
    pub digest: TokenDigest,
    /// The only name that may join with it, if it was made for one.
    pub node: Option<NodeName>,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    pub used: Option<JoinTokenUse>,
}

/// Who used it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinTokenUse {
    pub node: NodeName,
    pub at: Timestamp,
}

/// A well-formed join token that somebody presents.
pub struct PresentedJoinToken {
    parts: Parts,
    ca: Fingerprint,
}

/// Why nobody joins. All but `Unknown` go to the one who holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// No such id, or another secret.
    #[error("there is no such join token")]
    Unknown,
    /// A replay, or a second machine with the same command line.
    #[error("the join token was used at {0}; each machine needs one of its own")]
    Used(Timestamp),
    #[error("the join token expired at {0}")]
    Expired(Timestamp),
    #[error("the join token was made for a node of another name")]
    OtherNode,
}

/// Why no join token was made.
#[derive(Debug, thiserror::Error)]
pub enum JoinTokenIssueError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

// === impl JoinToken ===

impl JoinToken {
    /// The text is shown once, the rest is stored.
    pub fn issue(
        ca: Fingerprint,
        node: Option<NodeName>,
        now: Timestamp,
        life: Duration,
    ) -> Result<(Secret, Self), JoinTokenIssueError> {
        if life.is_zero() || life > JOIN_TOKEN_LIFE_MAX {
            let minutes = JOIN_TOKEN_LIFE_MAX.as_secs() / 60;
            let reason = format!("must be more than nothing and at most {minutes} minutes");
            return Err(Invalid::new("life", reason).into());
        }
        let made = text::make(PREFIX, ca.as_bytes())?;
        let token = Self {
            id: made.id,
            digest: made.text.digest(),
            node,
            made_at: now,
            expires_at: after(now, life),
            used: None,
        };
        Ok((made.text, token))
    }

    /// Whether `node` may join; what to store in `used` if so. `found` is the row of the presented
    /// id, if there is one.
    pub fn redeem(
        found: Option<&Self>,
        presented: &PresentedJoinToken,
        node: &NodeName,
        now: Timestamp,
    ) -> Result<JoinTokenUse, JoinRefused> {
        let is_it = presented.parts.is_of(found.map(|token| &token.digest));
        let Some(token) = found.filter(|token| is_it && token.id == presented.parts.id) else {
            return Err(JoinRefused::Unknown);
        };
        // Used before expired: that somebody else joined with it is what a person must hear.
        if let Some(used) = &token.used {
            return Err(JoinRefused::Used(used.at));
        }
        if now >= token.expires_at {
            return Err(JoinRefused::Expired(token.expires_at));
        }
        if token.node.as_ref().is_some_and(|bound| bound != node) {
            return Err(JoinRefused::OtherNode);
        }
        Ok(JoinTokenUse {
            node: node.clone(),
            at: now,
        })
    }
}

// === impl PresentedJoinToken ===

impl PresentedJoinToken {
    pub fn parse(text: &str) -> Result<Self, TokenTextError> {
        let parts = text::parse(text, PREFIX, CA_BYTES)?;
        let ca = <[u8; CA_BYTES]>::try_from(parts.extra.as_slice())
            .map_err(|_wrong_length| TokenTextError::Mistyped)?;
        let ca = Fingerprint::from_bytes(ca);
        Ok(Self { parts, ca })
    }

    /// To look the row up by.
    pub fn id(&self) -> &TokenId {
        &self.parts.id
    }

    /// Of the CA that the control plane's certificate must come from.
    pub fn ca(&self) -> Fingerprint {
        self.ca
    }
}

impl fmt::Debug for PresentedJoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedJoinToken")
            .field("id", &self.parts.id)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}
