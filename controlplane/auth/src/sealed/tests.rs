//! Sealing and its places, key files and their rotation, references.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

const PLACE: Place<'_> = Place {
    kind: "outgoing",
    name: "crm",
    field: "password",
};

fn keyring() -> (tempfile::TempDir, PathBuf, Keyring) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.key");
    let keyring = Keyring::load_or_create(&path).unwrap();
    (folder, path, keyring)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
    let (_folder, _, keys) = keyring();
    let sealed = keys
        .seal_text(PLACE, &Secret::new("hunter2".into()))
        .unwrap();
    let stored = Sealed::parse(&sealed.to_string()).unwrap();
    assert_eq!(keys.open_text(PLACE, &stored).unwrap().expose(), "hunter2");
    for other in [
        Place {
            kind: "security",
            ..PLACE
        },
        Place {
            name: "erp",
            ..PLACE
        },
        Place {
            field: "token",
            ..PLACE
        },
        Place {
            kind: "outgoingc",
            name: "rm",
            ..PLACE
        },
    ] {
        let error = keys.open(other, &stored).unwrap_err();
        assert!(matches!(error, OpenError::Damaged), "{other:?}");
    }
    assert!(!format!("{keys:?} {stored:?} {stored}").contains("hunter2"));
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let (_folder, _, keys) = keyring();
    let seal = || keys.seal(PLACE, b"hunter2").unwrap().to_string();
    assert_ne!(seal(), seal());
}

#[test]
fn a_key_file_is_its_owners_alone_and_stays() {
    let (folder, path, keys) = keyring();
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!(
        (metadata.len(), metadata.permissions().mode() & 0o777),
        (32, 0o600)
    );
    let again = Keyring::load_or_create(&path).unwrap();
    assert_eq!(again.current_id(), keys.current_id());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let (_folder, path, _) = keyring();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        set_mode(&path, mode);
        let error = Keyring::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::Open { .. }), "{mode:o}");
    }
    set_mode(&path, 0o400);
    assert!(Keyring::load(&path).is_ok());
}

#[test]
fn what_is_no_key_is_refused_and_left_alone() {
    let (_folder, path, _) = keyring();
    for bytes in [&[][..], &[7; 31], &[7; 33], &[0; 32]] {
        std::fs::write(&path, bytes).unwrap();
        let error = Keyring::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::NoKey(_)), "{}", bytes.len());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(
        Keyring::load(&path),
        Err(KeyFileError::File { .. })
    ));
}

#[test]
fn old_values_are_read_until_all_are_sealed_anew() {
    let (_folder, path, old) = keyring();
    let sealed = old.seal(PLACE, b"hunter2").unwrap();
    assert!(old.reseal(PLACE, &sealed).unwrap().is_none());

    let new = Keyring::rotate(&path).unwrap();
    assert_ne!(new.current_id(), old.current_id());
    assert_eq!(new.other_ids().collect::<Vec<_>>(), [old.current_id()]);
    assert_eq!(*new.open(PLACE, &sealed).unwrap(), b"hunter2");
    let anew = new.reseal(PLACE, &sealed).unwrap().unwrap();
    assert_eq!(anew.key_id(), new.current_id());

    let refused = Keyring::retire(&path, new.current_id()).unwrap_err();
    assert!(matches!(refused, KeyFileError::InUse(_)));
    let last = Keyring::retire(&path, old.current_id()).unwrap();
    assert_eq!(*last.open(PLACE, &anew).unwrap(), b"hunter2");
    let error = last.open(PLACE, &sealed).unwrap_err();
    assert!(matches!(error, OpenError::UnknownKey(id) if id == old.current_id()));
    assert_eq!(last.other_ids().count(), 0);
}

#[test]
fn a_rotation_that_stopped_half_way_loses_no_key() {
    let (_folder, path, old) = keyring();
    let sealed = old.seal(PLACE, b"hunter2").unwrap();
    // The old key was linked beside, the new one not yet renamed.
    let beside = path.with_file_name(format!("secrets.key.{}", old.current_id()));
    std::fs::hard_link(&path, &beside).unwrap();
    let keys = Keyring::load(&path).unwrap();
    assert_eq!(
        (keys.current_id(), keys.other_ids().count()),
        (old.current_id(), 0)
    );
    let new = Keyring::rotate(&path).unwrap();
    assert_eq!(*new.open(PLACE, &sealed).unwrap(), b"hunter2");
}

#[test]
fn a_key_under_a_wrong_name_is_refused() {
    let (_folder, path, _) = keyring();
    let beside = path.with_file_name("secrets.key.0123456789abcdef");
    std::fs::write(&beside, [7; 32]).unwrap();
    set_mode(&beside, 0o600);
    assert!(matches!(
        Keyring::load(&path),
        Err(KeyFileError::OtherKey(_))
    ));
}

#[test]
fn a_secret_has_a_largest_size() {
    let (_folder, _, keys) = keyring();
    let largest = vec![b'x'; SEALED_BYTES_MAX];
    let sealed = keys.seal(PLACE, &largest).unwrap();
    let stored = Sealed::parse(&sealed.to_string()).unwrap();
    assert_eq!(*keys.open(PLACE, &stored).unwrap(), largest);
    let error = keys
        .seal(PLACE, &vec![b'x'; SEALED_BYTES_MAX + 1])
        .unwrap_err();
    assert!(matches!(error, SealError::TooLarge(_)));
    let binary = keys.seal(PLACE, &[0xff]).unwrap();
    assert!(matches!(
        keys.open_text(PLACE, &binary),
        Err(OpenError::NotText)
    ));
}

fn value(text: &str) -> SecretValue {
    SecretValue::parse(Secret::new(text.to_owned())).unwrap()
}

fn no_sources() -> SecretSources {
    SecretSources {
        folders: Vec::new(),
    }
}

#[test]
fn a_reference_is_told_from_a_secret() {
    for (written, expected) in [
        ("$CRM_PASSWORD", "$CRM_PASSWORD"),
        ("file:/run/x", "file:/run/x"),
    ] {
        assert_eq!(value(written).reference().unwrap(), expected);
    }
    for (written, literal) in [("hunter2", "hunter2"), ("$$CRM", "$CRM"), ("a$B", "a$B")] {
        let value = value(written);
        assert_eq!(value.reference(), None);
        assert_eq!(value.resolve(&no_sources()).unwrap().expose(), literal);
    }
    for bad in [
        "",
        "$",
        "$crm",
        "$A B",
        "$1",
        "file:",
        "file:relative",
        "file:/run/../etc/passwd",
    ] {
        let error = SecretValue::parse(Secret::new(bad.to_owned())).unwrap_err();
        assert_eq!(error.field, "secret", "{bad}");
    }
}

#[test]
fn a_variable_is_read_at_use_and_never_told() {
    let resolve =
        |name: &str, found: Option<OsString>| value(name).resolve_with(&no_sources(), |_| found);
    assert_eq!(
        resolve("$CRM", Some("hunter2".into())).unwrap().expose(),
        "hunter2"
    );
    let faults = [
        resolve("$CRM", None),
        resolve("$CRM", Some(OsString::new())),
        resolve("$CRM", Some(OsString::from_vec(b"hunter2\xff".to_vec()))),
        resolve("$CRM", Some("hunter2".repeat(SEALED_BYTES_MAX).into())),
        resolve("$BASCULE_ADMIN_TOKEN", Some("hunter2".into())),
    ];
    let texts = [
        "the variable $CRM is not set",
        "the variable $CRM is empty",
        "the variable $CRM is not UTF-8",
        "the variable $CRM has more than 65536 bytes",
        "the variable $BASCULE_ADMIN_TOKEN belongs to the platform itself",
    ];
    for (fault, text) in faults.into_iter().zip(texts) {
        let error = fault.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn a_file_is_read_at_use_from_a_folder_for_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let sources = SecretSources {
        folders: vec![folder.path().to_owned()],
    };
    let path = folder.path().join("crm");
    let reference = value(&format!("file:{}", path.display()));
    let resolve = || reference.resolve(&sources);

    assert!(matches!(resolve(), Err(SecretUnresolved::File { .. })));
    for (content, secret) in [
        ("one\n", "one"),
        ("two\r\n", "two"),
        (" three \n\n", " three \n"),
    ] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(resolve().unwrap().expose(), secret);
    }
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(resolve(), Err(SecretUnresolved::Empty(_))));
    std::fs::write(&path, vec![b'x'; SEALED_BYTES_MAX + 1]).unwrap();
    assert!(matches!(resolve(), Err(SecretUnresolved::TooLarge(_))));
    std::fs::write(&path, b"hunter2\xff").unwrap();
    assert!(matches!(resolve(), Err(SecretUnresolved::NotText(_))));

    // A link within is followed, one that leads out is not.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("data"), "linked").unwrap();
    std::os::unix::fs::symlink("data", &path).unwrap();
    assert_eq!(resolve().unwrap().expose(), "linked");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(outside.path().join("shadow"), "stolen").unwrap();
    std::os::unix::fs::symlink(outside.path().join("shadow"), &path).unwrap();
    assert!(matches!(resolve(), Err(SecretUnresolved::OutOfReach(_))));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(resolve(), Err(SecretUnresolved::OutOfReach(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_of_a_sealed_value_is_found(
        secret in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let (_folder, _, keys) = keyring();
        let sealed = keys.seal(PLACE, &secret).unwrap();
        prop_assert_eq!(&*keys.open(PLACE, &sealed).unwrap(), &secret);
        let mut nonce = *sealed.nonce();
        let mut bytes = sealed.bytes().to_vec();
        let at = at.index(nonce.len() + bytes.len());
        match nonce.get_mut(at) {
            Some(byte) => *byte ^= 1 << bit,
            None => bytes[at - NONCE_BYTES] ^= 1 << bit,
        }
        let changed = Sealed::new(sealed.key_id(), nonce, bytes);
        prop_assert!(matches!(keys.open(PLACE, &changed), Err(OpenError::Damaged)));
    }

    #[test]
    fn any_stored_text_is_parsed_or_refused(text in "(bsk1\\.)?([0-9a-f]{16}\\.)?[A-Za-z0-9_.-]{0,80}") {
        if let Ok(sealed) = Sealed::parse(&text) {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }

    #[test]
    fn any_written_value_is_parsed_or_refused(text in "(\\$|\\$\\$|file:/?)?\\PC{0,40}") {
        if let Ok(value) = SecretValue::parse(Secret::new(text.clone())) {
            match value.reference() {
                Some(reference) => prop_assert_eq!(reference, text),
                None => prop_assert!(!text.starts_with("file:") && !text.is_empty()),
            }
        }
    }
}
