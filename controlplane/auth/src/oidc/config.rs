//! What an administrator says about a provider.
//!
//! Owns the parsing. Invariant: a provider is spoken to over TLS, or on this machine.

use std::net::IpAddr;

use cp_model::Invalid;
use url::{Host, Url};

use crate::Secret;
use crate::role::Subject;

const RULES_MAX: usize = 256;
const SCOPES_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 512;

/// As it was written; `OidcConfig::parse` checks it.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// For example `https://id.example.com/realms/main`, exactly as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// Without one the client is a public one, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// Where the provider sends the browser back to; registered there.
    pub redirect_uri: String,
    /// Besides `openid`, for example `email` and `groups`.
    pub scopes: Vec<String>,
    /// The claim that names the user, for example `email` or `preferred_username`.
    pub user_claim: String,
    /// The claim that holds groups or roles; dots lead into objects, for example
    /// `realm_access.roles`. Its value is a text or a list of texts.
    pub role_claim: String,
    /// The first that fits counts.
    pub rules: Vec<RoleRule>,
    /// For those whom no rule fits; `None` lets them not in.
    pub otherwise: Option<Subject>,
}

/// Whoever has `value` in the role claim may do what `grant` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    pub value: String,
    pub grant: Subject,
}

/// Settings that make sense.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    pub(super) settings: OidcSettings,
    pub(super) issuer: Url,
    pub(super) redirect_uri: Url,
}

// === impl OidcConfig ===

impl OidcConfig {
    pub fn parse(settings: OidcSettings) -> Result<Self, Invalid> {
        let issuer = trusted_url("issuer", &settings.issuer)?;
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(Invalid::new(
                "issuer",
                "must have neither query nor fragment",
            ));
        }
        let redirect_uri = trusted_url("redirect_uri", &settings.redirect_uri)?;
        if redirect_uri.fragment().is_some() {
            return Err(Invalid::new("redirect_uri", "must have no fragment"));
        }
        text("client_id", &settings.client_id)?;
        text("user_claim", &settings.user_claim)?;
        text("role_claim", &settings.role_claim)?;
        if settings.scopes.len() > SCOPES_MAX {
            let reason = format!("must be at most {SCOPES_MAX}");
            return Err(Invalid::new("scopes", reason));
        }
        for scope in &settings.scopes {
            text("scopes", scope)?;
            if scope.contains(char::is_whitespace) {
                return Err(Invalid::new("scopes", "must each be one word"));
            }
        }
        if settings.rules.len() > RULES_MAX {
            return Err(Invalid::new(
                "rules",
                format!("must be at most {RULES_MAX}"),
            ));
        }
        for rule in &settings.rules {
            text("rules", &rule.value)?;
        }
        Ok(Self {
            settings,
            issuer,
            redirect_uri,
        })
    }

    /// Where the provider describes itself.
    pub(super) fn discovery_url(&self) -> Url {
        let mut url = self.issuer.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{path}/.well-known/openid-configuration"));
        url
    }
}

fn text(field: &'static str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.contains(char::is_control) {
        let reason =
            format!("must have 1 to {TEXT_BYTES_MAX} characters, none of them control ones");
        return Err(Invalid::new(field, reason));
    }
    Ok(())
}

/// `https`, or `http` to a loopback address.
pub(super) fn trusted_url(field: &'static str, text: &str) -> Result<Url, Invalid> {
    let url =
        Url::parse(text).map_err(|error| Invalid::new(field, format!("is no URL: {error}")))?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_trusted = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback,
        _ => false,
    };
    if !is_trusted || !url.username().is_empty() || url.password().is_some() {
        let reason =
            "must start with https:// (or http:// to this machine) and hold no credentials";
        return Err(Invalid::new(field, reason));
    }
    Ok(url)
}
