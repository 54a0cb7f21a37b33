//! A core with a worker of the scripted kind.

use std::path::PathBuf;
use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use dp_exec::{PackageFile, ServiceBinding, ServiceSet, Supervisor, SupervisorConfig, WorkerEvent};
use dp_net::DriverChoice;

use super::clients::Client;
use super::cores::{TestCore, echoes, member, plan};
use crate::Plan;

/// One worker, whose services do what their names say.
pub(super) fn scripted_worker() -> (Supervisor, Vec<flume::Receiver<WorkerEvent>>) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let config = SupervisorConfig {
        python_path: Some(root.join("../exec/testdata/scripted")),
        workers: 1,
        ..SupervisorConfig::new("n1", 1, root.join("unused"))
    };
    Supervisor::start(config).unwrap()
}

pub(super) fn bind(supervisor: &Supervisor, names: &[&str]) -> ServiceSet {
    let package = PackageFile {
        id: "scripted-id".into(),
        file: "scripted.py".into(),
        module: "scripted".into(),
        path: "/nowhere".into(),
    };
    let binding = |name: &&str| ServiceBinding {
        name: (*name).into(),
        package: package.id.clone(),
    };
    let services = names.iter().map(binding).collect();
    let bound = supervisor.bind(vec![package.clone()], services);
    dp_net::block_on(DriverChoice::Auto, |_| bound)
        .unwrap()
        .unwrap()
}

/// A generation whose channel `/headers` answers with the headers that its service was shown.
fn headers(number: u64, supervisor: &Supervisor, members: Vec<proto::Member>) -> Arc<Plan> {
    let mut snapshot = echoes(number, &[("GET", "/headers")]);
    let package_id = "0".repeat(64);
    snapshot.packages.push(proto::Package {
        id: package_id.clone(),
        file: "scripted.py".into(),
        module: "scripted".into(),
        version: 1,
        bytes: 1,
    });
    snapshot.services.push(proto::Service {
        name: "headers".into(),
        package_id,
    });
    snapshot.channels[0].service = "headers".into();
    snapshot.members = members;
    Arc::new(Plan {
        snapshot: Arc::clone(&plan(snapshot).snapshot),
        services: bind(supervisor, &["headers"]),
    })
}

#[test]
fn what_a_stranger_says_of_its_client_is_dropped_and_a_members_word_is_kept() {
    let (supervisor, mut events) = scripted_worker();
    let core = TestCore::start_with(events.remove(0));
    let shown = || {
        let mut client = Client::connect(core.node);
        client.send(
            b"GET /headers HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6\r\n\
              X-Forwarded-Host: evil\r\nx-mine: 1\r\n\r\n",
        );
        String::from_utf8(client.response().unwrap().body).unwrap()
    };
    // Nobody sits at the address of this member, least of all the client.
    let elsewhere = member("n2", "127.0.0.9:1".parse().unwrap());
    core.prepare(headers(1, &supervisor, vec![elsewhere]));
    core.commit(1);
    let text = shown();
    assert!(text.contains("x-mine: 1"), "{text}");
    assert!(
        !text.to_ascii_lowercase().contains("x-forwarded") && !text.contains("6.6.6.6"),
        "{text}"
    );

    core.prepare(headers(2, &supervisor, vec![member("n1", core.node)]));
    core.commit(2);
    let text = shown();
    assert!(
        text.contains("x-forwarded-for: 6.6.6.6") && text.contains("X-Forwarded-Host: evil"),
        "{text}"
    );
}
