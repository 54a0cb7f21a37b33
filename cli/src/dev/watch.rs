//! Which saved files to deploy, and when. The decisions are pure: time and events come in. Editors save in many ways
//! (write in place, write beside and rename over, delete and create): only the path counts, not the kind of event.
//! Invariant: a path is deployed once it has been quiet for [`QUIET`], and never later than [`AT_MOST`] after its first event.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::failure::Failure;

use super::project::Project;

/// Longer than an editor needs between truncating and writing, far below what a person notices.
const QUIET: Duration = Duration::from_millis(20);
/// A file that is written without end is deployed all the same.
const AT_MOST: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(crate) struct Debounce {
    pending: BTreeMap<PathBuf, Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    first: Instant,
    due: Instant,
}

/// The file watcher; dropping it ends the events.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: notify::RecommendedWatcher,
    has_missed: Arc<AtomicBool>,
}

// === impl Debounce ===

impl Debounce {
    pub(crate) fn touched(&mut self, path: PathBuf, now: Instant) {
        let first = self.pending.get(&path).map_or(now, |pending| pending.first);
        let due = (now + QUIET).min(first + AT_MOST);
        self.pending.insert(path, Pending { first, due });
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.due).min()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<PathBuf> {
        let due = |pending: &Pending| pending.due <= now;
        let paths: Vec<PathBuf> = self
            .pending
            .iter()
            .filter(|(_, p)| due(p))
            .map(|(path, _)| path.clone())
            .collect();
        self.pending.retain(|_, pending| !due(pending));
        paths
    }
}

// === impl Watch ===

impl Watch {
    /// Sends the paths of interest that change. Folders are watched, not files: a rename over a file would end its watch.
    /// The watcher's thread never waits for the receiver, which at times waits for that thread: what finds the queue
    /// full is dropped and remembered as missed.
    pub(crate) fn start(project: &Project, paths: mpsc::Sender<PathBuf>) -> Result<Self, Failure> {
        let failed =
            |error: notify::Error| Failure::Failed(format!("watching the folder: {error}"));
        let has_missed = Arc::new(AtomicBool::new(false));
        let missed = Arc::clone(&has_missed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !matches!(event.kind, EventKind::Access(_))
            {
                send(&paths, &missed, event.paths);
            }
        });
        let mut watch = Self {
            watcher: watcher.map_err(failed)?,
            has_missed,
        };
        watch.folder(&project.dir)?;
        if project.services_folder().is_dir() {
            watch.folder(&project.services_folder())?;
        }
        for folder in project.other_folders() {
            // Nothing of it is deployed: a folder that cannot be watched does no harm.
            watch.folder(&folder).ok();
        }
        Ok(watch)
    }

    /// Whether paths were dropped since this was last asked: then every file may have changed. To be asked after a path
    /// was received; the queue was full when one was dropped, so one is received after that.
    pub(crate) fn take_missed(&self) -> bool {
        self.has_missed.swap(false, Ordering::AcqRel)
    }

    /// Also a folder that was made later.
    pub(crate) fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(|error| Failure::Failed(format!("watching {}: {error}", folder.display())))
    }
}

fn send(paths: &mpsc::Sender<PathBuf>, has_missed: &AtomicBool, changed: Vec<PathBuf>) {
    for path in changed {
        // A receiver that is gone ends with dev, and misses nothing.
        if let Err(TrySendError::Full(_)) = paths.try_send(path) {
            has_missed.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_of_events_is_one_deploy_after_the_file_is_quiet() {
        let (start, mut debounce) = (Instant::now(), Debounce::default());
        let path = PathBuf::from("a.py");
        debounce.touched(path.clone(), start);
        debounce.touched(path.clone(), start + 10 * MS);
        assert!(debounce.take_due(start + 25 * MS).is_empty());
        assert_eq!(debounce.next_due(), Some(start + 30 * MS));
        assert_eq!(debounce.take_due(start + 30 * MS), [path]);
        assert_eq!(debounce.next_due(), None);
    }

    #[test]
    fn a_file_that_never_rests_is_deployed_within_50_ms() {
        let (start, mut debounce) = (Instant::now(), Debounce::default());
        for at in 0..10 {
            debounce.touched("a.py".into(), start + at * 10 * MS);
            if debounce.take_due(start + at * 10 * MS).len() == 1 {
                assert!(at <= 5);
                return;
            }
        }
        panic!("never due");
    }

    #[test]
    fn files_wait_for_themselves_only() {
        let (start, mut debounce) = (Instant::now(), Debounce::default());
        debounce.touched("a.py".into(), start);
        debounce.touched("b.py".into(), start + 15 * MS);
        assert_eq!(debounce.take_due(start + 20 * MS), [PathBuf::from("a.py")]);
        assert_eq!(debounce.take_due(start + 35 * MS), [PathBuf::from("b.py")]);
    }

    #[test]
    fn a_rename_over_the_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(&folder.path().join("x")).unwrap();
        let (sender, mut paths) = mpsc::channel(64);
        let _watch = Watch::start(&project, sender).unwrap();
        let target = project.services_folder().join("hello.py");
        let beside = project.services_folder().join(".hello.py.swp");
        std::fs::write(&beside, "x = 1").unwrap();
        std::fs::rename(&beside, &target).unwrap();
        // The watcher is asynchronous: the wait ends with the event that is promised.
        while paths.blocking_recv().unwrap() != target {}
    }

    #[test]
    fn a_path_that_finds_the_queue_full_is_remembered_as_missed() {
        let (sender, mut paths) = mpsc::channel(1);
        let has_missed = AtomicBool::new(false);
        send(&sender, &has_missed, vec!["a.py".into()]);
        assert!(!has_missed.load(Ordering::Acquire));
        send(&sender, &has_missed, vec!["b.py".into(), "c.py".into()]);
        assert!(has_missed.load(Ordering::Acquire));
        assert_eq!(paths.try_recv().unwrap(), PathBuf::from("a.py"));
        assert!(paths.try_recv().is_err());
    }
}
