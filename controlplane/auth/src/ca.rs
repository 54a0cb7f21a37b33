//! The cluster's own certificate authority, and the TLS that demands its certificates.
//!
//! Owns making the CA, issuing certificates to nodes and to the control plane, and judging those
//! that peers present. Refuses rows: certificates are DER, the CA's key is a `Sealed`, serials are
//! texts; the caller stores them. Invariants: who a certificate is for is decided here and never by
//! the request; a certificate of one cluster is nothing to another.

mod issue;
mod join;
mod own;
mod peer;
mod renewal;
mod request;
mod serial;
#[cfg(test)]
mod tests;
mod tls;
mod trust;

use std::fmt;
use std::time::Duration;

use cp_model::{ClusterId, Timestamp};
use rcgen::{Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::Fingerprint;
use crate::sealed::{Keyring, OpenError, Place, SealError, Sealed};
use crate::secret::SecretError;

pub use issue::{Issued, is_dns_name};
pub use join::{join_client_config, join_server_config};
pub use own::{KeyDoesNotFit, OwnCertificate};
pub use peer::{Identity, Peer, PeerError};
pub use renewal::{renew_at, renewal_due};
pub use request::{NodeRequest, PublicKeyRequest};
pub use serial::{RevokedSerials, Serial};
pub use tls::MutualTls;
pub use trust::{IsRevoked, Trust};

/// Longer than the cluster's machines; a new CA means that every node joins anew.
pub const CA_LIFE: Duration = Duration::from_hours(10 * 365 * 24);
/// A node renews at two thirds of it, so that ten days of an absent control plane cost nothing; a
/// stolen key that nobody noticed is worth no more than a month.
pub const NODE_CERTIFICATE_LIFE: Duration = Duration::from_hours(30 * 24);
/// Certificates are good this long before they were made, for peers whose clock is behind.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_mins(5);

/// The CA with its key. There is one in a cluster; whoever has its key is every node.
pub struct Authority {
    cluster: ClusterId,
    certificate: CertificateDer<'static>,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
}

/// Why the CA did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("the certificate cannot be made")]
    Make(#[source] rcgen::Error),
    /// Downstream's fault.
    #[error("the certificate request is refused: {0}")]
    Request(&'static str),
    #[error("{0:?} is no DNS name")]
    Name(String),
    #[error("the stored CA is unusable: {0}")]
    Stored(&'static str),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Random(#[from] SecretError),
}

// === impl Authority ===

impl Authority {
    /// Makes the CA of a new cluster: an ECDSA P-256 key and a certificate of ten years.
    pub fn make(cluster: ClusterId, now: Timestamp) -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(CaError::Make)?;
        let (params, not_after) = issue::authority_params(cluster, now)?;
        let certificate = params.self_signed(&key).map_err(CaError::Make)?;
        Self::of(cluster, certificate.der().clone(), key, not_after)
    }

    /// From what was stored: the certificate's DER, and what `seal_key` gave.
    pub fn open(
        cluster: ClusterId,
        certificate: CertificateDer<'static>,
        key: &Sealed,
        keys: &Keyring,
    ) -> Result<Self, CaError> {
        let facts = peer::authority_facts(&certificate)?;
        let key = Zeroizing::new(keys.open(place(&cluster.to_string()), key)?);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(
            &PrivatePkcs8KeyDer::from(key.as_slice()),
            &rcgen::PKCS_ECDSA_P256_SHA256,
        )
        .map_err(CaError::Make)?;
        if key.public_key_raw() != facts.public_key {
            return Err(CaError::Stored("its key is not the one of its certificate"));
        }
        Self::of(cluster, certificate, key, facts.not_after)
    }

    fn of(
        cluster: ClusterId,
        certificate: CertificateDer<'static>,
        key: KeyPair,
        not_after: Timestamp,
    ) -> Result<Self, CaError> {
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(CaError::Make)?;
        Ok(Self {
            cluster,
            certificate,
            not_after,
            issuer,
        })
    }

    /// The only way out for the key.
    pub fn seal_key(&self, keys: &Keyring) -> Result<Sealed, SealError> {
        let der = self.issuer.key().serialized_der();
        keys.seal(place(&self.cluster.to_string()), der)
    }

    /// When the key's `Sealed` is to be stored anew after a rotation of keys.
    pub fn key_place(cluster: &str) -> Place<'_> {
        place(cluster)
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What join tokens carry.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("cluster", &self.cluster)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn place(cluster: &str) -> Place<'_> {
    Place {
        kind: "ca",
        name: cluster,
        field: "key",
    }
}
