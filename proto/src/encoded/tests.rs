//! Bytes that are a snapshot, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn snapshot() -> proto::Snapshot {
    let mut snapshot = proto::Snapshot {
        generation: 1 << 40,
        cluster_id: "c1".to_owned(),
        members: vec![proto::Member::default()],
        channels: vec![proto::Channel::default(); 3],
        cluster: "dev".to_owned(),
        ..proto::Snapshot::default()
    };
    snapshot.hash = snapshot_hash(&snapshot).to_vec().into();
    snapshot
}

#[test]
fn the_hash_is_that_of_the_message_without_its_hash() {
    let snapshot = snapshot();
    let unhashed = proto::Snapshot {
        hash: Bytes::new(),
        ..snapshot.clone()
    };
    let expected = Sha256::digest(unhashed.encode_to_vec());
    assert_eq!(snapshot_hash(&snapshot), expected.as_slice());
    assert_eq!(snapshot_hash(&unhashed), expected.as_slice());
}

#[test]
fn its_head_is_read_and_its_records_are_its_bytes() {
    let encoded = Encoded::of(&snapshot()).unwrap();
    assert_eq!(
        (encoded.generation(), encoded.hash()),
        (1 << 40, &snapshot().hash)
    );
    let records: Vec<&[u8]> = encoded.records().collect();
    assert_eq!(records.len(), 8);
    assert_eq!(records.concat(), *encoded.bytes());
    assert_eq!(encoded.decode().unwrap(), snapshot());
}

#[test]
fn a_changed_byte_is_not_sound() {
    assert!(Encoded::of(&snapshot()).unwrap().is_sound());
    let other = proto::Snapshot {
        cluster: "dew".to_owned(),
        ..snapshot()
    };
    assert!(!Encoded::of(&other).unwrap().is_sound());
    assert!(!Encoded::of(&proto::Snapshot::default()).unwrap().is_sound());
}

#[test]
fn a_second_hash_is_refused() {
    let refused = Encoded::parse(vec![0x1a, 1, 7, 0x1a, 1, 7].into());
    assert_eq!(refused.err(), Some(WireError::HashTwice { record: 1 }));
}

#[test]
fn a_hash_elsewhere_or_in_another_form_is_refused_since_it_does_not_cover_itself() {
    let good = Encoded::of(&snapshot()).unwrap();
    let mut records: Vec<&[u8]> = good.records().collect();
    records.swap(2, 3);
    let moved = Encoded::parse(records.concat().into());
    assert_eq!(moved.err(), Some(WireError::Order { record: 3 }));
    for longer in [vec![0x9a, 0, 1, 7], vec![0x1a, 0x81, 0, 7]] {
        let refused = Encoded::parse(longer.into());
        assert_eq!(refused.err(), Some(WireError::Record { record: 0 }));
    }
}

#[test]
fn cut_bytes_are_refused_or_shorter_by_whole_records() {
    let good = Encoded::of(&snapshot()).unwrap();
    for length in 0..good.bytes().len() {
        let cut = Encoded::parse(good.bytes().slice(..length));
        let is_at_an_end = length == 0 || good.ends.contains(&length);
        assert_eq!(cut.is_ok(), is_at_an_end, "{length} bytes");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_cut_without_loss_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(encoded) = Encoded::parse(bytes.clone().into()) {
            prop_assert_eq!(encoded.records().collect::<Vec<_>>().concat(), bytes);
        }
    }
}
