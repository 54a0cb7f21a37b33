//! Secrets in memory and in files.
//!
//! Owns making (256 random bits), keeping (a file that only its owner reads) and hiding: `Debug`,
//! `Display` and `Serialize` give stars, and memory is zeroed when a secret is dropped. Invariant:
//! an empty or short secret is never accepted from a file.

use std::fmt;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::{Zeroize as _, Zeroizing};

use crate::TokenDigest;

const RANDOM_BYTES: usize = 32;
/// Shorter than this is a secret that a person made up.
const TEXT_BYTES_MIN: usize = 32;
const TEXT_BYTES_MAX: u64 = 4_096;

/// A secret text. It is read from where one is expected and never written out.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("{} cannot be read or made", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds no usable secret: it needs at least {TEXT_BYTES_MIN} characters; without the file a new one is made", .0.display())]
    Weak(PathBuf),
}

// === impl Secret ===

impl Secret {
    /// `prefix` tells people and secret scanners what they are looking at.
    pub fn random(prefix: &str) -> Result<Self, SecretError> {
        let bytes = random_bytes::<RANDOM_BYTES>()?;
        // With room for all of it: growing would leave a copy behind that nobody zeroes.
        let mut text = String::with_capacity(prefix.len() + 2 * RANDOM_BYTES);
        text.push_str(prefix);
        HEXLOWER.encode_append(&*bytes, &mut text);
        Ok(Self(text))
    }

    /// Reads the file, or makes it with a new secret. A file that others could read is closed to
    /// them.
    pub fn load_or_create(path: &Path, prefix: &str) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File {
            path: path.to_owned(),
            source,
        };
        if !path.try_exists().map_err(failed)? {
            let secret = Self::random(prefix)?;
            match keep(path, &secret) {
                Ok(()) => return Ok(secret),
                // Another process was first; its secret counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let file = OpenOptions::new().read(true).open(path).map_err(failed)?;
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        let mut text = Zeroizing::new(String::new());
        file.take(TEXT_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        let text = text.trim();
        if text.len() < TEXT_BYTES_MIN {
            return Err(SecretError::Weak(path.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes what a person or a provider gave, as it is.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

/// Writes aside and links into place, which fails when something is there: a full disk or a crash
/// leaves no file rather than an empty one, and no secret is ever replaced.
fn keep(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let aside = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            writeln!(file, "{}", secret.0)?;
            file.sync_all()
        });
    let linked = written.and_then(|()| std::fs::hard_link(&aside, path));
    // A leftover is harmless; what went wrong before it is what counts.
    std::fs::remove_file(&aside).ok();
    linked
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// From the system; the caller's copy is zeroed when it is dropped.
pub(crate) fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, SecretError> {
    let mut bytes = Zeroizing::new([0_u8; N]);
    getrandom::fill(&mut *bytes).map_err(SecretError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_is_its_owners_alone_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        let first = Secret::load_or_create(&path, "bsc_").unwrap();
        assert!(first.expose().starts_with("bsc_") && first.expose().len() == 4 + 64);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Secret::load_or_create(&path, "bsc_").unwrap();
        assert!(first.digest().matches(second.expose()));
        assert!(!first.digest().matches("bsc_"));
        assert!(!format!("{first:?}").contains(first.expose()));
    }

    #[test]
    fn what_cannot_be_written_leaves_no_file_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        let secret = Secret::random("bsc_").unwrap();
        // In the way of the file aside.
        let aside = format!("admin.token.{}.new", std::process::id());
        std::fs::create_dir(folder.path().join(&aside)).unwrap();
        assert!(Secret::load_or_create(&path, "bsc_").is_err());
        assert!(!path.exists());
        std::fs::remove_dir(folder.path().join(&aside)).unwrap();
        keep(&path, &secret).unwrap();
        let error = keep(&path, &Secret::random("bsc_").unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let kept = Secret::load_or_create(&path, "bsc_").unwrap();
        assert_eq!(kept.expose(), secret.expose());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2-hunter2".to_owned());
        let json = serde_json::to_string(&secret).unwrap();
        for shown in [format!("{secret}"), format!("{secret:?}"), json] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn an_empty_or_made_up_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        for weak in ["", "admin\n"] {
            std::fs::write(&path, weak).unwrap();
            assert!(matches!(
                Secret::load_or_create(&path, "bsc_"),
                Err(SecretError::Weak(_))
            ));
        }
    }
}
