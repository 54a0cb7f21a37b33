//! What is sent from which base, and what is kept.

use bascule_proto::config::v1 as proto;
use bascule_proto::{apply, snapshot_hash};

use super::*;

fn encoded(generation: u64, timeouts: &[u32]) -> Encoded {
    let channels = timeouts.iter().zip(0..).map(|(timeout_ms, number)| {
        let name = format!("c{number:04}");
        proto::Channel {
            name,
            timeout_ms: *timeout_ms,
            ..Default::default()
        }
    });
    let mut snapshot = proto::Snapshot {
        generation,
        cluster_id: "c1".into(),
        channels: channels.collect(),
        ..Default::default()
    };
    snapshot.hash = snapshot_hash(&snapshot).to_vec().into();
    Encoded::of(&snapshot).unwrap()
}

fn published(whole: &Encoded, before: Option<&Published>) -> Published {
    Published::new("c1".into(), whole.clone(), before).prepared()
}

fn stamp(of: &Encoded) -> Stamp {
    Stamp {
        generation: Generation(of.generation()),
        hash: of.hash().clone(),
    }
}

#[test]
fn a_node_gets_a_delta_from_any_generation_of_the_ring() {
    let all: Vec<Encoded> = (1..=20_u32)
        .map(|generation| encoded(generation.into(), &[&[generation][..], &[7; 20]].concat()))
        .collect();
    let mut newest = published(&all[0], None);
    for next in &all[1..] {
        newest = published(next, Some(&newest));
    }
    for base in &all {
        let Payload::Delta(delta) = newest.message_from(Some(&stamp(base))) else {
            panic!("generation {} is in the ring", base.generation());
        };
        let delta = proto::Delta::decode(delta).unwrap();
        assert_eq!(apply(base, &delta).unwrap(), all[19]);
    }
}

#[test]
fn a_message_is_encoded_once_for_all_nodes() {
    let (a, b) = (
        encoded(1, &[1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
        encoded(2, &[2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
    );
    let newest = published(&b, Some(&published(&a, None)));
    let bytes = |base: Option<&Stamp>| match newest.message_from(base) {
        Payload::Snapshot(bytes) | Payload::Delta(bytes) => bytes.as_ptr(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bytes(None), bytes(None));
    let base = stamp(&a);
    assert_eq!(bytes(Some(&base)), bytes(Some(&base)));
}

#[test]
fn a_node_with_what_is_not_ours_gets_the_whole() {
    let (a, b) = (
        encoded(1, &[1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
        encoded(2, &[2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
    );
    let newest = published(&b, Some(&published(&a, None)));
    let whole = Payload::Snapshot(b.bytes().clone());
    let unknown = [
        None,
        Some(stamp(&encoded(1, &[9]))),
        Some(stamp(&encoded(9, &[9]))),
        Some(Stamp {
            generation: Generation(1),
            hash: Bytes::new(),
        }),
    ];
    for base in unknown {
        assert_eq!(newest.message_from(base.as_ref()), whole, "{base:?}");
    }
}

#[test]
fn a_difference_that_is_as_large_as_the_whole_is_not_sent() {
    let (a, b) = (encoded(1, &[1; 50]), encoded(2, &[2; 50]));
    let newest = published(&b, Some(&published(&a, None)));
    let whole = Payload::Snapshot(b.bytes().clone());
    assert_eq!(newest.message_from(Some(&stamp(&a))), whole);
}

#[test]
fn the_ring_is_bounded_and_what_left_it_may_still_be_run() {
    let all: Vec<Encoded> = (1..=300).map(|g| encoded(g, &[7, 7, 7])).collect();
    let mut newest = published(&all[0], None);
    for next in &all[1..] {
        newest = published(next, Some(&newest));
    }
    assert_eq!(newest.bases.len(), BASES_MAX);
    assert!(newest.base(&stamp(&all[299])).is_some());
    assert!(newest.base(&stamp(&all[44])).is_some());
    assert!(newest.base(&stamp(&all[43])).is_none());
    assert!(newest.may_be_run(&stamp(&all[43])));
    let forged = |generation| Stamp {
        generation: Generation(generation),
        hash: vec![7; 32].into(),
    };
    assert!(!newest.may_be_run(&forged(300)));
    assert!(!newest.may_be_run(&forged(301)));
}

#[test]
fn outlines_beyond_the_bytes_are_dropped_but_never_the_own() {
    let outline = Arc::new(Outline::of(&encoded(1, &[7; 100])));
    let kept = |bytes_max| newest_within(vec![Arc::clone(&outline); 50], bytes_max).len();
    assert_eq!(kept(10 * outline.size()), 10);
    assert_eq!(kept(10 * outline.size() - 1), 9);
    assert_eq!(kept(0), 1);
}
