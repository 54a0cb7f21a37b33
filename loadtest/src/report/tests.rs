//! Both faces of one result, with numbers that were chosen by hand.

use clap::Parser as _;

use super::*;
use crate::args::Cli;

const MS: u64 = 1_000_000;

fn plan(args_of: &str) -> Plan {
    let args = ["bascule-loadtest", "http://127.0.0.1:1/a"];
    let cli = Cli::try_parse_from(args.into_iter().chain(args_of.split(' '))).unwrap();
    Plan::from_args(&cli.run).unwrap()
}

/// 99 answers of 1 to 99 ms, one of 500 ms with a 503, two failures, three not sent; planned for 10 s.
fn tally() -> Tally {
    let mut tally = Tally::new().unwrap();
    for ms in 1..=99 {
        tally.answered(200, ms * MS, MS);
    }
    tally.answered(503, 500 * MS, MS);
    tally.failed(Failure::Reset);
    tally.failed(Failure::Timeout);
    tally.sent = 102;
    tally.unsent = 3;
    tally.body_bytes = 20_000_000;
    tally.connections_opened = 9;
    tally.last_answer_ns = 9_000 * MS;
    tally
}

fn report(args: &str, tally: &Tally) -> Report {
    Report::new(
        &plan(args),
        tally,
        Duration::from_secs(10),
        Duration::from_secs(2),
    )
}

fn close(given: &serde_json::Value, wanted: f64) {
    let given = given.as_f64().unwrap();
    assert!(
        (given - wanted).abs() <= wanted / 1000.0,
        "{given} is not {wanted}"
    );
}

#[test]
fn the_json_has_the_documented_fields_and_the_right_numbers() {
    let json = serde_json::to_value(report("-d 10s -c 8 --rate 10.5", &tally())).unwrap();
    assert_eq!(
        (&json["model"], &json["rate"]),
        (&"open".into(), &10.5.into())
    );
    assert_eq!(
        json["requests"],
        serde_json::json!({"sent": 102, "answered": 100, "failed": 2, "unsent": 3})
    );
    assert_eq!(json["status"], serde_json::json!({"200": 99, "503": 1}));
    assert_eq!(
        (&json["errors"]["reset"], &json["errors"]["timeout"]),
        (&1.into(), &1.into())
    );
    assert_eq!(json["errors"]["refused"], 0);
    close(&json["requests_per_second"], 10.0);
    close(&json["body_bytes_per_second"], 2e6);
    close(&json["latency_us"]["p50"], 50e3);
    close(&json["latency_us"]["p99"], 99e3);
    close(&json["latency_us"]["max"], 500e3);
    close(&json["latency_us"]["mean"], 54.5e3);
    close(&json["service_time_us"]["p99"], 1e3);
    close(&json["generator_cpu_share"], 0.2);
    let readme = include_str!("../../README.md");
    for field in json.as_object().unwrap().keys() {
        assert!(
            readme.contains(field.as_str()),
            "README.md does not tell {field}"
        );
    }
}

#[test]
fn the_table_shows_the_same_numbers() {
    let table = report("-d 10s -c 8 --rate 10.5", &tally()).table();
    for line in [
        "model       open, 10.5 requests/s, up to 8 connections, kept alive",
        "target      http://127.0.0.1:1/a",
        "measured    10.00 s after 0.00 s of warm-up",
        "requests    100 answered, 2 failed, 3 not sent",
        "rate        10.0 requests/s, 2.00 MB/s of bodies, 9 connections opened",
        "status 503  1",
        "failed      1 × reset",
    ] {
        assert!(table.lines().any(|given| given == line), "{line}\n{table}");
    }
    let latency = table
        .lines()
        .find(|line| line.starts_with("latency"))
        .unwrap();
    assert!(
        latency.contains("50.0") && latency.contains("99.0"),
        "{latency}"
    );
    assert!(table.contains("once sent"), "{table}");
    assert!(!table.contains("note "), "{table}");
}

#[test]
fn a_run_that_its_count_ended_is_as_long_as_its_answers_took() {
    let by_count = report("-n 100 -c 8", &tally());
    assert!(
        (by_count.duration_s - 9.0).abs() < 1e-9,
        "{}",
        by_count.duration_s
    );
    let mut interrupted = tally();
    interrupted.is_interrupted = true;
    let table = report("-d 10s", &interrupted).table();
    assert!(
        table.contains("measured    9.00 s") && table.contains("interrupted"),
        "{table}"
    );
}

#[test]
fn a_busy_generator_says_so() {
    let report = Report::new(
        &plan("-d 10s"),
        &tally(),
        Duration::from_secs(10),
        Duration::from_millis(9_500),
    );
    assert!(report.table().contains("busy for 95 % of the time"));
}

#[test]
fn durations_read_with_the_fitting_unit() {
    assert_eq!(readable(12.4), "12 µs");
    assert_eq!(readable(1234.0), "1.23 ms");
    assert_eq!(readable(2_500_000.0), "2.50 s");
}
