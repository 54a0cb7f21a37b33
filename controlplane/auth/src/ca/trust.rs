//! Which certificates of peers are believed.
//!
//! Owns the judgement: by this CA, of this cluster, in time, not revoked. Signatures and paths are
//! webpki's work. Invariant: what `Trust` lets in has been signed by one of its CAs and is checked
//! for revocation at every handshake (sessions are never resumed, see `tls`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cp_model::{ClusterId, Timestamp};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error, OtherError, RootCertStore};

use super::{Identity, Peer, PeerError, Serial};

/// Asked at every handshake, so that a revocation counts at once; must not block.
pub type IsRevoked = Arc<dyn Fn(&Serial) -> bool + Send + Sync>;

/// The CAs of one cluster (two of them while one takes over from the other), and the revoked.
pub struct Trust {
    cluster: ClusterId,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
    is_revoked: IsRevoked,
}

// === impl Trust ===

impl Trust {
    pub fn new(
        cluster: ClusterId,
        authorities: &[CertificateDer<'_>],
        is_revoked: IsRevoked,
    ) -> Result<Self, PeerError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots
                .add(authority.clone().into_owned())
                .map_err(|_malformed| PeerError::Unreadable)?;
        }
        let roots = Arc::new(roots);
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|_no_authority| PeerError::Absent)?;
        Ok(Self {
            cluster,
            roots,
            clients,
            provider,
            is_revoked,
        })
    }

    /// Judges a certificate that a client presents, wherever it came from.
    pub fn check_client(
        &self,
        certificate: &CertificateDer<'_>,
        now: Timestamp,
    ) -> Result<Peer, PeerError> {
        let peer = self.check_facts(certificate, now)?;
        self.clients
            .verify_client_cert(certificate, &[], unix_time(now))
            .map_err(|error| PeerError::NotOurs(error.to_string()))?;
        Ok(peer)
    }

    /// Judges a certificate that a server presents, which must be `expected`.
    pub fn check_server(
        &self,
        certificate: &CertificateDer<'_>,
        expected: &Identity,
        now: Timestamp,
    ) -> Result<Peer, PeerError> {
        let peer = self.check_facts(certificate, now)?;
        let not_ours = |error: Error| PeerError::NotOurs(error.to_string());
        let parsed = ParsedCertificate::try_from(certificate).map_err(not_ours)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            &[],
            unix_time(now),
            self.provider.signature_verification_algorithms.all,
        )
        .map_err(not_ours)?;
        if peer.identity != *expected {
            return Err(PeerError::OtherIdentity(peer.identity));
        }
        Ok(peer)
    }

    /// What the certificate itself says; the signature is checked after it, so that the error names
    /// the plain reason (the other cluster, the end) and not "unknown issuer".
    fn check_facts(
        &self,
        certificate: &CertificateDer<'_>,
        now: Timestamp,
    ) -> Result<Peer, PeerError> {
        let peer = Peer::read(certificate)?;
        if peer.cluster != self.cluster {
            return Err(PeerError::OtherCluster(peer.cluster));
        }
        if now < peer.not_before || now > peer.not_after {
            return Err(PeerError::OutOfTime {
                not_before: peer.not_before,
                not_after: peer.not_after,
            });
        }
        if (self.is_revoked)(&peer.serial) {
            return Err(PeerError::Revoked(peer.serial));
        }
        Ok(peer)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("cluster", &self.cluster)
            .field("authorities", &self.roots.len())
            .finish_non_exhaustive()
    }
}

/// Before 1970 nothing is good.
fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_micros(
        u64::try_from(at.unix_us()).unwrap_or(0),
    ))
}

pub(super) fn timestamp(at: UnixTime) -> Timestamp {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_unix_us(seconds.saturating_mul(1_000_000))
}

/// The alert tells the peer what it may know; the log gets the rest as the source.
impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Absent => Self::NoCertificatesPresented,
            PeerError::Unreadable => CertificateError::BadEncoding.into(),
            PeerError::Revoked(_) => CertificateError::Revoked.into(),
            PeerError::OutOfTime { .. } => CertificateError::Expired.into(),
            other => CertificateError::Other(OtherError(Arc::new(other))).into(),
        }
    }
}
