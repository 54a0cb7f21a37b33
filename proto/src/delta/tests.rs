//! The property that holds both directions together, and deltas that nobody should send.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::snapshot_hash;

fn sealed(mut snapshot: proto::Snapshot) -> Encoded {
    snapshot.hash = snapshot_hash(&snapshot).to_vec().into();
    Encoded::of(&snapshot).unwrap()
}

fn channel(name: &str, timeout_ms: u32) -> proto::Channel {
    proto::Channel {
        name: name.to_owned(),
        timeout_ms,
        ..proto::Channel::default()
    }
}

fn snapshot(generation: u64, channels: &[(&str, u32)]) -> Encoded {
    sealed(proto::Snapshot {
        generation,
        cluster_id: "c1".to_owned(),
        cluster: "dev".to_owned(),
        channels: channels.iter().map(|(n, t)| channel(n, *t)).collect(),
        ..proto::Snapshot::default()
    })
}

fn delta(base: &Encoded, new: &Encoded) -> proto::Delta {
    between(&Outline::of(base), new)
}

#[track_caller]
fn round(base: &Encoded, new: &Encoded) -> proto::Delta {
    let delta = delta(base, new);
    assert_eq!(apply(base, &delta).as_ref(), Ok(new));
    delta
}

#[test]
fn one_changed_channel_of_many_is_the_only_one_sent() {
    let names: Vec<String> = (0..1000).map(|number| format!("c{number:04}")).collect();
    let mut channels: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let base = snapshot(1, &channels);
    channels[500].1 = 2;
    let delta = round(&base, &snapshot(2, &channels));
    // Generation, hash and the channel.
    assert_eq!((delta.removed.len(), delta.put.len()), (3, 3));
    assert_eq!(delta.put_at, [0, 2, 503]);
}

#[test]
fn nothing_changed_is_an_empty_delta() {
    let base = snapshot(1, &[("a", 1)]);
    let delta = round(&base, &base);
    assert_eq!((delta.removed.len(), delta.put.len()), (0, 0));
}

#[test]
fn what_is_added_removed_renamed_moved_or_twice_comes_out_as_it_is() {
    let lists: [&[(&str, u32)]; 9] = [
        &[],
        &[("a", 1)],
        &[("a", 1), ("b", 1), ("c", 1)],
        &[("b", 1), ("c", 1), ("d", 1)],
        &[("c", 1), ("b", 1), ("a", 1)],
        &[("a", 1), ("c", 2)],
        &[("a", 1), ("a", 1), ("a", 1)],
        &[("a", 1), ("b", 1), ("a", 1)],
        &[("z", 9)],
    ];
    for base in lists {
        for new in lists {
            round(&snapshot(1, base), &snapshot(2, new));
        }
    }
}

#[test]
fn a_delta_on_another_base_is_refused() {
    let (a, b) = (snapshot(1, &[("a", 1)]), snapshot(2, &[("a", 2)]));
    let delta = delta(&a, &b);
    let refused = Err(DeltaError::Base { wanted: 1, has: 2 });
    assert_eq!(apply(&b, &delta), refused);
    let same_number = snapshot(1, &[("other", 1)]);
    let refused = Err(DeltaError::Base { wanted: 1, has: 1 });
    assert_eq!(apply(&same_number, &delta), refused);
}

#[test]
fn a_delta_that_was_tampered_with_is_refused() {
    let (a, b) = (
        snapshot(1, &[("a", 1), ("b", 1)]),
        snapshot(2, &[("a", 2), ("b", 1)]),
    );
    let good = delta(&a, &b);
    let tampered = |change: fn(&mut proto::Delta)| {
        let mut delta = good.clone();
        change(&mut delta);
        apply(&a, &delta).unwrap_err()
    };
    let changed = tampered(|delta| {
        let record = delta.put.last_mut().unwrap();
        let mut bytes = record.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        *record = bytes.into();
    });
    assert_eq!(changed, DeltaError::Result);
    assert_eq!(tampered(|delta| delta.generation = 3), DeltaError::Result);
    assert_eq!(
        tampered(|delta| delta.hash = Bytes::new()),
        DeltaError::Result
    );
    let indexes: [fn(&mut proto::Delta); 5] = [
        |delta| delta.put_at.clear(),
        |delta| delta.put_at.reverse(),
        |delta| delta.removed.reverse(),
        |delta| delta.removed.push(99),
        |delta| *delta.put_at.last_mut().unwrap() = u32::MAX,
    ];
    for change in indexes {
        assert_eq!(tampered(change), DeltaError::Indexes);
    }
    let no_record = tampered(|delta| *delta.put.last_mut().unwrap() = vec![0xff].into());
    assert!(matches!(no_record, DeltaError::Wire(_)), "{no_record}");
}

/// Few names and values, so that lists share, swap and repeat.
fn snapshots() -> impl Strategy<Value = Encoded> {
    let name = || "[a-d]".prop_map(String::from);
    let channels = vec((name(), 0u32..3), 0..12);
    let services = vec(name(), 0..4);
    let members = vec((name(), 0u32..2), 0..4);
    (1u64..4, channels, services, members).prop_map(|(generation, channels, services, members)| {
        let services = services.into_iter().map(|name| proto::Service {
            name,
            ..proto::Service::default()
        });
        let members = members.into_iter().map(|(node, weight)| proto::Member {
            node,
            weight,
            ..proto::Member::default()
        });
        sealed(proto::Snapshot {
            generation,
            members: members.collect(),
            services: services.collect(),
            channels: channels.iter().map(|(n, t)| channel(n, *t)).collect(),
            ..proto::Snapshot::default()
        })
    })
}

proptest! {
    #[test]
    fn applying_the_difference_gives_the_new_one(base in snapshots(), new in snapshots()) {
        prop_assert_eq!(apply(&base, &delta(&base, &new)), Ok(new));
    }

    #[test]
    fn any_delta_on_the_base_is_applied_right_or_refused(
        base in snapshots(),
        new in snapshots(),
        removed in vec(0u32..40, 0..6),
        put_at in vec(0u32..40, 0..6),
        put in vec(vec(any::<u8>(), 0..8).prop_map(Bytes::from), 0..6),
    ) {
        let delta = proto::Delta { removed, put_at, put, ..delta(&base, &new) };
        if let Ok(made) = apply(&base, &delta) {
            prop_assert_eq!(made, new);
        }
    }
}
