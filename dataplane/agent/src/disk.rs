//! Writing files so that a crash leaves the old one or the new one, never a part.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Only the node's user reads what the node keeps.
pub(crate) const FILE_MODE: u32 = 0o600;

/// Writes `content` beside `path`, makes it durable, and renames it into place.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = write_beside(path, content)?;
    std::fs::rename(&temporary, path).inspect_err(|_| forget(&temporary))?;
    sync_folder_of(path)
}

/// The durable new content beside `path`, not yet in its place.
pub(crate) fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    write_durably(&temporary, content).inspect_err(|_| forget(&temporary))?;
    Ok(temporary)
}

/// Renames are durable only once their folder is.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    // A bare file name has an empty parent, which is the folder we are in.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A leftover is harmless; the error that led here is the one to tell.
fn forget(path: &Path) {
    drop(std::fs::remove_file(path));
}
