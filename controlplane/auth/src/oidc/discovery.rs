//! What a provider says about itself, `/.well-known/openid-configuration`.
//!
//! Invariant: the document is about the issuer that we asked for, and all that it points to is spoken
//! to over TLS or on this machine.

use serde::Deserialize;
use url::Url;

use super::config::{OidcConfig, trusted_url};
use super::error::OidcError;

pub(super) const DOCUMENT: &str = "configuration";

/// What of it we need.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) secret_by: SecretBy,
    /// RFC 9207: the callback names the issuer, always.
    pub(super) callback_has_issuer: bool,
}

/// How the client's secret is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretBy {
    Basic,
    Form,
}

#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

// === impl Metadata ===

impl Metadata {
    pub(super) fn parse(body: &[u8], config: &OidcConfig) -> Result<Self, OidcError> {
        let bad = |reason: String| OidcError::Document {
            what: DOCUMENT,
            reason,
        };
        let document: Document =
            serde_json::from_slice(body).map_err(|error| bad(format!("is malformed: {error}")))?;
        // Byte for byte, as the id token's will be.
        if document.issuer != config.settings.issuer {
            return Err(bad("is of another issuer than the settings say".to_owned()));
        }
        let has_s256 = |methods: &Vec<String>| methods.iter().any(|method| method == "S256");
        if !document
            .code_challenge_methods_supported
            .as_ref()
            .is_none_or(has_s256)
        {
            return Err(bad("has no PKCE with S256".to_owned()));
        }
        let url =
            |field, text: &str| trusted_url(field, text).map_err(|error| bad(error.to_string()));
        let methods = document.token_endpoint_auth_methods_supported;
        let has = |name| {
            methods
                .as_ref()
                .is_none_or(|methods| methods.iter().any(|m| m == name))
        };
        let secret_by = if has("client_secret_basic") {
            SecretBy::Basic
        } else {
            SecretBy::Form
        };
        Ok(Self {
            authorization_endpoint: url(
                "authorization_endpoint",
                &document.authorization_endpoint,
            )?,
            token_endpoint: url("token_endpoint", &document.token_endpoint)?,
            jwks_uri: url("jwks_uri", &document.jwks_uri)?,
            secret_by,
            callback_has_issuer: document.authorization_response_iss_parameter_supported,
        })
    }
}
