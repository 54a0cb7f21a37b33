//! Logging in with an identity provider: `OpenID` Connect, authorization code flow with PKCE.
//!
//! Owns the flow, the checks of the id token and the mapping of claims to a role. Refuses I/O: the
//! caller fetches (`Fetch`), stores what is pending, and keeps users. Signatures are verified by ring
//! with keys of the provider's JWKS, RS256, ES256 and `EdDSA` and nothing else; the crates that do it
//! all (openidconnect, jsonwebtoken with its own cryptography) bring `rsa`, whose private-key
//! operations leak by time (RUSTSEC-2023-0071).
//!
//! Invariants: nobody is let in by a token whose signature, issuer, audience, time or nonce was not
//! checked; a flow is finished once, in the browser that began it; a person is who the provider's
//! `sub` says, and a name is only a label.

mod config;
mod discovery;
mod error;
mod fetch;
mod flow;
mod grant;
mod id_token;
mod keys;
mod pending;
#[cfg(test)]
mod tests;

pub use config::{OidcConfig, OidcSettings, RoleRule};
pub use error::{IdTokenRefused, OidcError};
pub use fetch::{Fetch, FetchError, OidcRequest, OidcResponse};
pub use flow::OidcClient;
pub use grant::OidcIdentity;
pub use pending::{OIDC_PENDING_LIFE, OidcCallback, OidcPending, OidcStart};
