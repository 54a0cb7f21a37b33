//! The real binary: what goes to which stream, and the exit codes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn loadtest(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bascule-loadtest"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = loadtest(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The binary's own backend; ended with the test.
struct Backend(Child, String);

impl Backend {
    fn start() -> Self {
        let mut child = loadtest(&["backend", "--body-bytes", "7"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self(child, format!("http://{address}/"))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn json_goes_to_stdout_alone_and_the_table_stays_away() {
    let backend = Backend::start();
    let (code, stdout, _) = run(&[&backend.1, "-n", "100", "-c", "4", "--json", "-"]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["requests"]["answered"], 100);
    assert_eq!(json["body_bytes"], 700);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result.json");
    let (code, stdout, _) = run(&[&backend.1, "-n", "10", "--json", file.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("10 answered, 0 failed"), "{stdout}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(json["status"]["200"], 10);
}

#[test]
fn wrong_usage_is_64_and_a_refused_target_is_1_when_errors_count() {
    for args in [
        &[][..],
        &["ftp://x"],
        &["http://127.0.0.1:1/", "-c", "0"],
        &["http://192.0.2.1/"],
        &["http://127.0.0.1:1/", "--no-such-flag"],
    ] {
        let (code, stdout, stderr) = run(args);
        assert_eq!(code, Some(64), "{args:?}: {stderr}");
        assert!(stdout.is_empty() && !stderr.is_empty(), "{args:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{closed}/");
    assert_eq!(run(&[&url, "-n", "2", "-c", "1"]).0, Some(0));
    let (code, stdout, _) = run(&[&url, "-n", "2", "-c", "1", "--fail-on-error"]);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("2 × refused"), "{stdout}");
}

#[test]
fn progress_shows_on_stderr_and_ctrl_c_prints_what_was_measured() {
    let backend = Backend::start();
    let mut child = loadtest(&[&backend.1, "-d", "1h", "-c", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.contains("1 s") && line.contains("requests/s"),
        "{line}"
    );
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut table = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut table)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(table.contains("interrupted"), "{table}");
}
