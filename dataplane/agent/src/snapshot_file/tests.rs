//! Every way in which a file can be wrong.

use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

fn snapshot(generation: u64) -> Encoded {
    of_cluster(generation, "c1")
}

fn of_cluster(generation: u64, cluster_id: &str) -> Encoded {
    sealed(proto::Snapshot {
        generation,
        cluster_id: cluster_id.to_owned(),
        cluster: "dev".to_owned(),
        ..Default::default()
    })
}

fn sealed(mut snapshot: proto::Snapshot) -> Encoded {
    snapshot.hash = bascule_proto::snapshot_hash(&snapshot).to_vec().into();
    Encoded::of(&snapshot).unwrap()
}

fn loaded(file: &SnapshotFile, cluster_id: Option<&str>) -> Vec<Encoded> {
    let loaded = file.load(cluster_id);
    loaded.iter().map(|wire| wire.encoded().clone()).collect()
}

/// As a process that starts: what it saves first, it saves whole.
fn save_whole(file: &SnapshotFile, snapshot: &Encoded) {
    let folder = file.newest.snapshot.parent().unwrap();
    let saved = SnapshotFile::new(folder).save(snapshot).unwrap();
    assert_eq!(saved, Saved::Whole);
}

fn folder() -> (tempfile::TempDir, SnapshotFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path());
    (folder, file)
}

#[test]
fn what_was_saved_is_loaded_newest_first() {
    let (_folder, mut file) = folder();
    assert!(file.load(None).is_empty());
    for generation in 1..=5 {
        // As one process and as one that starts anew each time.
        match generation {
            1..=3 => drop(file.save(&snapshot(generation)).unwrap()),
            _ => save_whole(&file, &snapshot(generation)),
        }
        let expected = [generation, generation - 1].map(snapshot);
        let count = usize::try_from(generation).unwrap().min(2);
        assert_eq!(loaded(&file, Some("c1")), expected[..count]);
    }
}

#[test]
fn only_the_owner_may_read_it() {
    let (_folder, mut file) = folder();
    file.save(&snapshot(1)).unwrap();
    for path in [&file.newest.snapshot, &file.newest.deltas] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
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
        save_whole(&file, &snapshot(1));
        save_whole(&file, &snapshot(2));
        std::fs::write(&file.newest.snapshot, &bad).unwrap();
        assert_eq!(loaded(&file, Some("c1")), [snapshot(1)]);
    }
}

#[test]
fn two_bad_files_are_no_snapshot_and_no_crash() {
    let (_folder, file) = folder();
    std::fs::write(&file.newest.snapshot, "x").unwrap();
    std::fs::create_dir(&file.previous.snapshot).unwrap();
    assert!(file.load(None).is_empty());
}

#[test]
fn a_change_is_appended_and_the_snapshot_file_stays() {
    let (_folder, mut file) = folder();
    assert_eq!(file.save(&snapshot(1)).unwrap(), Saved::Whole);
    let whole = std::fs::read(&file.newest.snapshot).unwrap();
    for generation in 2..=9 {
        assert_eq!(file.save(&snapshot(generation)).unwrap(), Saved::Appended);
    }
    assert_eq!(std::fs::read(&file.newest.snapshot).unwrap(), whole);
    assert_eq!(loaded(&file, Some("c1")), [snapshot(9), snapshot(8)]);
}

#[test]
fn a_full_journal_gives_way_to_a_new_snapshot_and_stays_with_the_old() {
    let (_folder, mut file) = folder();
    let mut saved = Vec::new();
    let mut generation = 0;
    while saved.iter().filter(|how| **how == Saved::Whole).count() < 2 {
        generation += 1;
        saved.push(file.save(&snapshot(generation)).unwrap());
    }
    assert_eq!(saved.len(), 102, "the first, 100 entries, the next");
    let newest_and_before = [snapshot(102), snapshot(101)];
    assert_eq!(loaded(&file, Some("c1")), newest_and_before);
    std::fs::write(&file.newest.snapshot, "damaged").unwrap();
    let before = [snapshot(101), snapshot(100)];
    assert_eq!(loaded(&file, Some("c1")), before);
}

#[test]
fn a_change_as_large_as_the_snapshot_is_written_whole() {
    let (_folder, mut file) = folder();
    file.save(&snapshot(1)).unwrap();
    let mut large = snapshot(2).decode().unwrap();
    large.cluster = "x".repeat(100_000);
    assert_eq!(file.save(&sealed(large)).unwrap(), Saved::Whole);
}

/// A folder with one snapshot and three entries, and where each entry ends.
fn with_entries() -> (tempfile::TempDir, SnapshotFile, Vec<usize>) {
    let (folder, mut file) = folder();
    let mut ends = Vec::new();
    for generation in 1..=4 {
        file.save(&snapshot(generation)).unwrap();
        let length = std::fs::metadata(&file.newest.deltas).unwrap().len();
        ends.push(usize::try_from(length).unwrap());
    }
    (folder, file, ends)
}

#[test]
fn a_journal_that_is_cut_anywhere_is_read_as_far_as_its_entries_are_whole() {
    let (_folder, file, ends) = with_entries();
    let whole = std::fs::read(&file.newest.deltas).unwrap();
    for length in 0..=whole.len() {
        std::fs::write(&file.newest.deltas, &whole[..length]).unwrap();
        let there = ends.iter().filter(|end| **end <= length).count();
        let newest = snapshot(u64::try_from(there).unwrap());
        assert_eq!(loaded(&file, None)[0], newest, "{length} bytes");
        // A process that starts there writes on without harm.
        save_whole(&file, &snapshot(9));
        assert_eq!(loaded(&file, None), [snapshot(9), newest]);
        std::fs::rename(&file.previous.snapshot, &file.newest.snapshot).unwrap();
        std::fs::remove_file(&file.previous.deltas).unwrap();
    }
}

#[test]
fn a_flipped_bit_in_a_journal_gives_an_earlier_snapshot_or_the_same() {
    let (_folder, file, _) = with_entries();
    let saved: Vec<Encoded> = (1..=4).map(snapshot).collect();
    let good = std::fs::read(&file.newest.deltas).unwrap();
    // Each flip is a file that is written, so one bit of each byte.
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1 << (position % 8);
        std::fs::write(&file.newest.deltas, &bad).unwrap();
        for found in loaded(&file, None) {
            assert!(saved.contains(&found), "byte {position}");
        }
    }
}

#[test]
fn a_crash_between_any_two_steps_of_a_rotation_loses_nothing() {
    let (_folder, file, _) = with_entries();
    // An older pair, whose journal the rotation takes the place of.
    std::fs::write(&file.previous.snapshot, encode(&snapshot(100))).unwrap();
    let kept = [snapshot(4), snapshot(3)];
    std::fs::rename(&file.newest.deltas, &file.previous.deltas).unwrap();
    assert_eq!(loaded(&file, None), kept);
    std::fs::rename(&file.newest.snapshot, &file.previous.snapshot).unwrap();
    assert_eq!(loaded(&file, None), kept);
    std::fs::write(&file.newest.snapshot, encode(&snapshot(5))).unwrap();
    assert_eq!(loaded(&file, None), [snapshot(5), snapshot(4)]);
}

#[test]
fn a_journal_that_cannot_be_written_gives_way_to_a_new_snapshot() {
    let (_folder, mut file) = folder();
    file.save(&snapshot(1)).unwrap();
    // Nothing can be written to what was opened for reading.
    let readable = std::fs::File::open(&file.newest.deltas).unwrap();
    file.journal.as_mut().unwrap().break_with(readable);
    assert_eq!(file.save(&snapshot(2)).unwrap(), Saved::Whole);
    assert_eq!(file.save(&snapshot(3)).unwrap(), Saved::Appended);
    assert_eq!(loaded(&file, None), [snapshot(3), snapshot(2)]);
}

proptest! {
    #[test]
    fn any_journal_is_read_or_passed_over(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let (_folder, file) = folder();
        save_whole(&file, &snapshot(1));
        std::fs::write(&file.newest.deltas, bytes).unwrap();
        prop_assert_eq!(loaded(&file, None), [snapshot(1)]);
    }
}
