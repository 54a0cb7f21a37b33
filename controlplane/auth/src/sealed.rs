//! Secrets at rest: sealed with a key that is not where they are stored.
//!
//! Owns the cipher (XChaCha20-Poly1305), the place that a sealed value belongs to, and the rotation
//! of keys. Refuses rows: a `Sealed` is a text that the caller stores. Invariants: a value opens only
//! at the place that it was sealed for, so that whoever may write rows cannot move a secret to where
//! it is shown or sent; nothing is sealed with any key but the current one.
//!
//! Nonces are 192 random bits: two are equal after about 2^96 values, so no count is kept and no
//! limit is needed. (With 96 bits, as AES-GCM has, the limit would be 2^32 values for a key.)
//!
//! Rotation: `Keyring::rotate` makes a new current key and keeps the old one readable; the caller
//! passes every stored value to `reseal` and stores what it gives; when no value names the old key's
//! id any more, `Keyring::retire` deletes it.

mod envelope;
mod key;
mod reference;
#[cfg(test)]
mod tests;

use std::path::Path;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::secret::random_bytes;
use crate::{Secret, SecretError};

pub use envelope::Sealed;
pub use key::{KeyFileError, KeyId};
pub use reference::{SecretSources, SecretUnresolved, SecretValue};

/// A certificate chain with its key is the largest that anybody keeps.
pub const SEALED_BYTES_MAX: usize = 65_536;

const NONCE_BYTES: usize = 24;
/// Another meaning of the bytes gets another text here.
const PURPOSE: &[u8] = b"bascule sealed 1";

/// Where a value belongs, for example `outgoing`, its id, `password`. Take an id that stays when the
/// object is renamed, or seal anew at the renaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub field: &'a str,
}

/// The current key, and those that are only read with.
#[derive(Debug)]
pub struct Keyring {
    current: key::Key,
    others: Vec<key::Key>,
}

/// Why a value was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a secret has at most {SEALED_BYTES_MAX} bytes, this one has {0}")]
    TooLarge(usize),
    #[error(transparent)]
    Random(#[from] SecretError),
    /// The cipher's own limit, which is far above ours.
    #[error("the cipher refuses")]
    Cipher,
}

/// Why a value was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("sealed with the key {0}, which is not at hand")]
    UnknownKey(KeyId),
    /// One answer for all: which of them it was helps only an attacker.
    #[error("the sealed value was changed, or belongs to another object")]
    Damaged,
    #[error("the sealed value is no text")]
    NotText,
}

/// Why a value was not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

// === impl Keyring ===

impl Keyring {
    /// Reads the key at `path` and those beside it that `rotate` left; makes one when there is none.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        key::create_if_absent(path)?;
        Self::load(path)
    }

    /// Reads the key at `path` and those beside it.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let current = key::read(path)?;
        let mut others = key::read_others(path)?;
        others.retain(|other| other.id() != current.id());
        Ok(Self { current, others })
    }

    /// Makes a new current key in the file; the old one moves beside it, where every later `load`
    /// finds it. With several control planes over one ODB, copy the new file to all of them before
    /// any of them uses it: a key that a process does not have is `OpenError::UnknownKey`.
    pub fn rotate(path: &Path) -> Result<Self, KeyFileError> {
        key::replace(path, &key::read(path)?)?;
        Self::load(path)
    }

    /// Deletes a key that nothing is sealed with any more; the current one is refused.
    pub fn retire(path: &Path, id: KeyId) -> Result<Self, KeyFileError> {
        if key::read(path)?.id() == id {
            return Err(KeyFileError::InUse(id));
        }
        key::delete(path, id)?;
        Self::load(path)
    }

    /// What new values are sealed with.
    pub fn current_id(&self) -> KeyId {
        self.current.id()
    }

    /// Keys that are only read with, and wait to be retired.
    pub fn other_ids(&self) -> impl Iterator<Item = KeyId> {
        self.others.iter().map(key::Key::id)
    }

    pub fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Sealed, SealError> {
        if secret.len() > SEALED_BYTES_MAX {
            return Err(SealError::TooLarge(secret.len()));
        }
        let nonce = *random_bytes::<NONCE_BYTES>()?;
        let bound = associated(self.current.id(), place);
        let payload = Payload {
            msg: secret,
            aad: &bound,
        };
        let bytes = self
            .current
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_opaque| SealError::Cipher)?;
        Ok(Sealed::new(self.current.id(), nonce, bytes))
    }

    /// The bytes; zeroed when dropped.
    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let id = sealed.key_id();
        let mut keys = std::iter::once(&self.current).chain(&self.others);
        let key = keys.find(|key| key.id() == id);
        let key = key.ok_or(OpenError::UnknownKey(id))?;
        let bound = associated(id, place);
        let payload = Payload {
            msg: sealed.bytes(),
            aad: &bound,
        };
        let opened = key
            .cipher()
            .decrypt(&XNonce::from(*sealed.nonce()), payload);
        opened
            .map(Zeroizing::new)
            .map_err(|_opaque| OpenError::Damaged)
    }

    pub fn seal_text(&self, place: Place<'_>, secret: &Secret) -> Result<Sealed, SealError> {
        self.seal(place, secret.expose().as_bytes())
    }

    pub fn open_text(&self, place: Place<'_>, sealed: &Sealed) -> Result<Secret, OpenError> {
        let mut bytes = self.open(place, sealed)?;
        // The text takes the bytes over, so that no copy stays behind.
        String::from_utf8(std::mem::take(&mut *bytes))
            .map(Secret::new)
            .map_err(|error| {
                drop(Zeroizing::new(error.into_bytes()));
                OpenError::NotText
            })
    }

    /// What to store instead; `None` when it is sealed with the current key already.
    pub fn reseal(&self, place: Place<'_>, sealed: &Sealed) -> Result<Option<Sealed>, ResealError> {
        if sealed.key_id() == self.current.id() {
            return Ok(None);
        }
        let secret = self.open(place, sealed)?;
        Ok(Some(self.seal(place, &secret)?))
    }
}

/// Purpose, key and place, each with its length before it: no two places give the same bytes.
fn associated(id: KeyId, place: Place<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let parts = [
        PURPOSE,
        id.as_bytes(),
        place.kind.as_bytes(),
        place.name.as_bytes(),
        place.field.as_bytes(),
    ];
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

// === impl Key ===

impl key::Key {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes()).into())
    }
}
