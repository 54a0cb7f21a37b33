//! The page against a golden file: `BASCULE_BLESS=1` writes it anew.

use std::time::UNIX_EPOCH;

use dp_stats::{ChannelKey, Registry};

use super::*;
use crate::status::Status;

#[test]
fn the_page_is_the_golden_one() {
    let registry = Registry::default();
    let core = registry.register(0);
    core.node.accepted.add(3);
    core.node.connections.set(2);
    core.balancer.in_flight.set(1);
    core.upstream_retries.increment();
    let key = ChannelKey {
        channel: "crm.\"customer\"".into(),
        service: "crm.get".into(),
    };
    let channel = core.channel(&key);
    for us in [400, 900, 30_000] {
        channel.record(200, us, 100, 1000);
    }
    channel.record(502, 12_000_000, 100, 10);
    core.upstream(&"127.0.0.1:17010".into())
        .record(200, 800, 1, 2);
    let mut status = Status::away().read();
    status.started_at = UNIX_EPOCH;
    let reading = Reading {
        version: "0.1.0".to_owned(),
        status,
        workers: Workers {
            ready: 1,
            total: 2,
            restarts: 3,
            python: "3.11.7".to_owned(),
        },
        totals: registry.read(),
        usage: Usage {
            cpu_us: 1_500_000,
            resident_bytes: 4096,
            open_descriptors: 9,
        },
    };
    let page = render(&reading);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/metrics.txt");
    if std::env::var_os("BASCULE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(path).unwrap());
}
