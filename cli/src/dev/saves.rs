//! What is known of the saved files, and whether a file that was touched is worth a deploy. Pure but for reading the
//! file. It refuses to know why a content was refused: what is missing may be there by the next save. Invariant: without
//! a save nothing is deployed twice, so that no event that a deploy causes can cause a deploy.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::deploy::PACKAGE_BYTES_MAX;
use crate::file::{self, Unreadable};

/// One save of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Save {
    pub(super) source: Vec<u8>,
    /// `None` where the file system keeps no such time.
    at: Option<SystemTime>,
}

/// The newest save that was sent to the control plane, per file.
#[derive(Debug, Default)]
pub(super) struct Saves {
    files: HashMap<PathBuf, Sent>,
    /// Files that are gone while their services stay deployed; whether that was told.
    orphans: BTreeMap<PathBuf, bool>,
}

#[derive(Debug)]
struct Sent {
    save: Save,
    is_accepted: bool,
}

// === impl Save ===

impl Save {
    pub(super) async fn read(path: &Path) -> Result<Self, Unreadable> {
        let contents = file::read_aside(path.to_owned(), PACKAGE_BYTES_MAX).await?;
        // The time is older than the content: one that is saved in between counts as a later save, and is not missed.
        Ok(Self {
            source: contents.bytes,
            at: contents.modified,
        })
    }
}

// === impl Saves ===

impl Saves {
    /// Whether to deploy it: another content always, one that was not accepted when it was saved again.
    pub(super) fn is_due(&self, path: &Path, save: &Save) -> bool {
        let Some(sent) = self.files.get(path) else {
            return true;
        };
        if sent.is_accepted {
            sent.save.source != save.source
        } else {
            sent.save != *save
        }
    }

    /// Not accepted until that is said: a deploy whose answer is lost may be repeated by saving again.
    pub(super) fn sent(&mut self, path: &Path, save: Save) {
        let sent = Sent {
            save,
            is_accepted: false,
        };
        // To the cluster a file is its name, wherever it is.
        self.orphans
            .retain(|orphan, _| orphan.file_name() != path.file_name());
        self.files.insert(path.to_owned(), sent);
    }

    pub(super) fn accepted(&mut self, path: &Path) {
        self.set(path, true);
    }

    /// Also after it was accepted: an import that takes long is refused late.
    pub(super) fn failed(&mut self, path: &Path) {
        self.set(path, false);
    }

    fn set(&mut self, path: &Path, is_accepted: bool) {
        if let Some(sent) = self.files.get_mut(path) {
            sent.is_accepted = is_accepted;
        }
    }

    /// A file is not there: when it was known, it is an orphan from now on, unless it only has moved.
    pub(super) fn gone(&mut self, path: &Path) {
        let was_known = self.files.remove(path).is_some();
        let name = path.file_name();
        if was_known && !self.files.keys().any(|file| file.file_name() == name) {
            self.orphans.insert(path.to_owned(), false);
        }
    }

    pub(super) fn is_orphan(&self, path: &Path) -> bool {
        self.orphans.contains_key(path)
    }

    /// Whether a person is still to be told of an orphan; it is told once.
    pub(super) fn tell(&mut self, path: &Path) -> bool {
        let told = self.orphans.get_mut(path);
        told.is_some_and(|is_told| !std::mem::replace(is_told, true))
    }

    /// The orphan of this file name.
    pub(super) fn orphan(&self, name: &str) -> Option<PathBuf> {
        let is_it = |path: &&PathBuf| path.file_name().is_some_and(|own| own == name);
        self.orphans.keys().find(is_it).cloned()
    }

    /// Its services have another file now.
    pub(super) fn adopted(&mut self, orphan: &Path) {
        self.orphans.remove(orphan);
    }

    /// The first file, in order of name.
    pub(super) fn first(&self) -> Option<&Path> {
        self.files.keys().min().map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api::tests::block_on;

    fn save(source: &str, second: u64) -> Save {
        Save {
            source: source.into(),
            at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second)),
        }
    }

    #[test]
    fn what_was_accepted_is_deployed_again_only_when_its_content_differs() {
        let (mut saves, path) = (Saves::default(), Path::new("a.py"));
        assert!(saves.is_due(path, &save("x", 1)));
        saves.sent(path, save("x", 1));
        saves.accepted(path);
        assert!(!saves.is_due(path, &save("x", 2)));
        assert!(saves.is_due(path, &save("y", 2)));
        saves.gone(path);
        assert!(saves.is_due(path, &save("x", 2)));
    }

    #[test]
    fn what_was_refused_is_tried_again_when_it_is_saved_again_and_not_before() {
        let (mut saves, path) = (Saves::default(), Path::new("a.py"));
        saves.sent(path, save("x", 1));
        assert!(!saves.is_due(path, &save("x", 1)));
        assert!(saves.is_due(path, &save("x", 2)));
        // The same when the refusal comes late.
        saves.accepted(path);
        saves.failed(path);
        assert!(!saves.is_due(path, &save("x", 1)));
        assert!(saves.is_due(path, &save("x", 2)));
    }

    #[test]
    fn a_known_file_that_is_gone_is_an_orphan_until_it_is_there_again() {
        let (mut saves, path) = (Saves::default(), Path::new("x/a.py"));
        saves.gone(path);
        assert!(!saves.is_orphan(path), "it never was there");
        saves.sent(path, save("x", 1));
        saves.gone(path);
        assert!(saves.is_orphan(path) && saves.orphan("b.py").is_none());
        assert!(saves.tell(path) && !saves.tell(path));
        // Moved: seen in the one order or the other.
        let moved = Path::new("x/services/a.py");
        saves.sent(moved, save("x", 1));
        assert!(!saves.is_orphan(path));
        saves.sent(path, save("x", 1));
        saves.gone(moved);
        assert!(!saves.is_orphan(moved));
        saves.gone(path);
        saves.adopted(&saves.orphan("a.py").unwrap());
        assert!(!saves.is_orphan(path));
    }

    #[test]
    fn a_file_that_is_saved_unchanged_is_another_save() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        std::fs::write(&path, "x").unwrap();
        let read = |path: &Path| block_on(Save::read(path));
        let first = read(&path).unwrap();
        assert_eq!(read(&path).unwrap(), first);
        let later = first.at.unwrap() + Duration::from_secs(1);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(later).unwrap();
        assert_ne!(read(&path).unwrap(), first);
        let absent = read(&folder.path().join("b.py"));
        assert!(matches!(absent, Err(Unreadable::Absent)));
    }
}
