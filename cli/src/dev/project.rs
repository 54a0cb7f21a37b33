//! The folder that `bascule dev` works in: which files are services, the example for an empty start, the
//! private state folder. Invariant: only files that [`Project::is_service_file`] accepts are ever deployed.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const EXAMPLE: &str = include_str!("example/hello.py");
const EXAMPLE_TOML: &str = include_str!("example/bascule.toml");

#[derive(Debug)]
pub(crate) struct Project {
    /// Absolute.
    pub(crate) dir: PathBuf,
    pub(crate) state: PathBuf,
    /// What was made, for the first lines.
    pub(crate) created: Vec<String>,
    /// Held as long as we run: two `bascule dev` on one folder would fight over its ODB.
    _lock: File,
}

// === impl Project ===

impl Project {
    /// Opens the folder; makes it with an example when it is absent or holds nothing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let failed = |what: &str| {
            let what = format!("{what} {}", dir.display());
            move |error: std::io::Error| Failure::io(&what, &error)
        };
        let is_new = !dir.exists()
            || fs::read_dir(dir)
                .map_err(failed("reading"))?
                .next()
                .is_none();
        let mut created = Vec::new();
        if is_new {
            fs::create_dir_all(dir.join("services")).map_err(failed("making"))?;
            for (name, text) in [
                ("services/hello.py", EXAMPLE),
                ("bascule.toml", EXAMPLE_TOML),
            ] {
                fs::write(dir.join(name), text).map_err(failed("writing into"))?;
                created.push(dir.join(name).display().to_string());
            }
        }
        let dir = dir.canonicalize().map_err(failed("opening"))?;
        let state = dir.join(".bascule");
        make_private(&state).map_err(failed("making .bascule in"))?;
        let lock = lock(&state)?;
        Ok(Self {
            dir,
            state,
            created,
            _lock: lock,
        })
    }

    /// The service files, in the order of their names.
    pub(crate) fn service_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in [self.dir.clone(), self.services_folder()] {
            files.extend(entries(&folder).filter(|path| self.is_service_file(path)));
        }
        files.sort();
        let name = |path: &PathBuf| path.file_name().map(ToOwned::to_owned);
        let mut names: Vec<_> = files.iter().filter_map(name).collect();
        names.sort();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            let twice = twice.display();
            let text =
                format!("there are two files named {twice}: one in the folder, one in services/");
            return Err(Failure::Failed(text));
        }
        Ok(files)
    }

    /// A Python file in the folder or in `services/` that is not hidden, not a test and not a package's `__init__`.
    pub(crate) fn is_service_file(&self, path: &Path) -> bool {
        let is_here = path
            .parent()
            .is_some_and(|folder| self.is_service_folder(folder));
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        is_here && is_service_name(name)
    }

    pub(crate) fn is_service_folder(&self, folder: &Path) -> bool {
        folder == self.dir || folder == self.services_folder()
    }

    /// The other folders directly in the folder that somebody may put services into: none that is hidden, of tests, a Python
    /// package or a virtual environment.
    pub(crate) fn other_folders(&self) -> Vec<PathBuf> {
        let is_other = |path: &PathBuf| self.is_other_folder(path);
        entries(&self.dir).filter(is_other).collect()
    }

    pub(crate) fn is_other_folder(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.parent() == Some(&self.dir)
            && path != self.services_folder()
            && !name.starts_with('.')
            && !name.starts_with("__")
            && !["test", "tests"].contains(&name.as_ref())
            && path.is_dir()
            && ["__init__.py", "pyvenv.cfg"]
                .iter()
                .all(|mark| !path.join(mark).exists())
    }

    /// All files of the folders that are watched, in the order of their names.
    pub(crate) fn all_files(&self) -> Vec<PathBuf> {
        let folders = [self.dir.clone(), self.services_folder()];
        let folders = folders.into_iter().chain(self.other_folders());
        let mut files: Vec<PathBuf> = folders.flat_map(|folder| entries(&folder)).collect();
        files.sort();
        files
    }

    pub(crate) fn services_folder(&self) -> PathBuf {
        self.dir.join("services")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("bascule.toml")
    }

    /// The path as a person wrote it: relative to the folder.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// A folder that cannot be read has none.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path())
}

fn is_service_name(name: &str) -> bool {
    let Some(module) = name.strip_suffix(".py") else {
        return false;
    };
    let is_hidden = name.starts_with('.') || name.starts_with("__");
    let is_test = module.starts_with("test_") || module.ends_with("_test") || module == "conftest";
    let is_module = module
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    !module.is_empty() && !is_hidden && !is_test && is_module
}

/// A folder that only its owner can enter: it holds tokens.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn lock(state: &Path) -> Result<File, Failure> {
    let path = state.join("dev.lock");
    let failed =
        |error: &std::io::Error| Failure::io(&format!("opening {}", path.display()), error);
    let file = File::create(&path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Failed(format!(
            "another `bascule dev` runs in {}",
            state.parent().unwrap_or(state).display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_importable_files_that_are_no_tests_are_services() {
        for good in ["hello.py", "a_1.py", "_x.py"] {
            assert!(is_service_name(good), "{good}");
        }
        for bad in [
            ".py",
            ".hello.py",
            "hello.pyc",
            "hello.py~",
            "hello.py.swp",
            "__init__.py",
            "test_a.py",
            "a_test.py",
            "conftest.py",
            "4913",
            "a-b.py",
            "#hello.py#",
            ".#hello.py",
            "hello.txt",
        ] {
            assert!(!is_service_name(bad), "{bad}");
        }
    }

    #[test]
    fn an_absent_folder_is_made_with_a_working_example_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("hello");
        let project = Project::open(&dir).unwrap();
        assert_eq!(project.created.len(), 2);
        let files = project.service_files().unwrap();
        assert_eq!(
            files.iter().map(|f| project.short(f)).collect::<Vec<_>>(),
            ["services/hello.py"]
        );
        let busy = Project::open(&dir).unwrap_err().to_string();
        assert!(busy.contains("another `bascule dev`"), "{busy}");
        drop(project);
        assert!(Project::open(&dir).unwrap().created.is_empty());
    }

    #[test]
    fn files_elsewhere_are_left_alone_and_twins_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(&folder.path().join("x")).unwrap();
        for place in [
            "__pycache__/a.py",
            ".bascule/a.py",
            "tests/a.py",
            "services/__pycache__/a.py",
        ] {
            assert!(
                !project.is_service_file(&project.dir.join(place)),
                "{place}"
            );
        }
        fs::write(project.dir.join("hello.py"), "").unwrap();
        assert!(
            project
                .service_files()
                .unwrap_err()
                .to_string()
                .contains("two files named hello.py")
        );
    }
}
