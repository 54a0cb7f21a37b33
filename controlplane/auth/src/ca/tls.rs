//! TLS between the planes: both sides present a certificate of the cluster's CA.
//!
//! Owns the two rustls configurations. They are made once and stay: what changes (the own
//! certificate, the trusted CAs, the revoked serials) is behind them and is looked up at each
//! handshake, so nothing is restarted. Invariants: TLS 1.3 alone, whose handshake hides certificates
//! from third parties; no resumption in either direction, because a resumed session presents no
//! certificate and would let a revoked node in. Who is revoked while connected stays until the
//! caller closes the connection.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, ServerConfig,
    SignatureScheme,
};

use super::trust::timestamp;
use super::{Identity, OwnCertificate, Trust};

/// gRPC.
pub(super) const ALPN: &[u8] = b"h2";

/// What both configurations are made of.
#[derive(Debug, Clone)]
pub struct MutualTls {
    own: Arc<OwnCertificate>,
    trust: Arc<ArcSwap<Trust>>,
    clock: Arc<dyn TimeProvider>,
}

/// Judges whoever connects.
#[derive(Debug)]
struct Clients {
    trust: Arc<ArcSwap<Trust>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Judges whom we connect to. The name that the connection was made under does not matter: nodes
/// move, and the identity in the certificate is worth more than an address.
#[derive(Debug)]
struct Servers {
    trust: Arc<ArcSwap<Trust>>,
    expected: Identity,
    algorithms: WebPkiSupportedAlgorithms,
}

// === impl MutualTls ===

impl MutualTls {
    pub fn new(own: Arc<OwnCertificate>, trust: Trust) -> Self {
        Self {
            own,
            trust: Arc::new(ArcSwap::from_pointee(trust)),
            clock: Arc::new(DefaultTimeProvider),
        }
    }

    /// Judges by another clock than the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn TimeProvider>) -> Self {
        self.clock = clock;
        self
    }

    /// The certificate to replace when it was renewed.
    pub fn own(&self) -> &OwnCertificate {
        &self.own
    }

    /// Counts from the next handshake on, in configurations that were made before, too.
    pub fn replace_trust(&self, trust: Trust) {
        self.trust.store(Arc::new(trust));
    }

    /// For the control plane's listener: lets in whoever `Trust` believes. Who that is, `Peer::of`
    /// the connection's certificates says; what they may do is the caller's decision.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Clients {
            trust: Arc::clone(&self.trust),
            algorithms: provider.signature_verification_algorithms,
        });
        let mut config = ServerConfig::builder_with_details(provider, Arc::clone(&self.clock))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&self.own) as _);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }

    /// For a node: the server must be the control plane of this cluster.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, Error> {
        self.client_config_to(Identity::ControlPlane)
    }

    /// For a connection to another node.
    pub fn client_config_to(&self, expected: Identity) -> Result<Arc<ClientConfig>, Error> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let verifier = Arc::new(Servers {
            trust: Arc::clone(&self.trust),
            expected,
            algorithms: provider.signature_verification_algorithms,
        });
        let mut config = ClientConfig::builder_with_details(provider, Arc::clone(&self.clock))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::clone(&self.own) as _);
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

// === impl Clients ===

impl ClientCertVerifier for Clients {
    /// None: they would have to be borrowed from a trust that may be replaced, and a node has one
    /// certificate to choose from.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.trust.load().check_client(end_entity, timestamp(now))?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(never_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

// === impl Servers ===

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trust = self.trust.load();
        trust.check_server(end_entity, &self.expected, timestamp(now))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(never_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// No configuration here speaks it.
pub(super) fn never_tls12() -> Error {
    PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()
}
