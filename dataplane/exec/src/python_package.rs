//! The Python package that workers run, compiled into the node and unpacked into its state folder.
//!
//! Owns `<state>/python-<content hash>/`. Invariant: that folder appears whole (written beside, then renamed), so a
//! folder with the right name has the right content, and two versions of the node never share one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// (path, content), sorted by path.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/python_files.rs"));

/// The folder for `PYTHONPATH`.
pub fn unpack(state_dir: &Path) -> io::Result<PathBuf> {
    let folder = state_dir.join(format!("python-{}", content_hash()));
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(state_dir)?;
    let fresh = state_dir.join(format!(".python-{}.{}", content_hash(), std::process::id()));
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    for (name, content) in FILES {
        let path = fresh.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    fs::create_dir_all(&fresh)?;
    match fs::rename(&fresh, &folder) {
        // Another process was faster, with the same content.
        Err(_) if folder.is_dir() => fs::remove_dir_all(&fresh)?,
        renamed => renamed?,
    }
    Ok(folder)
}

fn content_hash() -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for (name, content) in FILES {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    hash.finalize()
        .iter()
        .take(8)
        .fold(String::new(), |mut hex, byte| {
            // Writing into a String cannot fail.
            write!(hex, "{byte:02x}").ok();
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_gives_every_file_and_the_second_time_touches_nothing() {
        let state = tempfile::tempdir().unwrap();
        let folder = unpack(state.path()).unwrap();
        for (name, content) in FILES {
            assert_eq!(fs::read(folder.join(name)).unwrap(), *content, "{name}");
        }
        fs::write(folder.join("mark"), b"").unwrap();
        assert_eq!(unpack(state.path()).unwrap(), folder);
        assert!(folder.join("mark").exists());
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
    }
}
