//! Flags that are taken and flags that are refused.

use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(std::iter::once("bascule-dataplane").chain(line.split_whitespace()))
}

const MEMBER: &str =
    "--name dev-1 --controlplane http://127.0.0.1:8082 --cluster-token-file t --state-dir s";

#[test]
fn a_member_needs_its_three() {
    let args = parse(MEMBER).unwrap();
    args.check().unwrap();
    assert_eq!(
        args.membership().unwrap().unwrap().control_plane,
        "http://127.0.0.1:8082"
    );
    assert_eq!(args.drain_timeout, Duration::from_secs(30));
    assert_eq!(args.workers(), args.cores());
    for missing in ["--controlplane", "--cluster-token-file", "--state-dir"] {
        let mut words: Vec<&str> = MEMBER.split_whitespace().collect();
        let at = words.iter().position(|word| *word == missing).unwrap();
        words.drain(at..at + 2);
        let error = parse(&words.join(" ")).unwrap().check().unwrap_err();
        assert_eq!(error.to_string(), format!("{missing} is missing"));
    }
}

#[test]
fn a_proxy_needs_its_listener_and_has_no_workers() {
    let proxy = "--backend 127.0.0.1:1 --backend 127.0.0.1:2 --balancer-listen 127.0.0.1:0";
    let args = parse(proxy).unwrap();
    args.check().unwrap();
    assert_eq!((args.backend.len(), args.workers()), (2, 0));
    assert_eq!(args.name, "proxy", "no cluster, so any name will do");
    assert!(args.membership().unwrap().is_none());
    assert!(parse("--backend 127.0.0.1:1").unwrap().check().is_err());
}

/// Two nodes with one default name would fight for it.
#[test]
fn a_member_needs_a_name() {
    let nameless = MEMBER.replace("--name dev-1 ", "");
    let kind = parse(&nameless).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::MissingRequiredArgument);
}

#[test]
fn a_node_on_all_addresses_must_say_how_to_reach_it() {
    let all = format!("{MEMBER} --insecure-bind --node-listen 0.0.0.0:17010");
    assert!(parse(&all).unwrap().check().is_err());
    parse(&format!("{all} --node-address 10.0.0.1:17010"))
        .unwrap()
        .check()
        .unwrap();
}

#[test]
fn bad_values_are_refused() {
    let table = [
        "--name Dev",
        "--name ",
        "--cores 0",
        "--node-listen localhost:80",
        "--drain-timeout 30",
        "--drain-timeout -1s",
        "--drain-timeout 99999999999999999999s",
        "--driver epoll",
    ];
    for line in table {
        let kind = parse(line).unwrap_err().kind();
        let refused = [
            ErrorKind::ValueValidation,
            ErrorKind::InvalidValue,
            ErrorKind::UnknownArgument,
        ];
        assert!(refused.contains(&kind), "{line}: {kind}");
    }
}

#[test]
fn durations_have_units() {
    for (text, ms) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)));
    }
}

#[test]
fn the_last_of_pin_and_no_pin_wins() {
    let args = parse("--name a --pin --no-pin").unwrap();
    assert!(args.no_pin && !args.pin);
}

#[test]
fn only_the_balancer_listens_beyond_this_machine_unasked() {
    for flag in ["--node-listen", "--admin-listen"] {
        let line = format!("{MEMBER} {flag} 192.0.2.1:80");
        let error = parse(&line).unwrap().check().unwrap_err();
        assert!(error.to_string().contains("--insecure-bind"), "{error}");
        parse(&format!("{line} --insecure-bind"))
            .unwrap()
            .check()
            .unwrap();
    }
    let balancer = format!("{MEMBER} --balancer-listen 192.0.2.1:80");
    parse(&balancer).unwrap().check().unwrap();
}

#[test]
fn a_node_has_at_least_one_worker() {
    assert!(parse(&format!("{MEMBER} --workers 0")).is_err());
}
