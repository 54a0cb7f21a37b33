//! Id tokens (JWS compact, RFC 7515; `OpenID` Connect Core 3.1.3.7).
//!
//! Owns each check that makes a token believed. What is not checked, with the reason: `at_hash`,
//! since the access token is never used; `auth_time`, since no age is asked for. Keys that a token
//! brings along or points to (`jwk`, `jku`, `x5u`) are never looked at. Invariant: claims come out of
//! here only after all checks.

use std::time::Duration;

use cp_model::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::error::IdTokenRefused;
use super::keys::{Algorithm, Keys};
use crate::clock::after;

/// A person in a thousand groups.
const TOKEN_BYTES_MAX: usize = 131_072;
/// Clocks of providers and ours differ by seconds; also after a clock was set.
const CLOCK_LEEWAY: Duration = Duration::from_mins(1);
const SUBJECT_BYTES_MAX: usize = 255;

/// What the token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// Of a token that is believed.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) all: Map<String, Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

pub(super) fn verify(
    token: &str,
    keys: &Keys,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Claims, IdTokenRefused> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(IdTokenRefused::Malformed("it is too long"));
    }
    let shape = IdTokenRefused::Malformed("it has not three parts");
    let (message, signature) = token.rsplit_once('.').ok_or(shape)?;
    let (header, payload) = message.split_once('.').ok_or(shape)?;
    let header: Header = decoded(header)?;
    let algorithm = Algorithm::parse(&header.alg).ok_or(IdTokenRefused::Algorithm)?;
    // Whoever demands that we understand something, demands what we do not.
    if header.crit.is_some() {
        return Err(IdTokenRefused::Malformed("it has critical extensions"));
    }
    let signature = bytes(signature)?;
    let id = header.kid.as_deref();
    keys.verify(algorithm, id, message.as_bytes(), &signature)?;
    let all: Map<String, Value> = decoded(payload)?;
    check(all, expected, now)
}

fn check(
    all: Map<String, Value>,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Claims, IdTokenRefused> {
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(IdTokenRefused::Issuer);
    }
    let (is_ours, is_alone) = match all.get("aud") {
        Some(Value::String(audience)) => (audience == expected.client_id, true),
        Some(Value::Array(audiences)) => (
            audiences
                .iter()
                .any(|audience| audience == expected.client_id),
            audiences.len() == 1,
        ),
        _ => (false, false),
    };
    if !is_ours {
        return Err(IdTokenRefused::Audience);
    }
    // With other audiences, that it was issued to us has to be said.
    match all.get("azp") {
        None if is_alone => {}
        Some(party) if party == expected.client_id => {}
        _ => return Err(IdTokenRefused::AuthorizedParty),
    }
    check_times(&all, now)?;
    let nonce = text("nonce").ok_or(IdTokenRefused::Nonce)?;
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err(IdTokenRefused::Nonce);
    }
    let subject = text("sub")
        .filter(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len()))
        .ok_or(IdTokenRefused::Malformed("it has no subject"))?;
    Ok(Claims {
        subject: subject.to_owned(),
        all,
    })
}

fn check_times(all: &Map<String, Value>, now: Timestamp) -> Result<(), IdTokenRefused> {
    let expires = time(all, "exp")?.ok_or(IdTokenRefused::Malformed("it does not expire"))?;
    if now >= after(expires, CLOCK_LEEWAY) {
        return Err(IdTokenRefused::Expired);
    }
    let issued = time(all, "iat")?.ok_or(IdTokenRefused::Malformed("it has no date"))?;
    let not_before = time(all, "nbf")?.unwrap_or(issued);
    if issued.max(not_before) > after(now, CLOCK_LEEWAY) {
        return Err(IdTokenRefused::NotYet);
    }
    Ok(())
}

/// Seconds since 1970; some providers write a fraction.
fn time(all: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, IdTokenRefused> {
    let Some(value) = all.get(name) else {
        return Ok(None);
    };
    let whole = value.as_i64();
    // Too large for an integer: far from any time, and the cast keeps to the ends.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a second does not matter"
    )]
    let seconds = whole.or_else(|| value.as_f64().map(|seconds| seconds as i64));
    let seconds = seconds.ok_or(IdTokenRefused::Malformed("a time is no number"))?;
    let us = seconds.saturating_mul(1_000_000);
    Ok(Some(Timestamp::from_unix_us(us)))
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, IdTokenRefused> {
    serde_json::from_slice(&bytes(part)?)
        .map_err(|_content| IdTokenRefused::Malformed("a part is not the JSON that it should be"))
}

fn bytes(part: &str) -> Result<Vec<u8>, IdTokenRefused> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_content| IdTokenRefused::Malformed("a part is not base64url"))
}
