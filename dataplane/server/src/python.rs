//! Is there an interpreter to run workers with.
//!
//! Refuses to run it: whether it is the right one, its first worker says.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where `python` is; as a shell would find it.
pub(crate) fn find(python: &Path) -> Option<PathBuf> {
    if python.components().count() > 1 {
        return is_executable(python).then(|| python.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(python))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_and_a_path_is_taken_as_it_is() {
        assert!(find(Path::new("sh")).is_some());
        assert!(find(Path::new("/bin/sh")).is_some());
        assert!(find(Path::new("no-such-python")).is_none());
        assert!(find(Path::new("/no/such/python")).is_none());
    }
}
