//! Tokens that programs and joining nodes present.
//!
//! Owns their form, their lives and the decision whether one counts; refuses rows (the caller looks
//! up by id and stores what it gets back). Invariant: of a token's text only a digest is kept, and
//! why a token does not count is told only to whoever presented its whole secret.

mod api;
mod join;
#[cfg(test)]
mod tests;
mod text;

pub use api::{
    API_TOKEN_LIFE_DEFAULT, API_TOKEN_LIFE_MAX, API_TOKEN_USE_STEP, ApiToken, ApiTokenRefused,
    PresentedApiToken,
};
pub use join::{JOIN_TOKEN_LIFE_MAX, JoinRefused, JoinToken, JoinTokenUse, PresentedJoinToken};
pub use text::{TokenId, TokenTextError};
