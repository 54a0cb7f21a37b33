//! TLS for the one connection on which a machine becomes a node.
//!
//! Owns both ends: the machine has no certificate yet and knows the cluster only by the fingerprint
//! of its CA, which stands in the join token. Invariant: the machine talks to nobody but a control
//! plane whose certificate is by the CA of that fingerprint, so that neither token nor request
//! reaches anyone else.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};

use super::tls::{ALPN, never_tls12};
use super::{Identity, OwnCertificate, Peer, PeerError};
use crate::Fingerprint;

/// Judges the control plane by the fingerprint of the CA that it presents beside its certificate.
#[derive(Debug)]
struct ByFingerprint {
    authority: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

/// For a machine with a join token. Afterwards `Peer::of` tells the cluster, and the second of the
/// connection's certificates is the CA, to be kept.
pub fn join_client_config(
    authority: Fingerprint,
    clock: Arc<dyn TimeProvider>,
) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(ByFingerprint {
        authority,
        algorithms: provider.signature_verification_algorithms,
    });
    let mut config = ClientConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// For a listener that serves joining and nothing else: its clients are anybody.
pub fn join_server_config(own: Arc<OwnCertificate>) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(own);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

// === impl ByFingerprint ===

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let not_ours = |reason: &str| PeerError::NotOurs(reason.to_owned());
        let [authority] = intermediates else {
            return Err(not_ours("it presents no CA").into());
        };
        if Fingerprint::of(authority) != self.authority {
            return Err(not_ours("its CA has not the fingerprint of the join token").into());
        }
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &roots,
            &[],
            now,
            self.algorithms.all,
        )?;
        // A node of the same cluster must not collect join tokens.
        match Peer::read(end_entity)?.identity {
            Identity::ControlPlane => Ok(ServerCertVerified::assertion()),
            other @ Identity::Node(_) => Err(PeerError::OtherIdentity(other).into()),
        }
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
