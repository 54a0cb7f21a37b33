//! The text form of tokens: `PREFIX_ID_SECRET…CHECK`.
//!
//! Owns the form: lower-case Crockford base 32 (no letter that looks like another, no underscore, so
//! a double click takes a whole part); 80 bits of id, 200 bits of secret, for join tokens the
//! fingerprint of the CA, and 30 bits of checksum over all that stands before it. The checksum is
//! no protection: it tells a slip of the hand from a token that was revoked, and lets secret
//! scanners do without asking anybody. Invariant: parsing never looks at more than `TEXT_BYTES_MAX`
//! and never panics.

use std::fmt;

use cp_model::Invalid;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base32::BASE32;
use crate::secret::random_bytes;
use crate::{Secret, SecretError, TokenDigest};

/// Random, not counted: an id tells nothing about how many tokens there are.
const ID_BYTES: usize = 10;
const ID_CHARS: usize = 16;
/// 200 bits; 160 would be enough for ever.
const SECRET_BYTES: usize = 25;
const SECRET_CHARS: usize = 40;
/// One slip in 2^30 goes unnoticed, and is then an unknown token.
const CHECK_CHARS: usize = 6;
/// More than any token has.
const TEXT_BYTES_MAX: usize = 256;

/// Names a token in lists, logs and look-ups; public.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenId(String);

/// Why a text is no token; says nothing about any token that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenTextError {
    #[error("this is not a token that starts with {0}_")]
    Foreign(&'static str),
    #[error("the token was cut short or mistyped: its checksum does not fit")]
    Mistyped,
}

/// A new token.
pub(super) struct Made {
    pub(super) id: TokenId,
    pub(super) text: Secret,
}

/// The parts of a well-formed text.
pub(super) struct Parts {
    pub(super) id: TokenId,
    /// What stands between secret and checksum.
    pub(super) extra: Vec<u8>,
    /// Of the whole text.
    pub(super) text: Secret,
}

/// `extra` becomes part of the text: empty, or at most 32 bytes.
pub(super) fn make(prefix: &str, extra: &[u8]) -> Result<Made, SecretError> {
    let id = TokenId(BASE32.encode(&*random_bytes::<ID_BYTES>()?));
    let mut text = String::with_capacity(TEXT_BYTES_MAX);
    text.push_str(prefix);
    text.push('_');
    text.push_str(&id.0);
    text.push('_');
    BASE32.encode_append(&*random_bytes::<SECRET_BYTES>()?, &mut text);
    if !extra.is_empty() {
        text.push('_');
        BASE32.encode_append(extra, &mut text);
    }
    let check = check_of(&text);
    text.push_str(&check);
    Ok(Made {
        id,
        text: Secret::new(text),
    })
}

/// `extra_bytes` as it was given to `make`.
pub(super) fn parse(
    text: &str,
    prefix: &'static str,
    extra_bytes: usize,
) -> Result<Parts, TokenTextError> {
    let rest = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(TokenTextError::Foreign(prefix))?;
    let parts = checked(text).and_then(|()| split(rest, extra_bytes));
    let (id, extra) = parts.ok_or(TokenTextError::Mistyped)?;
    Ok(Parts {
        id,
        extra,
        text: Secret::new(text.to_owned()),
    })
}

fn checked(text: &str) -> Option<()> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK_CHARS)?)?;
    (check_of(body) == check).then_some(())
}

/// Id and extra of what follows the prefix; `None` unless each part has its length and alphabet.
fn split(rest: &str, extra_bytes: usize) -> Option<(TokenId, Vec<u8>)> {
    let (id, rest) = rest.split_once('_')?;
    let id = TokenId::parse(id).ok()?;
    let (body, _check) = rest.split_at_checked(rest.len().checked_sub(CHECK_CHARS)?)?;
    let (secret, extra) = match body.split_once('_') {
        Some((secret, extra)) => (secret, extra),
        None => (body, ""),
    };
    let decoded = Zeroizing::new(BASE32.decode(secret.as_bytes()).ok()?);
    let extra = BASE32.decode(extra.as_bytes()).ok()?;
    let fits =
        secret.len() == SECRET_CHARS && decoded.len() == SECRET_BYTES && extra.len() == extra_bytes;
    fits.then_some((id, extra))
}

fn check_of(body: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    let mut text = BASE32.encode(&digest);
    text.truncate(CHECK_CHARS);
    text
}

// === impl TokenId ===

impl TokenId {
    /// Parses what `as_str` gives.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = BASE32.decode(text.as_bytes()).ok();
        if bytes.is_some_and(|bytes| bytes.len() == ID_BYTES) && text.len() == ID_CHARS {
            return Ok(Self(text.to_owned()));
        }
        let reason = format!("must be {ID_CHARS} characters of 0-9 and a-z without i, l, o and u");
        Err(Invalid::new("id", reason))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Parts ===

impl Parts {
    /// Whether the text is the one that the digest was made of. Without a digest the same work is
    /// done in vain, so that the time does not tell whether the id exists.
    pub(super) fn is_of(&self, digest: Option<&TokenDigest>) -> bool {
        const NONE: TokenDigest = TokenDigest::from_bytes([0; 32]);
        let matches = digest.unwrap_or(&NONE).matches(self.text.expose());
        matches && digest.is_some()
    }
}
