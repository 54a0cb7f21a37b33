//! The cluster token: read from its file for each connection, so that it can be rotated.
//!
//! Invariant: the token is in no `Debug`, no log and no error text.

use std::io;
use std::path::PathBuf;

use tonic::metadata::{Ascii, MetadataValue};

/// Where the token is.
#[derive(Clone, Debug)]
pub struct ClusterToken {
    pub file: PathBuf,
}

// === impl ClusterToken ===

impl ClusterToken {
    /// Reads the file; a clear error at start is better than a refused session later.
    pub fn check(&self) -> io::Result<()> {
        self.metadata().map(drop)
    }

    /// The value of the `authorization` metadata.
    pub(crate) fn metadata(&self) -> io::Result<MetadataValue<Ascii>> {
        let token = std::fs::read_to_string(&self.file)?;
        let token = token.trim();
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "holds no token");
        if token.is_empty() {
            return Err(invalid());
        }
        let value = MetadataValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_invalid| invalid())?;
        value.set_sensitive(true);
        Ok(value)
    }
}
