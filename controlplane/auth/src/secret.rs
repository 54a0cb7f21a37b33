//! Secrets in memory and in files.
//!
//! Owns making (256 random bits), keeping (a file that only its owner reads) and hiding (`Debug`
//! prints stars). Invariant: an empty or short secret is never accepted.

use std::fmt::{self, Write as _};
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::TokenDigest;

const RANDOM_BYTES: usize = 32;
/// Shorter than this is a secret that a person made up.
const TEXT_BYTES_MIN: usize = 32;
const TEXT_BYTES_MAX: u64 = 4_096;

/// A secret text.
#[derive(Clone)]
pub struct Secret(String);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("{} cannot be read or made", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds no usable secret: it needs at least {TEXT_BYTES_MIN} characters", .0.display())]
    Weak(PathBuf),
}

// === impl Secret ===

impl Secret {
    /// `prefix` tells people and secret scanners what they are looking at.
    pub fn random(prefix: &str) -> Result<Self, SecretError> {
        let mut bytes = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
        let mut text = prefix.to_owned();
        for byte in bytes {
            // Writing to a `String` cannot fail.
            write!(text, "{byte:02x}").ok();
        }
        Ok(Self(text))
    }

    /// Reads the file, or makes it with a new secret. A file that others could read is closed to
    /// them.
    pub fn load_or_create(path: &Path, prefix: &str) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File {
            path: path.to_owned(),
            source,
        };
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
        {
            Ok(mut file) => {
                let secret = Self::random(prefix)?;
                let line = format!("{}\n", secret.0);
                file.write_all(line.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(failed)?;
                Ok(secret)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = OpenOptions::new().read(true).open(path).map_err(failed)?;
                file.set_permissions(Permissions::from_mode(0o600))
                    .map_err(failed)?;
                let mut text = String::new();
                file.take(TEXT_BYTES_MAX)
                    .read_to_string(&mut text)
                    .map_err(failed)?;
                let text = text.trim();
                if text.len() < TEXT_BYTES_MIN {
                    return Err(SecretError::Weak(path.to_owned()));
                }
                Ok(Self(text.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The text itself, for the one place that hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
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
