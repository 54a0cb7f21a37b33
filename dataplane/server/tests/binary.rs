//! The whole binary: real process, real sockets, port 0.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/node_process.rs"]
mod node_process;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use bascule_proto::config::v1 as proto;
use node_process::{NodeProcess, run_to_end};

const PROXY: &str = "--balancer-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --cores 2 --no-pin";

/// Answers every request with `name` until the process ends.
fn backend(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer_all(stream.unwrap(), name));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, name: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
                name.len()
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The whole answer to one request on a connection of its own.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_proxy_balances_over_its_backends_and_drains() {
    let (left, right) = (backend("left"), backend("right"));
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready.json");
    let mut flags: Vec<String> = PROXY.split(' ').map(str::to_owned).collect();
    flags.extend(["--backend".into(), left, "--backend".into(), right]);
    flags.extend(["--ready-file".into(), ready_file.display().to_string()]);
    let mut node = NodeProcess::start(&flags);
    let serving = node.wait_for("the node serves");
    let ready: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&ready_file).unwrap()).unwrap();
    assert_eq!(ready["balancer"], serving["balancer"]);
    assert_eq!(ready["pid"], node.id());
    let balancer = ready["balancer"].as_str().unwrap();
    let answers: Vec<String> = (0..8).map(|_| get(balancer, "/")).collect();
    for name in ["left", "right"] {
        assert!(
            answers.iter().any(|answer| answer.ends_with(name)),
            "{answers:?}"
        );
    }
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with("HTTP/1.1 200")),
        "{answers:?}"
    );

    let admin = ready["admin"].as_str().unwrap();
    assert!(get(admin, "/livez").starts_with("HTTP/1.1 200"));
    assert!(get(admin, "/readyz?verbose").contains("[+] config: fixed backends"));
    let metrics = get(admin, "/metrics");
    assert!(
        metrics.contains("bascule_upstream_connects_total"),
        "{metrics}"
    );
    assert!(get(admin, "/config").contains("\"backends\""));

    node.terminate();
    assert_eq!(node.wait(), 0);
}

#[test]
fn a_second_sigterm_does_not_wait_for_the_first() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let backend = silent.local_addr().unwrap().to_string();
    let mut flags: Vec<String> = PROXY.split(' ').map(str::to_owned).collect();
    flags.extend([
        "--backend".into(),
        backend,
        "--drain-timeout".into(),
        "1h".into(),
    ]);
    let mut node = NodeProcess::start(&flags);
    let serving = node.wait_for("the node serves");
    let mut client = TcpStream::connect(serving["balancer"].as_str().unwrap()).unwrap();
    client
        .write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    // The request has reached its backend, which never answers: the drain has to wait.
    loop {
        let (mut upstream, _) = silent.accept().unwrap();
        let mut head = [0; 1024];
        let read = upstream.read(&mut head).unwrap();
        if head[..read].windows(5).any(|part| part == b"/slow") {
            node.terminate();
            node.wait_for("draining");
            node.terminate();
            assert_eq!(node.wait(), 1);
            break;
        }
    }
    assert!(
        node.log().contains("ended by a second SIGTERM"),
        "{}",
        node.log()
    );
}

#[test]
fn a_node_that_was_killed_starts_again_at_once_on_its_own_addresses() {
    let mut flags: Vec<String> = PROXY.split(' ').map(str::to_owned).collect();
    flags.extend(["--backend".into(), backend("up")]);
    let mut node = NodeProcess::start(&flags);
    for _ in 0..5 {
        let serving = node.wait_for("the node serves");
        let addresses =
            ["balancer", "admin"].map(|name| serving[name].as_str().unwrap().to_owned());
        for (flag, address) in ["--balancer-listen", "--admin-listen"]
            .iter()
            .zip(&addresses)
        {
            let at = flags.iter().position(|known| known == flag).unwrap();
            flags[at + 1].clone_from(address);
        }
        // Killed and waited for, not drained.
        drop(node);
        node = NodeProcess::start(&flags);
    }
    let serving = node.wait_for("the node serves");
    assert!(get(serving["balancer"].as_str().unwrap(), "/").ends_with("up"));
}

fn member_flags(state: &Path) -> Vec<String> {
    let token = state.join("token");
    std::fs::write(&token, "secret-cluster-token").unwrap();
    let flags = format!(
        "--name dev-1 --controlplane http://127.0.0.1:1 --cluster-token-file {} --state-dir {} \
         --node-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --cores 2 --workers 1 --no-pin \
         --drain-timeout 5s",
        token.display(),
        state.join("state").display()
    );
    flags.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_node_serves_from_disk_while_the_control_plane_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let flags = member_flags(folder.path());
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mut wire = proto::Snapshot {
        generation: 5,
        cluster_id: "c1".to_owned(),
        channels: vec![proto::Channel {
            name: "echo".to_owned(),
            path: "/echo/{what}".to_owned(),
            service: "bascule.echo".to_owned(),
            timeout_ms: 1000,
            ..Default::default()
        }],
        ..Default::default()
    };
    wire.hash = dp_config::snapshot_hash(&wire).0.to_vec().into();
    let wire = bascule_proto::Encoded::of(&wire).unwrap();
    dp_agent::SnapshotFile::new(&state).save(&wire).unwrap();

    let mut node = NodeProcess::start(&flags);
    let serving = node.wait_for("the node serves");
    assert_eq!(serving["generation"], 5);
    let address = serving["listen"].as_str().unwrap();
    assert!(get(address, "/echo/a").starts_with("HTTP/1.1 200"));
    assert!(get(address, "/zato/ping").contains("\"is_ok\":true"));
    assert!(get(address, "/none").starts_with("HTTP/1.1 404"));
    node.wait_for("control plane away");
    let details = get(serving["admin"].as_str().unwrap(), "/readyz?verbose");
    assert!(details.starts_with("HTTP/1.1 200"), "{details}");
    assert!(
        details.contains("serving from disk, control plane away since"),
        "{details}"
    );
    node.terminate();
    assert_eq!(node.wait(), 0);
    assert!(!node.log().contains("secret-cluster-token"));
}

#[test]
fn what_cannot_work_is_one_line_and_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let flags = member_flags(folder.path());
    let with = |flag: &str, value: &str| {
        let mut flags = flags.clone();
        match flags.iter().position(|known| known == flag) {
            Some(at) => flags[at + 1] = value.to_owned(),
            None => flags.extend([flag.to_owned(), value.to_owned()]),
        }
        flags
    };
    let table = [
        (
            with("--node-listen", &taken),
            format!("cannot listen on {taken}"),
        ),
        (
            with("--balancer-listen", &taken),
            format!("cannot listen on {taken}"),
        ),
        (
            with("--admin-listen", &taken),
            format!("cannot listen on {taken}"),
        ),
        (
            with("--state-dir", "/proc/none"),
            "the state folder /proc/none cannot be written".into(),
        ),
        (
            with("--state-dir", "/dev/null"),
            "the state folder /dev/null cannot be written".into(),
        ),
        (
            with("--cluster-token-file", "/none"),
            "the cluster token file /none cannot".into(),
        ),
        (
            with("--controlplane", "ftp://x"),
            "--controlplane ftp://x must start with http".into(),
        ),
        (
            with("--access-log", "/none/x"),
            "the access log /none/x cannot be opened".into(),
        ),
    ];
    for (flags, expected) in table {
        let (code, stderr) = run_to_end(&flags);
        assert_eq!(code, 1, "{expected}: {stderr}");
        let last = stderr.lines().last().unwrap();
        assert!(last.contains(&expected), "{expected}: {stderr}");
    }
}

#[test]
fn a_state_folder_serves_one_node_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let flags = member_flags(folder.path());
    let mut node = NodeProcess::start(&flags);
    node.wait_for("control plane away");
    let (code, stderr) = run_to_end(&flags);
    assert_eq!(code, 1);
    assert!(stderr.contains("is in use by another node"), "{stderr}");
    node.terminate();
    assert_eq!(node.wait(), 0);
}
