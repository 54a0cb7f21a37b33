//! Certificate requests (PKCS #10).
//!
//! Owns making one on a node and reading one on the control plane. Invariant: a request that was
//! read proves that whoever made it has the private key, and its key is of a kind that we allow.

use std::fmt;

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair, PublicKey,
    PublicKeyData, SignatureAlgorithm,
};
use rustls::pki_types::{CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::CaError;

/// One with an ECDSA key has some 200 bytes.
const REQUEST_BYTES_MAX: usize = 4_096;

/// What a node sends, and the key that never leaves it.
pub struct NodeRequest {
    pub request: CertificateSigningRequestDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

/// The public key of a request whose signature was checked. Everything else that it asked for is
/// forgotten.
pub struct PublicKeyRequest(PublicKey);

// === impl NodeRequest ===

impl NodeRequest {
    /// With a new ECDSA P-256 key. It names nobody: who it is for is the token's business.
    pub fn make() -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(CaError::Make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(CaError::Make)?;
        Ok(Self {
            request: request.der().clone(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }
}

impl fmt::Debug for NodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeRequest(***)")
    }
}

// === impl PublicKeyRequest ===

impl PublicKeyRequest {
    pub fn parse(der: &[u8]) -> Result<Self, CaError> {
        if der.len() > REQUEST_BYTES_MAX {
            return Err(CaError::Request("it is too large"));
        }
        let der = CertificateSigningRequestDer::from(der);
        let parsed =
            CertificateSigningRequestParams::from_der(&der).map_err(|error| match error {
                rcgen::Error::InvalidCertificationRequestSignature => {
                    CaError::Request("its signature is not by its key")
                }
                _ => CaError::Request("it cannot be read"),
            })?;
        let allowed = [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519];
        if !allowed.contains(&PublicKeyData::algorithm(&parsed.public_key)) {
            return Err(CaError::Request(
                "its key is neither ECDSA P-256 nor Ed25519",
            ));
        }
        Ok(Self(parsed.public_key))
    }
}

impl PublicKeyData for PublicKeyRequest {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        PublicKeyData::algorithm(&self.0)
    }
}

impl fmt::Debug for PublicKeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKeyRequest").finish_non_exhaustive()
    }
}
