//! What a command line becomes, and what is refused before anything is sent.

use clap::Parser as _;

use super::*;
use crate::args::Cli;

fn plan(args: &[&str]) -> anyhow::Result<Plan> {
    let cli = Cli::try_parse_from(["bascule-loadtest"].iter().chain(args)).unwrap();
    Plan::from_args(&cli.run)
}

fn refusal(args: &[&str]) -> String {
    format!("{:#}", plan(args).unwrap_err())
}

#[test]
fn the_request_is_complete() {
    let plan = plan(&["http://127.0.0.1:81/a?b=c#d", "-H", "X: y", "--data", "hi"]).unwrap();
    let text = String::from_utf8(plan.servers[0].requests[0].clone()).unwrap();
    let wanted =
        "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:81\r\nX: y\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(text, wanted);
}

#[test]
fn urls_of_one_server_share_its_connections() {
    let plan = plan(&[
        "http://127.0.0.1:81/a",
        "http://127.0.0.1:81/b",
        "http://[::1]/",
        "-c",
        "1",
    ])
    .unwrap();
    let counts: Vec<_> = plan
        .servers
        .iter()
        .map(|server| server.requests.len())
        .collect();
    assert_eq!((counts, plan.connections), (vec![2, 1], 2));
    assert_eq!(plan.servers[1].address.port(), 80);
}

#[test]
fn foreign_machines_and_unclear_input_are_refused() {
    assert!(refusal(&["http://192.0.2.1/"]).contains("--allow-remote"));
    assert!(plan(&["http://192.0.2.1/", "--allow-remote"]).is_ok());
    assert!(refusal(&["https://127.0.0.1/"]).contains("https is not supported"));
    assert!(refusal(&["127.0.0.1/"]).contains("not an http:// URL"));
    assert!(refusal(&["http:///x"]).contains("no host"));
    assert!(refusal(&["http://u:p@127.0.0.1/"]).contains("password"));
    assert!(refusal(&["http://127.0.0.1/a b"]).contains("percent-encoded"));
    assert!(refusal(&["http://127.0.0.1/", "-H", "nonsense"]).contains("Name: value"));
    assert!(refusal(&["http://127.0.0.1/", "-H", "Content-Length: 5"]).contains("itself"));
    assert!(refusal(&["http://127.0.0.1/", "-X", "GE T"]).contains("token"));
    assert!(refusal(&["http://127.0.0.1/", "-c", "0"]).contains("out of range"));
    assert!(refusal(&["http://127.0.0.1/", "-n", "0"]).contains("nothing"));
}

#[test]
fn headers_come_from_a_file_so_that_tokens_stay_off_the_command_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Authorization: Bearer t\n\nX: y\n").unwrap();
    let plan = plan(&[
        "http://127.0.0.1/",
        "-H",
        &format!("@{}", file.path().display()),
    ])
    .unwrap();
    let text = String::from_utf8(plan.servers[0].requests[0].clone()).unwrap();
    assert!(
        text.contains("Authorization: Bearer t\r\nX: y\r\n"),
        "{text}"
    );
}
