//! Real handshakes, over a pipe in memory.

use std::sync::Mutex;
use std::time::Duration;

use rustls::{AlertDescription, ClientConnection, HandshakeKind, ServerConnection};

use super::super::tests::{NOW, authority, cluster, issue, node, trust_of};
use super::super::{
    Authority, Issued, Peer, PeerError, RevokedSerials, join_client_config, join_server_config,
};
use super::*;

#[derive(Debug)]
struct At(cp_model::Timestamp);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let us = u64::try_from(self.0.unix_us()).unwrap();
        Some(UnixTime::since_unix_epoch(Duration::from_micros(us)))
    }
}

fn chain(authority: &Authority, issued: Issued) -> [CertificateDer<'static>; 2] {
    [issued.certificate, authority.certificate().clone()]
}

/// What came of a handshake, with what each side says went wrong.
#[derive(Debug)]
struct Ends {
    server: Result<Peer, Error>,
    client: Result<Peer, Error>,
    was_full: bool,
}

fn at(tls: MutualTls, now: cp_model::Timestamp) -> MutualTls {
    tls.with_clock(Arc::new(At(now)))
}

fn control_plane(authority: &Authority) -> MutualTls {
    let (issued, key) = authority.issue_control_plane(&["localhost"], NOW).unwrap();
    let own = OwnCertificate::new(chain(authority, issued), key).unwrap();
    at(MutualTls::new(own, trust_of(authority)), NOW)
}

fn node_of(authority: &Authority) -> MutualTls {
    let (issued, key) = issue(authority, "node-1");
    let own = OwnCertificate::new(chain(authority, issued), key).unwrap();
    at(MutualTls::new(own, trust_of(authority)), NOW)
}

/// Both sides after all that they had to say.
struct Shaken {
    server: ServerConnection,
    client: ClientConnection,
    server_error: Option<Error>,
    client_error: Option<Error>,
}

fn pump(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Shaken {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    let (mut client_error, mut server_error) = (None, None);
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let sent = bytes.len();
        feed(&bytes, |piece| server.read_tls(piece));
        if server_error.is_none() {
            server_error = server.process_new_packets().err();
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |piece| client.read_tls(piece));
        if client_error.is_none() {
            client_error = client.process_new_packets().err();
        }
        if sent + bytes.len() == 0 {
            return Shaken {
                server,
                client,
                server_error,
                client_error,
            };
        }
    }
}

fn shake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Ends {
    let shaken = pump(server, client);
    let of = |error: Option<Error>, certificates: Option<&[CertificateDer<'_>]>| match error {
        Some(error) => Err(error),
        None => Ok(Peer::of(certificates).unwrap()),
    };
    Ends {
        was_full: shaken.server.handshake_kind() == Some(HandshakeKind::Full),
        server: of(shaken.server_error, shaken.server.peer_certificates()),
        client: of(shaken.client_error, shaken.client.peer_certificates()),
    }
}

/// What the control plane presented to a machine that let it pass.
fn join(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let shaken = pump(server, client);
    match shaken.client_error {
        Some(error) => Err(error),
        None => Ok(shaken.client.peer_certificates().unwrap().to_vec()),
    }
}

fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !bytes.is_empty() {
        read(&mut bytes).unwrap();
    }
}

fn between(server: &MutualTls, client: &MutualTls) -> Ends {
    shake(
        &server.server_config().unwrap(),
        &client.client_config().unwrap(),
    )
}

/// The reason that stands in the error of a side.
fn reason(error: &Error) -> PeerError {
    let Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error else {
        panic!("{error:?}");
    };
    other.0.downcast_ref::<PeerError>().unwrap().clone()
}

#[test]
fn a_node_and_its_control_plane_know_each_other() {
    let authority = authority();
    let ends = between(&control_plane(&authority), &node_of(&authority));
    assert_eq!(
        ends.server.unwrap().identity,
        Identity::Node(node("node-1"))
    );
    assert_eq!(ends.client.unwrap().identity, Identity::ControlPlane);
    assert!(ends.was_full);
}

#[test]
fn a_node_of_another_cluster_is_refused() {
    let (ours, other) = (authority(), Authority::make(cluster(2), NOW).unwrap());
    let (issued, key) = issue(&other, "node-1");
    let own = OwnCertificate::new(chain(&other, issued), key).unwrap();
    // It trusts us, as one that wants in would.
    let intruder = at(MutualTls::new(own, trust_of(&ours)), NOW);
    let ends = between(&control_plane(&ours), &intruder);
    assert_eq!(
        reason(&ends.server.unwrap_err()),
        PeerError::OtherCluster(cluster(2))
    );
    assert!(matches!(ends.client, Err(Error::AlertReceived(_))));
}

#[test]
fn a_ca_that_calls_itself_ours_is_refused_by_both() {
    let (ours, impostor) = (authority(), authority());
    let (issued, key) = issue(&impostor, "node-1");
    let own = OwnCertificate::new(chain(&impostor, issued), key).unwrap();
    let intruder = at(MutualTls::new(own, trust_of(&ours)), NOW);
    let ends = between(&control_plane(&ours), &intruder);
    assert!(matches!(
        reason(&ends.server.unwrap_err()),
        PeerError::NotOurs(_)
    ));

    let ends = between(&control_plane(&impostor), &node_of(&ours));
    assert!(matches!(
        reason(&ends.client.unwrap_err()),
        PeerError::NotOurs(_)
    ));
}

#[test]
fn a_node_is_no_control_plane() {
    let authority = authority();
    let ends = between(&node_of(&authority), &node_of(&authority));
    let expected = PeerError::OtherIdentity(Identity::Node(node("node-1")));
    assert_eq!(reason(&ends.client.unwrap_err()), expected);
    // To whom wants a node it is one.
    let client = node_of(&authority).client_config_to(Identity::Node(node("node-1")));
    let ends = shake(
        &node_of(&authority).server_config().unwrap(),
        &client.unwrap(),
    );
    assert!(ends.client.is_ok() && ends.server.is_ok());
}

#[test]
fn what_has_ended_is_refused() {
    let authority = authority();
    let later = crate::clock::after(NOW, Duration::from_hours(31 * 24));
    let (issued, key) = authority.issue_control_plane(&[], later).unwrap();
    let own = OwnCertificate::new(chain(&authority, issued), key).unwrap();
    let server = at(MutualTls::new(own, trust_of(&authority)), later);
    let client = at(node_of(&authority), later);
    let ends = between(&server, &client);
    let expired = Error::InvalidCertificate(rustls::CertificateError::Expired);
    assert_eq!(ends.server.unwrap_err(), expired);
    let alert = Error::AlertReceived(AlertDescription::CertificateExpired);
    assert_eq!(ends.client.unwrap_err(), alert);

    let ends = between(&at(control_plane(&authority), later), &client);
    assert_eq!(ends.client.unwrap_err(), expired);
}

#[test]
fn who_presents_nothing_is_refused() {
    let authority = authority();
    let provider = Arc::new(ring::default_provider());
    let verifier = Servers {
        trust: Arc::new(ArcSwap::from_pointee(trust_of(&authority))),
        expected: Identity::ControlPlane,
        algorithms: provider.signature_verification_algorithms,
    };
    let mut client = ClientConfig::builder_with_details(provider, Arc::new(At(NOW)))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    client.alpn_protocols = vec![ALPN.to_vec()];
    let server = control_plane(&authority).server_config().unwrap();
    let ends = shake(&server, &Arc::new(client));
    assert_eq!(ends.server.unwrap_err(), Error::NoCertificatesPresented);
    let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
    assert_eq!(ends.client.unwrap_err(), alert);
}

#[test]
fn a_revocation_counts_at_the_next_handshake_of_the_same_configurations() {
    let authority = authority();
    let revoked = Arc::new(Mutex::new(RevokedSerials::default()));
    let asked = Arc::clone(&revoked);
    let trust = Trust::new(
        cluster(1),
        &[authority.certificate().clone()],
        Arc::new(move |serial| asked.lock().unwrap().contains(serial)),
    );
    let control_plane = control_plane(&authority);
    control_plane.replace_trust(trust.unwrap());
    let server = control_plane.server_config().unwrap();
    let client = node_of(&authority).client_config().unwrap();

    for _ in 0..2 {
        let ends = shake(&server, &client);
        // A second time as the first: nothing is resumed.
        assert!(ends.was_full);
        let serial = ends.server.unwrap().serial;
        revoked.lock().unwrap().revoke(serial, NOW);
        let refused = shake(&server, &client);
        let expected = Error::InvalidCertificate(rustls::CertificateError::Revoked);
        assert_eq!(refused.server.unwrap_err(), expected);
        let alert = Error::AlertReceived(AlertDescription::CertificateRevoked);
        assert_eq!(refused.client.unwrap_err(), alert);
        *revoked.lock().unwrap() = RevokedSerials::default();
    }
}

#[test]
fn a_renewed_certificate_and_a_new_ca_need_no_restart() {
    let (old, new) = (authority(), authority());
    let (control_plane, node) = (control_plane(&old), node_of(&old));
    let server = control_plane.server_config().unwrap();
    let client = node.client_config().unwrap();
    let before = shake(&server, &client);

    let both = || {
        let authorities = [old.certificate().clone(), new.certificate().clone()];
        Trust::new(cluster(1), &authorities, Arc::new(|_| false)).unwrap()
    };
    control_plane.replace_trust(both());
    node.replace_trust(both());
    let (issued, key) = issue(&new, "node-1");
    let serial = issued.serial;
    node.own().replace(chain(&new, issued), key).unwrap();
    let after = shake(&server, &client);
    let (before, after) = (before.server.unwrap(), after.server.unwrap());
    assert_ne!(before.serial, after.serial);
    assert!(after.serial == serial);
}

#[test]
fn a_key_of_another_certificate_is_refused_and_the_old_one_stays() {
    let authority = authority();
    let node = node_of(&authority);
    let ((issued, _), (_, key)) = (issue(&authority, "node-1"), issue(&authority, "node-1"));
    assert!(node.own().replace(chain(&authority, issued), key).is_err());
    let ends = between(&control_plane(&authority), &node);
    assert!(ends.server.is_ok() && ends.client.is_ok());
}

#[test]
fn a_machine_joins_the_cluster_of_its_token_and_no_other() {
    let (ours, impostor) = (authority(), authority());
    let client = |authority: &Authority| {
        join_client_config(authority.fingerprint(), Arc::new(At(NOW))).unwrap()
    };
    let server = |tls: &MutualTls| join_server_config(Arc::clone(&tls.own)).unwrap();
    let right = server(&control_plane(&ours));
    let joined = join(&right, &client(&ours)).unwrap();
    assert_eq!(
        Peer::of(Some(&joined)).unwrap().identity,
        Identity::ControlPlane
    );
    assert_eq!(joined[1], *ours.certificate());

    let wrong = server(&control_plane(&impostor));
    let refused = join(&wrong, &client(&ours)).unwrap_err();
    assert!(matches!(reason(&refused), PeerError::NotOurs(_)));
    // Our CA's certificate is public: an impostor may present it behind its own.
    let (issued, key) = impostor.issue_control_plane(&[], NOW).unwrap();
    let posing = OwnCertificate::new(chain(&ours, issued), key).unwrap();
    let refused = join(&join_server_config(posing).unwrap(), &client(&ours));
    assert!(refused.is_err());
    let refused = join(&server(&node_of(&ours)), &client(&ours)).unwrap_err();
    assert!(matches!(reason(&refused), PeerError::OtherIdentity(_)));
    // The listener for nodes does not let it in.
    let mutual = control_plane(&ours).server_config().unwrap();
    assert_eq!(
        shake(&mutual, &client(&ours)).server.unwrap_err(),
        Error::NoCertificatesPresented
    );
}
