//! The provider's public keys (JWKS, RFC 7517), and verifying with them.
//!
//! Owns which algorithm goes with which key. Invariant: the kind of the key decides how a signature
//! is verified and the token's header only has to agree, so that an RSA key is never taken for the
//! secret of an HMAC, and `none` is no algorithm at all.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::error::{IdTokenRefused, OidcError};

pub(super) const DOCUMENT: &str = "key set";
/// Providers have two or three; a token is tried with all that fit.
const KEYS_MAX: usize = 64;

/// Those that we can use.
#[derive(Debug, Clone)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    /// Modulus and exponent, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

// === impl Keys ===

impl Keys {
    /// Keys for other purposes and of kinds that we do not know are passed over.
    pub(super) fn parse(body: &[u8]) -> Result<Self, OidcError> {
        let bad = |reason: String| OidcError::Document {
            what: DOCUMENT,
            reason,
        };
        let document: Document =
            serde_json::from_slice(body).map_err(|error| bad(format!("is malformed: {error}")))?;
        if document.keys.len() > KEYS_MAX {
            return Err(bad(format!("has more than {KEYS_MAX} keys")));
        }
        let parsed = document.keys.into_iter().filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            key.parse()
        });
        Ok(Self(parsed.collect()))
    }

    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), IdTokenRefused> {
        let mut fitting = self.0.iter().filter(|key| {
            key.material.algorithm() == algorithm && (id.is_none() || key.id.as_deref() == id)
        });
        let mut is_any = false;
        let is_signed = fitting.any(|key| {
            is_any = true;
            key.material.verify(message, signature)
        });
        match (is_signed, is_any && id.is_some()) {
            (true, _) => Ok(()),
            (false, true) => Err(IdTokenRefused::Signature),
            // Without an id, a signature by a key that came after our copy looks like a wrong one.
            (false, false) => Err(IdTokenRefused::UnknownKey),
        }
    }
}

// === impl Algorithm ===

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // The second is its newer name (RFC 9864).
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

// === impl Material ===

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }
}

// === impl Jwk ===

impl Jwk {
    fn parse(self) -> Option<Key> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let decode = |text: &Option<String>| {
            let bytes = BASE64URL_NOPAD.decode(text.as_ref()?.as_bytes()).ok()?;
            (!bytes.is_empty()).then_some(bytes)
        };
        let integer = |text: &Option<String>| {
            let bytes = decode(text)?;
            Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
        };
        let coordinate = |text: &Option<String>| decode(text).filter(|bytes| bytes.len() == 32);
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: integer(&self.n)?,
                e: integer(&self.e)?,
            },
            ("EC", Some("P-256")) => {
                Material::P256([vec![4], coordinate(&self.x)?, coordinate(&self.y)?].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(coordinate(&self.x)?),
            _ => return None,
        };
        let meant = self.alg.as_deref().map(Algorithm::parse);
        if meant.is_some_and(|algorithm| algorithm != Some(material.algorithm())) {
            return None;
        }
        Some(Key {
            id: self.kid,
            material,
        })
    }
}
