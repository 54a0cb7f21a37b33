//! From claims to a user and what the user may do.
//!
//! Invariant: an e-mail address names a user only when the provider says that it was verified;
//! otherwise whoever can enter any address there could be anybody here.

use serde_json::{Map, Value};

use super::config::OidcConfig;
use super::error::{IdTokenRefused, OidcError};
use super::id_token::Claims;
use crate::role::Subject;
use crate::user::UserName;

/// Who logged in. Keep users by `issuer` and `subject`: names change hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcIdentity {
    pub issuer: String,
    pub subject: String,
    pub user: UserName,
    /// As of this log-in; it replaces the one of the last.
    pub grant: Subject,
}

pub(super) fn identity(config: &OidcConfig, claims: Claims) -> Result<OidcIdentity, OidcError> {
    let settings = &config.settings;
    let grant = grant(config, &claims.all).ok_or(OidcError::NoRole)?;
    let claim = &settings.user_claim;
    let name = claims.all.get(claim).and_then(Value::as_str);
    let name = name.ok_or(IdTokenRefused::Malformed(
        "it lacks the claim that names the user",
    ))?;
    if claim == "email" && claims.all.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(IdTokenRefused::Malformed("its e-mail address was not verified").into());
    }
    let user = UserName::parse(name).map_err(|source| OidcError::User {
        claim: claim.clone(),
        source,
    })?;
    Ok(OidcIdentity {
        issuer: settings.issuer.clone(),
        subject: claims.subject,
        user,
        grant,
    })
}

fn grant(config: &OidcConfig, all: &Map<String, Value>) -> Option<Subject> {
    let settings = &config.settings;
    let held = held(all, &settings.role_claim);
    let fits = |value: &str| match held {
        Some(Value::String(one)) => one == value,
        Some(Value::Array(many)) => many.iter().any(|one| one == value),
        _ => false,
    };
    let rule = settings.rules.iter().find(|rule| fits(&rule.value));
    rule.map(|rule| rule.grant.clone())
        .or_else(|| settings.otherwise.clone())
}

/// The claim of that very name (some are URLs, with dots), or the one at the end of the path.
fn held<'a>(all: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = all.get(path) {
        return Some(value);
    }
    let mut names = path.split('.');
    let first = all.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}
