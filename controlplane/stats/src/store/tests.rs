//! What the store promises of rates, quantiles and bounds.

use super::*;

fn report(service: &str, code: u32, count: u64, bucket: u32) -> proto::Report {
    let delta = proto::ChannelDelta {
        channel: "c".into(),
        service: service.into(),
        codes: vec![proto::CodeCount { code, count }],
        histogram: vec![bucket, u32::try_from(count).unwrap()],
        ..Default::default()
    };
    proto::Report {
        channels: vec![delta],
        ..Default::default()
    }
}

#[test]
fn nodes_add_up_and_the_running_second_waits() {
    let stats = Stats::default();
    stats.ingest("a", 1_000, &report("s", 200, 30, 10));
    stats.ingest("b", 1_000, &report("s", 500, 10, 63));
    assert_eq!(stats.total(1_000), Summary::default());
    let total = stats.total(1_001);
    assert!((total.requests_per_second - 4.0).abs() < 1e-9);
    assert!((total.errors_per_second - 1.0).abs() < 1e-9);
    assert_eq!((total.p50_us, total.p99_us), (Some(10), Some(63)));
    assert_eq!(stats.service("s", 1_001), total);
    assert!((stats.node("a", 1_001).requests_per_second - 3.0).abs() < 1e-9);
    assert_eq!(stats.points(1_001).len(), 1);
}

#[test]
fn five_minutes_are_kept_and_silent_names_forgotten() {
    let stats = Stats::default();
    stats.ingest("a", 1_000, &report("old", 200, 1, 1));
    for second in 1_001..1_400 {
        stats.ingest("a", second, &report("new", 200, 1, 1));
    }
    assert_eq!(stats.points(1_400).len(), 299);
    let names: Vec<_> = stats
        .services(1_400)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["new"]);
    assert_eq!(stats.total(2_000), Summary::default());
}

#[test]
fn the_last_five_hundred_failures_are_found_by_cid() {
    let stats = Stats::default();
    for number in 0..600 {
        let failure = proto::Failure {
            cid: format!("c{number}"),
            ..Default::default()
        };
        let report = proto::Report {
            failures: vec![failure],
            ..Default::default()
        };
        stats.ingest("a", 1_000, &report);
    }
    assert_eq!(stats.failure("c99"), None);
    assert_eq!(
        stats.failure("c100").map(|failure| failure.node),
        Some("a".into())
    );
    let page = stats.failures(u64::MAX, 2);
    assert_eq!(
        page.iter().map(|f| f.cid.as_str()).collect::<Vec<_>>(),
        ["c599", "c598"]
    );
    let next = stats.failures(page[1].sequence, 1);
    assert_eq!(next[0].cid, "c597");
}
