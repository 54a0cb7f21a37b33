//! Every way in which a file can be wrong.

use std::os::unix::fs::PermissionsExt as _;

use bascule_proto::config::v1 as proto;

use super::*;

fn snapshot(generation: u64) -> Encoded {
    of_cluster(generation, "c1")
}

fn of_cluster(generation: u64, cluster_id: &str) -> Encoded {
    let mut snapshot = proto::Snapshot {
        generation,
        cluster_id: cluster_id.to_owned(),
        cluster: "dev".to_owned(),
        ..Default::default()
    };
    snapshot.hash = bascule_proto::snapshot_hash(&snapshot).to_vec().into();
    Encoded::of(&snapshot).unwrap()
}

fn loaded(file: &SnapshotFile, cluster_id: Option<&str>) -> Vec<Encoded> {
    let loaded = file.load(cluster_id);
    loaded.iter().map(|wire| wire.encoded().clone()).collect()
}

fn folder() -> (tempfile::TempDir, SnapshotFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path());
    (folder, file)
}

#[test]
fn what_was_saved_is_loaded_newest_first() {
    let (_folder, file) = folder();
    assert!(file.load(None).is_empty());
    for generation in 1..=3 {
        file.save(&snapshot(generation)).unwrap();
    }
    assert_eq!(loaded(&file, Some("c1")), [snapshot(3), snapshot(2)]);
}

#[test]
fn only_the_owner_may_read_it() {
    let (_folder, file) = folder();
    file.save(&snapshot(1)).unwrap();
    let mode = std::fs::metadata(&file.current)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let good = encode(&snapshot(7));
    assert_eq!(*decode(&good).unwrap().encoded(), snapshot(7));
    for position in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[position] ^= 1 << bit;
            assert!(decode(&bad).is_err(), "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn a_file_of_any_other_length_is_refused() {
    let good = encode(&snapshot(7));
    for length in 0..good.len() {
        assert!(decode(&good[..length]).is_err(), "{length} bytes");
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(
        decode(&longer),
        Err(SnapshotFileError::Length { .. })
    ));
    assert!(decode(&vec![0; good.len()]).is_err());
}

#[test]
fn a_future_format_says_its_version() {
    let mut future = encode(&snapshot(7));
    future[8] = 2;
    assert!(matches!(
        decode(&future),
        Err(SnapshotFileError::Version(2))
    ));
}

#[test]
fn a_checked_message_that_is_no_snapshot_is_refused() {
    let message = [0xff; 9];
    let mut file = Vec::from(*MAGIC);
    file.extend(VERSION.to_le_bytes());
    file.extend(Sha256::digest(message));
    file.extend((message.len() as u64).to_le_bytes());
    file.extend(message);
    assert!(matches!(decode(&file), Err(SnapshotFileError::Records(_))));
}

#[test]
fn a_bad_current_file_gives_way_to_the_previous() {
    let future = {
        let mut file = encode(&snapshot(2));
        file[8] = 9;
        file
    };
    let foreign = encode(&of_cluster(2, "c2"));
    let cut = encode(&snapshot(2))[..60].to_vec();
    let bads = [
        future,
        foreign,
        cut,
        Vec::new(),
        b"not a snapshot at all".to_vec(),
    ];
    for bad in bads {
        let (_folder, file) = folder();
        file.save(&snapshot(1)).unwrap();
        file.save(&snapshot(2)).unwrap();
        std::fs::write(&file.current, &bad).unwrap();
        assert_eq!(loaded(&file, Some("c1")), [snapshot(1)]);
    }
}

#[test]
fn two_bad_files_are_no_snapshot_and_no_crash() {
    let (_folder, file) = folder();
    std::fs::write(&file.current, "x").unwrap();
    std::fs::create_dir(&file.previous).unwrap();
    assert!(file.load(None).is_empty());
}
