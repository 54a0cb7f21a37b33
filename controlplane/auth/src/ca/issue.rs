//! Issuing: what stands in a certificate.
//!
//! Owns names, lives and usages. Invariant: of a request nothing is taken over but the public key,
//! so that a node cannot ask to be another one, or a CA.

use std::time::Duration;

use cp_model::{ClusterId, NodeName, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::{
    Authority, CA_LIFE, CLOCK_SKEW_MAX, CaError, Identity, NODE_CERTIFICATE_LIFE, PublicKeyRequest,
    Serial,
};
use crate::clock::{after, between};

/// A machine has a handful of names.
const DNS_NAMES_MAX: usize = 16;

/// A certificate that was just made; the serial is stored, so that it can be revoked.
#[derive(Debug, Clone)]
pub struct Issued {
    pub certificate: CertificateDer<'static>,
    pub serial: Serial,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl Authority {
    /// For a node that asks with `request`. Its name becomes a DNS name too, when it can be one.
    pub fn issue_node(
        &self,
        request: &PublicKeyRequest,
        node: &NodeName,
        dns_names: &[&str],
        now: Timestamp,
    ) -> Result<Issued, CaError> {
        let identity = Identity::Node(node.clone());
        self.issue(request, &identity, dns_names, now)
    }

    /// For the control plane itself: the certificate, and its new key in PKCS #8.
    pub fn issue_control_plane(
        &self,
        dns_names: &[&str],
        now: Timestamp,
    ) -> Result<(Issued, PrivateKeyDer<'static>), CaError> {
        let key = KeyPair::generate().map_err(CaError::Make)?;
        let issued = self.issue(&key, &Identity::ControlPlane, dns_names, now)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((issued, PrivateKeyDer::Pkcs8(key)))
    }

    fn issue(
        &self,
        key: &impl PublicKeyData,
        identity: &Identity,
        dns_names: &[&str],
        now: Timestamp,
    ) -> Result<Issued, CaError> {
        let serial = Serial::random()?;
        let not_before = Timestamp::from_unix_us(whole_second_us(now) - us(CLOCK_SKEW_MAX));
        // A certificate outlives its CA only on paper.
        let life = NODE_CERTIFICATE_LIFE.min(between(now, self.not_after()));
        if life.is_zero() {
            return Err(CaError::Stored("it has ended"));
        }
        let not_after = Timestamp::from_unix_us(whole_second_us(after(now, life)));
        let mut params = CertificateParams::default();
        params.not_before = date(not_before)?;
        params.not_after = date(not_after)?;
        params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
        params.subject_alt_names = names(self.cluster(), identity, dns_names)?;
        params.distinguished_name = subject(&identity.common_name());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Nodes are servers to one another, control planes clients.
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.issuer).map_err(CaError::Make)?;
        Ok(Issued {
            certificate: certificate.der().clone(),
            serial,
            not_before,
            not_after,
        })
    }
}

/// Of the CA itself, and when it ends.
pub(super) fn authority_params(
    cluster: ClusterId,
    now: Timestamp,
) -> Result<(CertificateParams, Timestamp), CaError> {
    let not_before = Timestamp::from_unix_us(whole_second_us(now) - us(CLOCK_SKEW_MAX));
    let not_after = Timestamp::from_unix_us(whole_second_us(after(now, CA_LIFE)));
    let mut params = CertificateParams::default();
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    params.serial_number = Some(SerialNumber::from_slice(Serial::random()?.as_bytes()));
    params.distinguished_name = subject(&format!("Bascule cluster {cluster}"));
    // It signs certificates of peers and no other CA.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok((params, not_after))
}

/// Whether a text may stand in a certificate as a DNS name: labels of letters, digits and dashes.
pub fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn names(
    cluster: ClusterId,
    identity: &Identity,
    dns_names: &[&str],
) -> Result<Vec<SanType>, CaError> {
    if dns_names.len() > DNS_NAMES_MAX {
        return Err(CaError::Request("it has too many DNS names"));
    }
    let uri = identity.uri(cluster);
    let uri = uri.as_str().try_into().map_err(CaError::Make)?;
    let mut names = vec![SanType::URI(uri)];
    let own = identity.common_name();
    let mut seen: Vec<&str> = Vec::new();
    for name in dns_names {
        if !is_dns_name(name) {
            return Err(CaError::Name((*name).chars().take(80).collect()));
        }
        seen.push(name);
    }
    if is_dns_name(&own) {
        seen.push(&own);
    }
    seen.sort_unstable();
    seen.dedup();
    for name in seen {
        names.push(SanType::DnsName(name.try_into().map_err(CaError::Make)?));
    }
    Ok(names)
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    subject
}

fn date(at: Timestamp) -> Result<OffsetDateTime, CaError> {
    OffsetDateTime::from_unix_timestamp(at.unix_us().div_euclid(1_000_000))
        .map_err(|_out_of_range| CaError::Request("it ends after the year 9999"))
}

/// X.509 knows no fractions.
fn whole_second_us(at: Timestamp) -> i64 {
    at.unix_us() - at.unix_us().rem_euclid(1_000_000)
}

fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
