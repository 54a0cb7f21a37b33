//! What stands in certificates, and how presented ones are judged.

use std::sync::Arc;

use cp_model::NodeName;
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, IsCa, SanType};
use uuid::Uuid;
use x509_parser::prelude::*;

use super::*;
use crate::clock::after;

pub(super) const NOW: Timestamp = Timestamp::from_unix_us(1_800_000_000_500_000);

pub(super) fn cluster(n: u128) -> ClusterId {
    ClusterId(Uuid::from_u128(n))
}

pub(super) fn authority() -> Authority {
    Authority::make(cluster(1), NOW).unwrap()
}

pub(super) fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

pub(super) fn trust_of(authority: &Authority) -> Trust {
    let certificates = [authority.certificate().clone()];
    Trust::new(authority.cluster(), &certificates, Arc::new(|_| false)).unwrap()
}

pub(super) fn issue(authority: &Authority, name: &str) -> (Issued, PrivateKeyDer<'static>) {
    let made = NodeRequest::make().unwrap();
    let request = PublicKeyRequest::parse(&made.request).unwrap();
    let issued = authority
        .issue_node(&request, &node(name), &[], NOW)
        .unwrap();
    (issued, made.key)
}

use rustls::pki_types::PrivateKeyDer;

#[test]
fn a_node_certificate_says_who_it_is_for() {
    let authority = authority();
    let made = NodeRequest::make().unwrap();
    let request = PublicKeyRequest::parse(&made.request).unwrap();
    let issued = authority
        .issue_node(&request, &node("node-1"), &["node-1.internal"], NOW)
        .unwrap();
    let peer = Peer::read(&issued.certificate).unwrap();
    assert_eq!(peer.identity, Identity::Node(node("node-1")));
    assert_eq!((peer.cluster, peer.serial), (cluster(1), issued.serial));
    assert_eq!(
        (peer.not_before, peer.not_after),
        (issued.not_before, issued.not_after)
    );
    let second = Timestamp::from_unix_us(1_800_000_000_000_000);
    assert_eq!(peer.not_after, after(second, NODE_CERTIFICATE_LIFE));
    assert_eq!(after(peer.not_before, CLOCK_SKEW_MAX), second);

    let (_, parsed) = X509Certificate::from_der(&issued.certificate).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=node-1");
    let names = &parsed
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    let uri = "bascule://00000000-0000-0000-0000-000000000001/node/node-1";
    assert_eq!(
        names.as_slice(),
        [
            GeneralName::URI(uri),
            GeneralName::DNSName("node-1"),
            GeneralName::DNSName("node-1.internal")
        ]
    );
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && usage.server_auth && !usage.any && !usage.code_signing);
    assert!(!parsed.is_ca());
}

#[test]
fn the_ca_lives_ten_years_and_signs_no_other_ca() {
    let authority = authority();
    let (_, parsed) = X509Certificate::from_der(authority.certificate()).unwrap();
    let constraints = parsed.basic_constraints().unwrap().unwrap().value;
    assert!(constraints.ca);
    assert_eq!(constraints.path_len_constraint, Some(0));
    let days = (parsed.validity().not_after.timestamp() - 1_800_000_000) / 86_400;
    assert_eq!(days, 3_650);
    // What it issues near its end ends with it, and after its end it issues nothing.
    let (_, near_end) = (
        0,
        Timestamp::from_unix_us(authority.not_after().unix_us() - 5_000_000),
    );
    let (issued, _) = authority.issue_control_plane(&[], near_end).unwrap();
    assert_eq!(issued.not_after, authority.not_after());
    let ended = authority.issue_control_plane(&[], authority.not_after());
    assert!(matches!(ended, Err(CaError::Stored(_))));
}

#[test]
fn a_request_gets_nothing_that_it_asks_for() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "controlplane");
    let uri = Identity::ControlPlane.uri(cluster(1));
    params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let request = params.serialize_request(&key).unwrap();
    let request = PublicKeyRequest::parse(request.der()).unwrap();
    let issued = authority()
        .issue_node(&request, &node("node-1"), &[], NOW)
        .unwrap();
    let peer = Peer::read(&issued.certificate).unwrap();
    assert_eq!(peer.identity, Identity::Node(node("node-1")));
    let (_, parsed) = X509Certificate::from_der(&issued.certificate).unwrap();
    assert!(!parsed.is_ca());
    assert_eq!(parsed.subject().to_string(), "CN=node-1");
}

#[test]
fn a_request_proves_its_key_and_has_an_allowed_one() {
    let made = NodeRequest::make().unwrap();
    let mut forged = made.request.to_vec();
    // Within the signature at the end.
    let last = forged.len() - 5;
    forged[last] ^= 1;
    let error = PublicKeyRequest::parse(&forged).unwrap_err();
    assert!(
        matches!(error, CaError::Request("its signature is not by its key")),
        "{error}"
    );

    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let request = CertificateParams::default()
        .serialize_request(&p384)
        .unwrap();
    assert!(PublicKeyRequest::parse(request.der()).is_err());
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let request = CertificateParams::default()
        .serialize_request(&ed25519)
        .unwrap();
    assert!(PublicKeyRequest::parse(request.der()).is_ok());
    assert!(PublicKeyRequest::parse(&vec![0x30; 100_000]).is_err());
}

#[test]
fn the_ca_is_stored_sealed_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keyring::load_or_create(&folder.path().join("secrets.key")).unwrap();
    let made = authority();
    let sealed = made.seal_key(&keys).unwrap();
    let certificate = made.certificate().clone();
    let opened = Authority::open(cluster(1), certificate.clone(), &sealed, &keys).unwrap();
    assert_eq!(opened.fingerprint(), made.fingerprint());
    assert_eq!(opened.not_after(), made.not_after());
    let (issued, _) = issue(&opened, "node-1");
    assert!(
        trust_of(&made)
            .check_client(&issued.certificate, NOW)
            .is_ok()
    );

    let other = Authority::open(cluster(2), certificate, &sealed, &keys);
    assert!(matches!(other, Err(CaError::Open(OpenError::Damaged))));
    let foreign = authority().certificate().clone();
    let mixed = Authority::open(cluster(1), foreign, &sealed, &keys);
    assert!(matches!(mixed, Err(CaError::Stored(_))));
}

#[test]
fn a_presented_certificate_is_judged() {
    let ours = authority();
    let (issued, _) = issue(&ours, "node-1");
    let check = |trust: &Trust, at| trust.check_client(&issued.certificate, at);
    assert_eq!(check(&trust_of(&ours), NOW).unwrap().serial, issued.serial);

    let late = check(
        &trust_of(&ours),
        after(issued.not_after, std::time::Duration::from_secs(1)),
    );
    assert!(matches!(late, Err(PeerError::OutOfTime { .. })));
    let early = check(&trust_of(&ours), Timestamp::default());
    assert!(matches!(early, Err(PeerError::OutOfTime { .. })));

    let serial = issued.serial;
    let certificates = [ours.certificate().clone()];
    let is_revoked: IsRevoked = Arc::new(move |presented| *presented == serial);
    let revoking = Trust::new(cluster(1), &certificates, is_revoked).unwrap();
    assert_eq!(check(&revoking, NOW), Err(PeerError::Revoked(serial)));

    let other = Authority::make(cluster(2), NOW).unwrap();
    assert_eq!(
        check(&trust_of(&other), NOW),
        Err(PeerError::OtherCluster(cluster(1)))
    );
    // Another CA that claims to be of our cluster.
    let impostor = authority();
    assert!(matches!(
        check(&trust_of(&impostor), NOW),
        Err(PeerError::NotOurs(_))
    ));
    let of_ca = trust_of(&ours).check_client(ours.certificate(), NOW);
    assert_eq!(of_ca, Err(PeerError::NoIdentity));
    assert_eq!(Peer::of(None), Err(PeerError::Absent));
}

#[test]
fn two_identities_are_none() {
    let key = KeyPair::generate().unwrap();
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let read = |names: Vec<SanType>| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&[0x41; 16]));
        Peer::read(params.self_signed(&key).unwrap().der())
    };
    let one = Identity::Node(node("node-1")).uri(cluster(1));
    let two = Identity::ControlPlane.uri(cluster(1));
    assert!(read(vec![uri(&one)]).is_ok());
    assert_eq!(read(vec![uri(&one), uri(&two)]), Err(PeerError::NoIdentity));
    assert_eq!(read(vec![]), Err(PeerError::NoIdentity));
    let dns = SanType::DnsName(one.as_str().try_into().unwrap());
    assert!(read(vec![dns]).is_err());
}

#[test]
fn names_in_certificates_are_dns_names() {
    for good in ["a", "node-1.internal", "xn--bcher-kva.example"] {
        assert!(is_dns_name(good), "{good}");
    }
    for bad in [
        "",
        ".",
        "a..b",
        "-a",
        "a-",
        "a_b",
        "A",
        "*.a",
        "a b",
        "a/b",
        &"a".repeat(64),
    ] {
        assert!(!is_dns_name(bad), "{bad}");
    }
    let made = NodeRequest::make().unwrap();
    let request = PublicKeyRequest::parse(&made.request).unwrap();
    let issue = |names: &[&str]| authority().issue_node(&request, &node("a_b"), names, NOW);
    assert!(issue(&["*.internal"]).is_err());
    assert!(issue(&["a"; 17]).is_err());
    assert!(issue(&["a"]).is_ok());
}

#[test]
fn revoked_serials_are_kept_as_long_as_needed() {
    let mut revoked = RevokedSerials::default();
    let serial = Serial::random().unwrap();
    assert!(revoked.revoke(serial, NOW));
    assert!(!revoked.revoke(serial, NOW));
    let stored: RevokedSerials = revoked
        .iter()
        .map(|(serial, ends)| (*serial, ends))
        .collect();
    assert_eq!(stored, revoked);
    revoked.forget_ended(NOW);
    assert!(revoked.contains(&serial));
    revoked.forget_ended(after(NOW, std::time::Duration::from_secs(1)));
    assert!(!revoked.contains(&serial));
}

#[test]
fn serials_are_all_of_one_length() {
    for _ in 0..200 {
        let serial = Serial::random().unwrap();
        assert_eq!(Serial::parse(&serial.to_string()), Ok(serial));
        let first = serial.as_bytes()[0];
        assert!((0x40..0x80).contains(&first));
    }
    for bad in ["", "00", &"0".repeat(32), &"f".repeat(32), &"4F".repeat(16)] {
        assert!(Serial::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Peer::read(&CertificateDer::from(bytes.clone())).is_err());
        prop_assert!(PublicKeyRequest::parse(&bytes).is_err());
    }

    #[test]
    fn a_damaged_certificate_is_not_let_in(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let authority = authority();
        let mut bytes = issue(&authority, "node-1").0.certificate.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let damaged = CertificateDer::from(bytes);
        prop_assert!(trust_of(&authority).check_client(&damaged, NOW).is_err());
    }

    #[test]
    fn an_identity_is_parsed_back_and_nothing_else(n in any::<u128>(), name in "[a-z0-9][a-z0-9._-]{0,62}", text in "\\PC{0,60}") {
        for identity in [Identity::ControlPlane, Identity::Node(node(&name))] {
            let uri = identity.uri(cluster(n));
            prop_assert_eq!(Identity::parse(&uri), Some((cluster(n), identity)));
            prop_assert_eq!(Identity::parse(&format!("{uri}/")), None);
            prop_assert_eq!(Identity::parse(&uri.to_uppercase()), None);
        }
        prop_assert_eq!(Identity::parse(&text), None);
    }
}
