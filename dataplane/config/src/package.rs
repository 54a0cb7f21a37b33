//! One immutable deployed version of one service file, named by its content.

use std::fmt::Write as _;
use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use sha2::{Digest as _, Sha256};

use crate::Refusal;

/// The largest service file: far above any that a person wrote, and read whole at each look.
pub const PACKAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const ID_LENGTH: usize = 64;

/// SHA-256 of file name and content, 64 lower-case hexadecimal digits: safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(Arc<str>);

/// A package as the snapshot names it; its content is fetched apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub id: PackageId,
    pub file: Arc<str>,
    pub module: Arc<str>,
    pub version: u32,
    pub bytes: u64,
}

// === impl PackageId ===

impl PackageId {
    /// `None` when `text` is not the hexadecimal form.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits && text.len() == ID_LENGTH).then(|| Self(text.into()))
    }

    /// The id of a file with this content.
    pub fn of(file: &str, content: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(file)
            .chain_update([0])
            .chain_update(content);
        let mut text = String::with_capacity(ID_LENGTH);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _written: std::fmt::Result = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PackageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Package ===

impl TryFrom<&proto::Package> for Package {
    type Error = Refusal;

    fn try_from(wire: &proto::Package) -> Result<Self, Refusal> {
        let object = || {
            format!(
                "package {}",
                if wire.file.is_empty() {
                    &wire.id
                } else {
                    &wire.file
                }
            )
        };
        let refuse = |field, reason: &str| Refusal::new(object(), field, reason);
        let id = PackageId::parse(&wire.id)
            .ok_or_else(|| refuse("id", "is not 64 lower-case hexadecimal digits"))?;
        if !is_file_name(&wire.file) {
            return Err(refuse("file", "must be a plain file name that ends in .py"));
        }
        if !is_module_name(&wire.module) {
            return Err(refuse("module", "is no Python module name"));
        }
        if wire.bytes > PACKAGE_BYTES_MAX {
            return Err(refuse("bytes", "is over 4 MiB"));
        }
        Ok(Self {
            id,
            file: wire.file.as_str().into(),
            module: wire.module.as_str().into(),
            version: wire.version,
            bytes: wire.bytes,
        })
    }
}

/// It ends up in paths and tracebacks: no folder, no hidden file, nothing that a shell or log eats.
fn is_file_name(file: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    let stem = file.strip_suffix(".py").unwrap_or_default();
    !stem.is_empty() && !file.starts_with('.') && file.len() <= 255 && file.chars().all(plain)
}

fn is_module_name(module: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    !module.is_empty() && module.len() <= 255 && module.chars().all(plain)
}
