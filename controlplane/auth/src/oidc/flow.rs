//! The flow: begin, and finish.
//!
//! Owns the provider's documents, fetched when they are needed and anew after an hour, or when a
//! token is signed by a key that is not among them (providers exchange keys without a word).
//! Invariant: the provider is asked for its keys at most once in `KEYS_PAUSE` for their being
//! unknown, whatever tokens it hands out.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use cp_model::Timestamp;
use data_encoding::BASE64;
use serde::Deserialize;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::config::OidcConfig;
use super::discovery::{self, Metadata, SecretBy};
use super::error::{IdTokenRefused, OidcError};
use super::fetch::{Fetch, OidcRequest, fetch_document};
use super::grant::{OidcIdentity, identity};
use super::id_token::{self, Claims, Expected};
use super::keys::{self, Keys};
use super::pending::{OidcCallback, OidcPending, OidcStart};
use crate::Secret;
use crate::clock::between;

/// A key that the provider withdrew is believed no longer than this.
const KNOWN_LIFE: Duration = Duration::from_hours(1);
const KEYS_PAUSE: Duration = Duration::from_secs(30);
const TOKEN: &str = "token answer";

/// One provider; share it.
#[derive(Debug)]
pub struct OidcClient {
    config: OidcConfig,
    known: ArcSwapOption<Known>,
}

/// What the provider said last.
#[derive(Debug, Clone)]
struct Known {
    metadata: Metadata,
    keys: Keys,
    at: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Secret,
}

// === impl OidcClient ===

impl OidcClient {
    pub fn new(config: OidcConfig) -> Self {
        Self {
            config,
            known: ArcSwapOption::empty(),
        }
    }

    /// Fetches what the provider says about itself unless it is known; also a test of the settings.
    pub async fn begin(&self, fetch: &impl Fetch, now: Timestamp) -> Result<OidcStart, OidcError> {
        let known = self.known(fetch, now).await?;
        let (state, pending) = OidcPending::begin(now)?;
        let settings = &self.config.settings;
        let mut scope = "openid".to_owned();
        for word in settings.scopes.iter().filter(|word| *word != "openid") {
            scope.push(' ');
            scope.push_str(word);
        }
        let mut url = known.metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", self.config.redirect_uri.as_str())
            .append_pair("scope", &scope)
            .append_pair("state", state.expose())
            .append_pair("nonce", pending.nonce.expose())
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(OidcStart {
            url,
            state,
            pending,
        })
    }

    /// `pending` was taken out of where it was kept, so that nobody finishes it a second time.
    pub async fn finish(
        &self,
        fetch: &impl Fetch,
        pending: &OidcPending,
        callback: OidcCallback<'_>,
        now: Timestamp,
    ) -> Result<OidcIdentity, OidcError> {
        let code = pending.code(&callback, now)?;
        let known = self.known(fetch, now).await?;
        // Another provider's answer to our question would send our code there (mix-up).
        let is_theirs = match callback.iss {
            Some(issuer) => issuer == self.config.settings.issuer,
            None => !known.metadata.callback_has_issuer,
        };
        if !is_theirs {
            return Err(IdTokenRefused::Issuer.into());
        }
        let request = self.token_request(&known.metadata, code, pending);
        let body = Zeroizing::new(fetch_document(fetch, request, TOKEN).await?);
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_content| OidcError::Document {
                what: TOKEN,
                reason: "has no id token".to_owned(),
            })?;
        let claims = self.claims(fetch, &answer.id_token, pending, now).await?;
        identity(&self.config, claims)
    }

    async fn claims(
        &self,
        fetch: &impl Fetch,
        token: &Secret,
        pending: &OidcPending,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let expected = Expected {
            issuer: &self.config.settings.issuer,
            client_id: &self.config.settings.client_id,
            nonce: pending.nonce.expose(),
        };
        let known = self.known(fetch, now).await?;
        let verified = id_token::verify(token.expose(), &known.keys, expected, now);
        let is_old = between(known.at, now) >= KEYS_PAUSE;
        if !(matches!(verified, Err(IdTokenRefused::UnknownKey)) && is_old) {
            return Ok(verified?);
        }
        let known = self.fetch_known(fetch, now).await?;
        Ok(id_token::verify(
            token.expose(),
            &known.keys,
            expected,
            now,
        )?)
    }

    async fn known(&self, fetch: &impl Fetch, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        match self.known.load_full() {
            Some(known) if between(known.at, now) < KNOWN_LIFE => Ok(known),
            _ => self.fetch_known(fetch, now).await,
        }
    }

    async fn fetch_known(
        &self,
        fetch: &impl Fetch,
        now: Timestamp,
    ) -> Result<Arc<Known>, OidcError> {
        let url = self.config.discovery_url();
        let body = fetch_document(fetch, OidcRequest::Get { url }, discovery::DOCUMENT).await?;
        let metadata = Metadata::parse(&body, &self.config)?;
        let url = metadata.jwks_uri.clone();
        let body = fetch_document(fetch, OidcRequest::Get { url }, keys::DOCUMENT).await?;
        let keys = Keys::parse(&body)?;
        let known = Arc::new(Known {
            metadata,
            keys,
            at: now,
        });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    fn token_request(&self, metadata: &Metadata, code: &str, pending: &OidcPending) -> OidcRequest {
        let settings = &self.config.settings;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", self.config.redirect_uri.as_str())
            .append_pair("code_verifier", pending.verifier.expose());
        let authorization = match (&settings.client_secret, metadata.secret_by) {
            (Some(secret), SecretBy::Basic) => Some(basic(&settings.client_id, secret)),
            (Some(secret), SecretBy::Form) => {
                form.append_pair("client_id", &settings.client_id)
                    .append_pair("client_secret", secret.expose());
                None
            }
            (None, _) => {
                form.append_pair("client_id", &settings.client_id);
                None
            }
        };
        OidcRequest::Post {
            url: metadata.token_endpoint.clone(),
            form: Secret::new(form.finish()),
            authorization,
        }
    }
}

/// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
fn basic(client_id: &str, secret: &Secret) -> Secret {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let joined = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    let joined = Zeroizing::new(joined);
    Secret::new(format!("Basic {}", BASE64.encode(joined.as_bytes())))
}
