//! The certificate that this process presents, exchanged while it runs.
//!
//! Owns the exchange. Invariant: a certificate and a key that do not belong together are refused,
//! and the one that was there goes on to be presented.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Presented as server and as client; each handshake takes the one of that moment.
#[derive(Debug)]
pub struct OwnCertificate(ArcSwap<CertifiedKey>);

/// The key is unreadable or belongs to another certificate.
#[derive(Debug, thiserror::Error)]
#[error("the certificate and its key do not fit")]
pub struct KeyDoesNotFit(#[source] rustls::Error);

// === impl OwnCertificate ===

impl OwnCertificate {
    /// `chain` is the certificate with the one of its CA behind it. Peers that know the CA do not
    /// need the second; a machine that joins recognizes the CA by its fingerprint.
    pub fn new(
        chain: [CertificateDer<'static>; 2],
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<Self>, KeyDoesNotFit> {
        let certified = certified(chain, key)?;
        Ok(Arc::new(Self(ArcSwap::from_pointee(certified))))
    }

    /// From the next handshake on; open connections stay as they are.
    pub fn replace(
        &self,
        chain: [CertificateDer<'static>; 2],
        key: PrivateKeyDer<'static>,
    ) -> Result<(), KeyDoesNotFit> {
        self.0.store(Arc::new(certified(chain, key)?));
        Ok(())
    }
}

fn certified(
    chain: [CertificateDer<'static>; 2],
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, KeyDoesNotFit> {
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(Vec::from(chain), key, &provider).map_err(KeyDoesNotFit)
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
