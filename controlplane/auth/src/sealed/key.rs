//! Key files: 32 random bytes that only their owner reads.
//!
//! Owns making, reading, replacing and deleting them. The current key is the file that the settings
//! name; others stand beside it as `NAME.KEYID`. Invariants: a file that others may read is refused,
//! not repaired, because the key has to be taken for known; a crash at any point loses no key.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cp_model::Invalid;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::SecretError;
use crate::secret::random_bytes;

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;
/// Group and others.
const FOREIGN_MODE: u32 = 0o077;
/// A rotation leaves one; more than this is a folder that is used for something else.
const OTHERS_MAX: usize = 64;

/// A key with its id.
pub(super) struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Names a key without telling it: the first bytes of a hash of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; ID_BYTES]);

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the key file {} cannot be read or written", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the key file {} may be read by others (mode {mode:o}); take the key for known, make a new one and close the file with chmod 600", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("the key file {} must hold {KEY_BYTES} random bytes", .0.display())]
    NoKey(PathBuf),
    #[error("{} holds another key than its name says", .0.display())]
    OtherKey(PathBuf),
    #[error("the key {0} is the current one")]
    InUse(KeyId),
    #[error("more than {OTHERS_MAX} keys stand beside {}", .0.display())]
    TooMany(PathBuf),
    #[error(transparent)]
    Random(#[from] SecretError),
}

pub(super) fn create_if_absent(path: &Path) -> Result<(), KeyFileError> {
    let failed = failed(path);
    if path.try_exists().map_err(&failed)? {
        return Ok(());
    }
    let aside = write_aside(path, &*random_bytes()?)?;
    // A link fails when something is there: of two processes one is first, and its key counts.
    let linked = std::fs::hard_link(&aside, path);
    remove(&aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => sync_folder(path),
    }
}

pub(super) fn read(path: &Path) -> Result<Key, KeyFileError> {
    let failed = failed(path);
    let file = File::open(path).map_err(&failed)?;
    // Of the open file, not of the path: it cannot be exchanged in between.
    let mode = file.metadata().map_err(&failed)?.permissions().mode() & 0o777;
    if mode & FOREIGN_MODE != 0 {
        let path = path.to_owned();
        return Err(KeyFileError::Open { path, mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
    file.take(KEY_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(&failed)?;
    let no_key = || KeyFileError::NoKey(path.to_owned());
    let bytes = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_length| no_key())?;
    // What a disk gives back for a file that was never written out.
    if bytes == [0; KEY_BYTES] {
        return Err(no_key());
    }
    Ok(Key::new(Zeroizing::new(bytes)))
}

/// The keys in `NAME.KEYID` beside `path`.
pub(super) fn read_others(path: &Path) -> Result<Vec<Key>, KeyFileError> {
    let folder = folder_of(path);
    let failed = failed(folder);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(&failed)? {
        let file_name = entry.map_err(&failed)?.file_name();
        let id = file_name
            .to_str()
            .and_then(|text| text.strip_prefix(&*name)?.strip_prefix('.'))
            .and_then(|id| KeyId::parse(id).ok());
        let Some(id) = id else { continue };
        if others.len() == OTHERS_MAX {
            return Err(KeyFileError::TooMany(path.to_owned()));
        }
        let other = folder.join(file_name);
        let key = read(&other)?;
        if key.id != id {
            return Err(KeyFileError::OtherKey(other));
        }
        others.push(key);
    }
    Ok(others)
}

/// Puts a new key in the place of `old`, which is kept beside it first: between any two steps both
/// are there, or the old one is still current.
pub(super) fn replace(path: &Path, old: &Key) -> Result<(), KeyFileError> {
    let aside = write_aside(path, &*random_bytes()?)?;
    let kept = match std::fs::hard_link(path, path_of(path, old.id)) {
        // An earlier rotation stopped here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.map_err(failed(path)),
    };
    let replaced = kept
        .and_then(|()| sync_folder(path))
        .and_then(|()| std::fs::rename(&aside, path).map_err(failed(path)));
    if replaced.is_err() {
        std::fs::remove_file(&aside).ok();
    }
    replaced?;
    sync_folder(path)
}

pub(super) fn delete(path: &Path, id: KeyId) -> Result<(), KeyFileError> {
    remove(&path_of(path, id))?;
    sync_folder(path)
}

/// Under a name that nobody else has: processes in containers share their number.
fn write_aside(path: &Path, key: &[u8; KEY_BYTES]) -> Result<PathBuf, KeyFileError> {
    let ending = HEXLOWER.encode(&*random_bytes::<8>()?);
    let aside = with_ending(path, &format!("{ending}.new"));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(key)?;
            file.sync_all()
        });
    match written {
        Ok(()) => Ok(aside),
        Err(error) => {
            // A leftover is harmless; what went wrong before it is what counts.
            std::fs::remove_file(&aside).ok();
            Err(failed(&aside)(error))
        }
    }
}

fn remove(path: &Path) -> Result<(), KeyFileError> {
    std::fs::remove_file(path).map_err(failed(path))
}

/// Without this a crash may take back what was linked or renamed.
fn sync_folder(path: &Path) -> Result<(), KeyFileError> {
    let folder = folder_of(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed(folder))
}

fn folder_of(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn path_of(path: &Path, id: KeyId) -> PathBuf {
    with_ending(path, &id.to_string())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    move |source| KeyFileError::File {
        path: path.to_owned(),
        source,
    }
}

// === impl Key ===

impl Key {
    fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bascule key id 1");
        hash.update(*bytes);
        let hash: [u8; 32] = hash.finalize().into();
        let mut id = [0; ID_BYTES];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        let id = KeyId(id);
        Self { id, bytes }
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

// === impl KeyId ===

impl KeyId {
    /// Parses what `Display` gives: 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; ID_BYTES]>::try_from(bytes).ok());
        bytes
            .map(Self)
            .ok_or_else(|| Invalid::new("key", "must be 16 lower-case hexadecimal digits"))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
