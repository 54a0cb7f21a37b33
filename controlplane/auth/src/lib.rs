//! Who may do what: operation contexts, tokens, set-up codes and sessions.
//!
//! Owns secrets and their comparison; refuses HTTP (cp-api reads headers) and rows. Invariant: no
//! secret is ever printed, logged or compared byte by byte.

mod base32;
pub mod ca;
mod clock;
mod context;
pub mod csrf;
mod digest;
mod fingerprint;
pub mod lockout;
pub mod oidc;
pub mod password;
pub mod role;
pub mod sealed;
mod secret;
mod session;
mod setup;
pub mod stored_session;
pub mod token;
pub mod totp;
pub mod user;

pub use context::{Action, Actor, Forbidden, Intent, OpContext};
pub use digest::TokenDigest;
pub use fingerprint::Fingerprint;
pub use secret::{Secret, SecretError};
pub use session::{SESSION_IDLE_MAX, SessionId, Sessions};
pub use setup::{SETUP_CODE_LIFE, SetupCodes};
