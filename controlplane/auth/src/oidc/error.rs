//! What goes wrong with a log-in by a provider.
//!
//! Invariant: no variant holds a code, a token or a secret.

use cp_model::Invalid;

use super::FetchError;
use crate::SecretError;

/// A log-in that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Upstream's fault; a retry is safe.
    #[error("the provider's {what} cannot be fetched")]
    Fetch {
        what: &'static str,
        source: FetchError,
    },
    /// Upstream's fault, or a code that was used or is too old.
    #[error("the provider answers {status}{} for its {what}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        what: &'static str,
        status: u16,
        code: Option<String>,
    },
    /// Upstream's fault.
    #[error("the provider's {what} {reason}")]
    Document { what: &'static str, reason: String },
    /// The browser's: the flow was begun elsewhere, finished already, or took too long.
    #[error("this log-in was not begun here, or too long ago; begin again")]
    NotPending,
    /// The person or the provider said no.
    #[error("the provider refuses: {0}")]
    Denied(String),
    #[error("the id token is refused: {0}")]
    IdToken(#[from] IdTokenRefused),
    /// Known to the provider and not allowed here.
    #[error("no rule gives this person a role")]
    NoRole,
    #[error("the claim {claim} is no name of a user")]
    User {
        claim: String,
        #[source]
        source: Invalid,
    },
    #[error(transparent)]
    Random(#[from] SecretError),
}

/// Why an id token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenRefused {
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    #[error("its algorithm is none of RS256, ES256 and EdDSA")]
    Algorithm,
    #[error("the provider has no key of its kind and id")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("it is from another issuer")]
    Issuer,
    #[error("it is for another client")]
    Audience,
    #[error("it was issued to another party")]
    AuthorizedParty,
    #[error("it has expired")]
    Expired,
    #[error("it is from the future")]
    NotYet,
    #[error("its nonce is not the one of this log-in")]
    Nonce,
}
