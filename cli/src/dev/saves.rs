//! What is known of the saved files, and whether a file that was touched is worth a deploy. Pure but for reading the
//! file. It refuses to know why a content was refused: what is missing may be there by the next save. Invariant: without
//! a save nothing is deployed twice, so that no event that a deploy causes can cause a deploy.

use std::collections::HashMap;
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

    /// Forgets a file that is gone; whether it was known.
    pub(super) fn gone(&mut self, path: &Path) -> bool {
        self.files.remove(path).is_some()
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
        assert!(saves.gone(path) && !saves.gone(path));
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
