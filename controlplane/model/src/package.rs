//! Packages: immutable versions of service files.
//!
//! Owns the file-name grammar and the states; refuses to read Python. Invariant: a `FileName` is a
//! plain name of an importable module, so it can never leave the folder it is written to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Invalid, PackageId, ServiceName, Timestamp};

/// Far above any service file that a person wrote; nodes refuse larger ones.
pub const PACKAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
const FILE_BYTES_MAX: usize = 100;

/// One version of one service file, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    pub id: PackageId,
    pub file: FileName,
    /// Counts the packages of this file from 1.
    pub version: u32,
    pub state: PackageState,
    pub bytes: u64,
    /// What the package answers to while it is live.
    pub services: Vec<ServiceName>,
    pub error: Option<ImportFault>,
    pub created_at: Timestamp,
    /// Order of arrival; the key of page tokens.
    #[serde(skip)]
    pub sequence: u64,
}

/// For example `hello.py`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileName(String);

/// Where a package is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageState {
    /// Nodes are importing it beside what runs, or will when one connects.
    Checking,
    Live,
    Refused,
    /// Replaced by a newer package of its file, or taken away.
    Retired,
}

/// Why a package was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFault {
    /// The node that refused; empty when the control plane did.
    pub node: String,
    pub file: String,
    /// 1-based; 0 when unknown.
    pub line: u32,
    pub message: String,
    pub traceback: String,
}

// === impl FileName ===

impl FileName {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let module = text.strip_suffix(".py").unwrap_or_default();
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = module
            .bytes()
            .next()
            .is_some_and(|b| good(b) && !b.is_ascii_digit());
        if starts_well && text.len() <= FILE_BYTES_MAX && module.bytes().all(good) {
            return Ok(Self(text.to_owned()));
        }
        let reason = format!(
            "must be a Python module's file name, letters, digits and underscores with .py at \
             the end, at most {FILE_BYTES_MAX} bytes, without folders"
        );
        Err(Invalid::new("file", reason))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name under which Python imports it.
    pub fn module(&self) -> &str {
        self.0.strip_suffix(".py").unwrap_or(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl PackageState ===

impl PackageState {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "checking" => Ok(Self::Checking),
            "live" => Ok(Self::Live),
            "refused" => Ok(Self::Refused),
            "retired" => Ok(Self::Retired),
            _ => Err(Invalid::new(
                "state",
                "must be checking, live, refused or retired",
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Live => "live",
            Self::Refused => "refused",
            Self::Retired => "retired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_folder() {
        assert_eq!(
            FileName::parse("hello_2.py").expect("good").module(),
            "hello_2"
        );
        let bad = [
            "",
            ".py",
            "hello",
            "hello.txt",
            "../x.py",
            "/etc/x.py",
            "a/b.py",
            "a\\b.py",
            "a b.py",
            "a\0.py",
            "..py",
            "2x.py",
            "é.py",
            "a.b.py",
            "a-b.py",
        ];
        for text in bad {
            assert_eq!(FileName::parse(text).expect_err(text).field, "file");
        }
    }
}
