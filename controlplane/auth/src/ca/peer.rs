//! Who a certificate says that it is for.
//!
//! Owns the identity URI, `bascule://CLUSTER/node/NAME` or `bascule://CLUSTER/controlplane`, and its
//! parsing out of a certificate. Refuses to believe: whether the certificate is genuine is decided
//! by `Trust`. Invariant: a certificate with two identities, or with none, has no identity.

use std::fmt;

use cp_model::{ClusterId, NodeName, Timestamp};
use rustls::pki_types::CertificateDer;
use uuid::Uuid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::Serial;

const SCHEME: &str = "bascule://";
const CONTROL_PLANE: &str = "controlplane";
const NODE: &str = "node/";
/// Ours have some 600 bytes.
const CERTIFICATE_BYTES_MAX: usize = 16_384;

/// Whom a certificate is for, within its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    ControlPlane,
    Node(NodeName),
}

/// What stands in the certificate of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub cluster: ClusterId,
    pub identity: Identity,
    pub serial: Serial,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// Why a certificate is nobody's, or not one that is let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    #[error("no certificate was presented")]
    Absent,
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate names no identity of a cluster, or more than one")]
    NoIdentity,
    #[error("the certificate is of the cluster {0}")]
    OtherCluster(ClusterId),
    #[error("the certificate is the one of {0}, which is not whom we expect")]
    OtherIdentity(Identity),
    #[error("the certificate {0} was revoked")]
    Revoked(Serial),
    #[error("the certificate is not good now, but from {not_before} to {not_after}")]
    OutOfTime {
        not_before: Timestamp,
        not_after: Timestamp,
    },
    #[error("the certificate is not by the cluster's CA: {0}")]
    NotOurs(String),
}

/// Of the CA's own certificate.
pub(super) struct AuthorityFacts {
    pub(super) public_key: Vec<u8>,
    pub(super) not_after: Timestamp,
}

pub(super) fn authority_facts(der: &CertificateDer<'_>) -> Result<AuthorityFacts, PeerError> {
    let certificate = parse(der)?;
    Ok(AuthorityFacts {
        public_key: certificate.public_key().subject_public_key.data.to_vec(),
        not_after: time_of(certificate.validity().not_after.timestamp()),
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PeerError> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(PeerError::Unreadable);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(PeerError::Unreadable),
    }
}

fn time_of(unix_seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(unix_seconds.saturating_mul(1_000_000))
}

// === impl Peer ===

impl Peer {
    /// What the certificate says. Believe it only of one that `Trust` has let in, as the first
    /// certificate of a connection made with `MutualTls` is.
    pub fn of(certificates: Option<&[CertificateDer<'_>]>) -> Result<Self, PeerError> {
        let first = certificates.and_then(<[_]>::first);
        Self::read(first.ok_or(PeerError::Absent)?)
    }

    /// Never panics, whatever the bytes are.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let certificate = parse(der)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_malformed| PeerError::Unreadable)?;
        let names = names.map_or(&[][..], |names| &names.value.general_names);
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let (Some(uri), None) = (uris.next(), uris.next()) else {
            return Err(PeerError::NoIdentity);
        };
        let (cluster, identity) = Identity::parse(uri).ok_or(PeerError::NoIdentity)?;
        let serial = Serial::from_der(certificate.raw_serial()).ok_or(PeerError::NoIdentity)?;
        let validity = certificate.validity();
        Ok(Self {
            cluster,
            identity,
            serial,
            not_before: time_of(validity.not_before.timestamp()),
            not_after: time_of(validity.not_after.timestamp()),
        })
    }
}

// === impl Identity ===

impl Identity {
    pub fn uri(&self, cluster: ClusterId) -> String {
        match self {
            Self::ControlPlane => format!("{SCHEME}{cluster}/{CONTROL_PLANE}"),
            Self::Node(name) => format!("{SCHEME}{cluster}/{NODE}{name}"),
        }
    }

    /// Parses what `uri` gives, and nothing that only means the same.
    pub fn parse(uri: &str) -> Option<(ClusterId, Self)> {
        let (cluster, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let cluster = ClusterId(Uuid::parse_str(cluster).ok()?);
        let identity = match path.strip_prefix(NODE) {
            Some(name) => Self::Node(NodeName::parse(name).ok()?),
            None if path == CONTROL_PLANE => Self::ControlPlane,
            None => return None,
        };
        (identity.uri(cluster) == uri).then_some((cluster, identity))
    }

    pub(super) fn common_name(&self) -> String {
        match self {
            Self::ControlPlane => CONTROL_PLANE.to_owned(),
            Self::Node(name) => name.to_string(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane => f.write_str("the control plane"),
            Self::Node(name) => write!(f, "the node {name}"),
        }
    }
}
