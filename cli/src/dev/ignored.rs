//! Python files that a person may take for services and that are none: why, in one line, once per file. It refuses to
//! speak of what is left out by custom: tests, hidden files, packages with an `__init__.py` and virtual environments.
//! Invariant: what is told here is never deployed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::project::Project;
use crate::printable;

/// Told at most; a folder of other Python files does not fill the screen.
const TOLD_MAX: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Ignored {
    told: HashSet<PathBuf>,
}

// === impl Ignored ===

impl Ignored {
    /// `a-b.py is ignored: …`, when the file is there and that is news.
    pub(super) fn line(&mut self, project: &Project, path: &Path) -> Option<String> {
        let why = reason(project, path)?;
        if !path.is_file() || self.told.len() > TOLD_MAX || !self.told.insert(path.to_owned()) {
            return None;
        }
        if self.told.len() > TOLD_MAX {
            return Some("more Python files are ignored".to_owned());
        }
        let name = project.short(path);
        Some(format!("{} is ignored: {why}", printable::line(&name)))
    }
}

fn reason(project: &Project, path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    let is_python = name.to_ascii_lowercase().ends_with(".py");
    if !is_python || project.is_service_file(path) || is_by_custom(&name) {
        return None;
    }
    if !project.is_service_folder(path.parent()?) {
        return Some("services are files of the folder itself and of services/");
    }
    if !name.ends_with(".py") {
        return Some("its name must end with .py in small letters");
    }
    Some("its name must be a Python module's: letters, digits and underscores")
}

fn is_by_custom(name: &str) -> bool {
    let module = name.strip_suffix(".py").unwrap_or(name);
    let is_test = module.starts_with("test_") || module.ends_with("_test") || module == "conftest";
    is_test || name.starts_with('.') || name.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_service_is_told_once_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(&folder.path().join("x")).unwrap();
        std::fs::create_dir(project.dir.join("sub")).unwrap();
        let mut ignored = Ignored::default();
        let mut line = |name: &str| {
            std::fs::write(project.dir.join(name), "").unwrap();
            ignored.line(&project, &project.dir.join(name))
        };
        for (name, why) in [
            ("a-b.py", "letters, digits and underscores"),
            ("with space.py", "letters, digits and underscores"),
            ("services/é.py", "letters, digits and underscores"),
            ("UP.PY", "end with .py"),
            ("sub/x.py", "of services/"),
        ] {
            let said = line(name).unwrap();
            assert!(said.starts_with(&format!("{name} is ignored: ")), "{said}");
            assert!(said.contains(why), "{said}");
            assert_eq!(line(name), None, "once");
        }
        for other in [
            "a.py",
            "test_a.py",
            ".a.py",
            "__init__.py",
            "a.pyc",
            "notes.txt",
        ] {
            assert_eq!(line(other), None, "{other}");
        }
        assert_eq!(
            ignored.line(&project, &project.dir.join("is-gone.py")),
            None
        );
    }

    #[test]
    fn a_heap_of_files_is_told_of_and_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(&folder.path().join("x")).unwrap();
        let mut ignored = Ignored::default();
        let lines: Vec<String> = (0..100)
            .filter_map(|index| {
                let path = project.dir.join(format!("a-{index}.py"));
                std::fs::write(&path, "").unwrap();
                ignored.line(&project, &path)
            })
            .collect();
        assert_eq!(lines.len(), TOLD_MAX + 1);
        assert_eq!(lines[TOLD_MAX], "more Python files are ignored");
    }
}
