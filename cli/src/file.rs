//! Files that others have put where we look: only regular ones are read, up to a size, and without waiting for anybody.
//! A FIFO under such a name would block its reader for good. It owns no meaning of the contents. Invariant: what is read
//! is of the file that was checked, because the check is of the opened file.
//! Not for files that a person names to be read once (`--token-file`, `-d @FILE`): `<(pass show x)` is a pipe, too.

use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

/// A whole file.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) bytes: Vec<u8>,
    /// When it was written last, as of before the reading; `None` where the file system keeps no such time.
    pub(crate) modified: Option<SystemTime>,
}

/// Why a file was not read; a sentence that begins with its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("is not there")]
    Absent,
    #[error("is no regular file")]
    Irregular,
    #[error("is larger than {}", size(*.bytes_max))]
    TooLarge { bytes_max: u64 },
    #[error("cannot be read: {0}")]
    Failed(io::Error),
}

/// Off the caller's thread: a disk that stands still must not keep the signals waiting.
pub(crate) async fn read_aside(path: PathBuf, bytes_max: u64) -> Result<Contents, Unreadable> {
    let reading = tokio::task::spawn_blocking(move || read(&path, bytes_max));
    reading
        .await
        .unwrap_or_else(|ended| Err(Unreadable::Failed(ended.into())))
}

pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Contents, Unreadable> {
    // Opening a FIFO would wait for its writer, and opening a terminal could take it over.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = std::fs::File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unreadable::Irregular);
    }
    let mut bytes = Vec::new();
    // The size may have grown since it was looked up: what counts is what is read.
    let read = file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > bytes_max) {
        return Err(Unreadable::TooLarge { bytes_max });
    }
    Ok(Contents {
        bytes,
        modified: metadata.modified().ok(),
    })
}

fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}

// === impl Unreadable ===

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            // A socket cannot be opened at all.
            _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                Self::Irregular
            }
            _ => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn refusal(path: &Path) -> String {
        read(path, 2048).unwrap_err().to_string()
    }

    #[test]
    fn a_fifo_a_socket_and_a_folder_are_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for irregular in [at("fifo"), at("socket"), folder.path().to_owned()] {
            assert_eq!(refusal(&irregular), "is no regular file", "{irregular:?}");
        }
        assert_eq!(refusal(&at("absent")), "is not there");
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [b'x'; 2048]).unwrap();
        assert_eq!(read(&path, 2048).unwrap().bytes.len(), 2048);
        std::fs::write(&path, [b'x'; 2049]).unwrap();
        assert_eq!(refusal(&path), "is larger than 2 KiB");
        assert_eq!(size(4 << 20), "4 MiB");
    }
}
