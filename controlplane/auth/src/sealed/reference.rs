//! Secrets that stand elsewhere: `$NAME` in the environment, `file:/path` in a file.
//!
//! Owns the grammar and the reading at the time of use, so that a secret that was rotated outside is
//! taken up without a change here. Invariants: what is read is bounded; an error names the reference
//! and never the value; a reference reaches neither the platform's own variables nor files outside
//! of the folders for secrets, so that the right to change configuration is not the right to read
//! this machine.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cp_model::Invalid;
use zeroize::Zeroizing;

use super::SEALED_BYTES_MAX;
use crate::Secret;

/// Settings of the platform itself, some of which are credentials.
const OWN_VARIABLES: &str = "BASCULE_";
const FILE: &str = "file:";
/// Where Docker and Kubernetes put them, and where a package installs ours.
const FOLDERS: [&str; 2] = ["/run/secrets", "/etc/bascule/secrets"];

/// What a person wrote into a secret field.
#[derive(Debug, Clone)]
pub enum SecretValue {
    /// To be sealed.
    Literal(Secret),
    /// The name of a variable; may be stored and shown.
    Variable(String),
    /// An absolute path; may be stored and shown.
    File(PathBuf),
}

/// Where references may reach.
#[derive(Debug, Clone)]
pub struct SecretSources {
    /// With everything below them.
    pub folders: Vec<PathBuf>,
}

/// Why a reference gives no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretUnresolved {
    #[error("the variable ${0} is not set")]
    NoVariable(String),
    #[error("the variable ${0} belongs to the platform itself")]
    OwnVariable(String),
    #[error("the file {} cannot be read", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not a file in a folder for secrets", .0.display())]
    OutOfReach(PathBuf),
    #[error("{0} is empty")]
    Empty(String),
    #[error("{0} has more than {SEALED_BYTES_MAX} bytes")]
    TooLarge(String),
    #[error("{0} is not UTF-8")]
    NotText(String),
}

// === impl SecretValue ===

impl SecretValue {
    /// `$NAME`, `file:/path`, or the secret itself; `$$` at the start stands for one dollar sign of a
    /// literal. What looks like a reference and is none is refused: a slip must not become a password.
    pub fn parse(text: Secret) -> Result<Self, Invalid> {
        let invalid = |reason: &str| Err(Invalid::new("secret", reason));
        let written = text.expose();
        if written.is_empty() {
            return invalid("must not be empty");
        }
        if written.len() > SEALED_BYTES_MAX {
            return invalid(&format!("must have at most {SEALED_BYTES_MAX} bytes"));
        }
        if let Some(escaped) = written.strip_prefix("$$") {
            return Ok(Self::Literal(Secret::new(format!("${escaped}"))));
        }
        if let Some(name) = written.strip_prefix('$') {
            if is_variable(name) {
                return Ok(Self::Variable(name.to_owned()));
            }
            return invalid(
                "starts with $ and is no name of a variable (A-Z, 0-9 and _); write $$ for a dollar sign",
            );
        }
        if let Some(path) = written.strip_prefix(FILE) {
            let path = Path::new(path);
            let has_parents = path.components().any(|part| part.as_os_str() == "..");
            if path.is_absolute() && !has_parents {
                return Ok(Self::File(path.to_owned()));
            }
            return invalid("must have an absolute path without .. after file:");
        }
        Ok(Self::Literal(text))
    }

    /// The text to store and show of a reference; `None` for a literal, which is to be sealed.
    pub fn reference(&self) -> Option<String> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) => Some(format!("${name}")),
            Self::File(path) => Some(format!("{FILE}{}", path.display())),
        }
    }

    /// The secret, now. Blocks on the file system.
    pub fn resolve(&self, sources: &SecretSources) -> Result<Secret, SecretUnresolved> {
        self.resolve_with(sources, |name| std::env::var_os(name))
    }

    pub(super) fn resolve_with(
        &self,
        sources: &SecretSources,
        variable: impl FnOnce(&str) -> Option<OsString>,
    ) -> Result<Secret, SecretUnresolved> {
        match self {
            Self::Literal(secret) => Ok(secret.clone()),
            Self::Variable(name) => resolve_variable(name, variable),
            Self::File(path) => sources.read(path),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
    let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    starts_well && name.len() <= 255 && name.bytes().all(is_upper)
}

fn resolve_variable(
    name: &str,
    variable: impl FnOnce(&str) -> Option<OsString>,
) -> Result<Secret, SecretUnresolved> {
    if name.starts_with(OWN_VARIABLES) {
        return Err(SecretUnresolved::OwnVariable(name.to_owned()));
    }
    let value = variable(name).ok_or_else(|| SecretUnresolved::NoVariable(name.to_owned()))?;
    let shown = || format!("the variable ${name}");
    let text = value.into_string().map_err(|value| {
        drop(Zeroizing::new(value.into_encoded_bytes()));
        SecretUnresolved::NotText(shown())
    })?;
    bounded(text, shown)
}

fn bounded(text: String, shown: impl Fn() -> String) -> Result<Secret, SecretUnresolved> {
    let secret = Secret::new(text);
    match secret.expose().len() {
        0 => Err(SecretUnresolved::Empty(shown())),
        1..=SEALED_BYTES_MAX => Ok(secret),
        _ => Err(SecretUnresolved::TooLarge(shown())),
    }
}

// === impl SecretSources ===

impl Default for SecretSources {
    fn default() -> Self {
        Self {
            folders: FOLDERS.map(PathBuf::from).to_vec(),
        }
    }
}

impl SecretSources {
    /// Without the newline at its end, which every editor writes.
    fn read(&self, path: &Path) -> Result<Secret, SecretUnresolved> {
        let failed = |source| SecretUnresolved::File {
            path: path.to_owned(),
            source,
        };
        // Links are followed first: Kubernetes mounts a secret as a link to a link.
        let target = path.canonicalize().map_err(failed)?;
        let folders = self.folders.iter().flat_map(|folder| folder.canonicalize());
        let is_inside = folders.into_iter().any(|folder| target.starts_with(folder));
        // A named pipe would block whoever opens it.
        if !is_inside || !target.is_file() {
            return Err(SecretUnresolved::OutOfReach(path.to_owned()));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        let bytes_max = SEALED_BYTES_MAX as u64 + 2;
        let file = File::open(&target).map_err(failed)?;
        file.take(bytes_max)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let shown = || format!("the file {}", path.display());
        let mut text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            SecretUnresolved::NotText(shown())
        })?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        bounded(text, shown)
    }
}
