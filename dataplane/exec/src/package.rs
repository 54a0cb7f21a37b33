//! Service packages as the workers see them: trial, binding, and what can go wrong in each.
//!
//! Owns the types that cross between the agent and the supervisor and the JSON form of them on the control socket.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

use crate::supervisor::Lease;

/// One immutable version of a service file, on this node's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageFile {
    /// Content hash; a worker keeps modules by it.
    pub id: String,
    /// The name the author gave, for tracebacks: `hello.py`.
    pub file: String,
    /// `hello`
    pub module: String,
    /// Where the content is.
    pub path: PathBuf,
}

/// What a package declares, as found by importing it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeclaredService {
    pub name: String,
    pub class_name: String,
    #[serde(deserialize_with = "or_default")]
    pub line: u32,
    #[serde(deserialize_with = "or_default")]
    pub documentation: String,
    #[serde(deserialize_with = "or_default")]
    pub input: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub output: Vec<String>,
}

/// Why a package cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(default)]
#[error("{file}:{line}: {message}")]
pub struct PackageError {
    #[serde(deserialize_with = "or_default")]
    pub file: String,
    /// 0 = not known.
    #[serde(deserialize_with = "or_default")]
    pub line: u32,
    pub message: String,
    #[serde(deserialize_with = "or_default")]
    pub traceback: String,
}

/// The answer of all workers to a trial import.
pub type TrialOutcome = Result<Vec<DeclaredService>, PackageError>;

/// One service that is to become callable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceBinding {
    pub name: String,
    /// `PackageFile::id`
    pub package: String,
}

/// All services of one generation, callable on every worker until the last clone of this is dropped: whoever
/// may still call holds one. A set that was taken back when its successor was committed would fail the calls
/// that had begun before.
#[derive(Clone, Debug, Default)]
pub struct ServiceSet {
    pub set: u64,
    /// Service name → handle for `Call::handle`.
    pub handles: HashMap<String, u32>,
    /// `None` for the set without services, which was never bound.
    pub(crate) lease: Option<Arc<Lease>>,
}

/// A set could not be bound; nothing of it is callable, earlier sets are untouched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("package {package:?} cannot be bound")]
pub struct BindError {
    /// `PackageFile::id`, empty when no one package is to blame.
    pub package: String,
    #[source]
    pub error: PackageError,
}

// === impl PackageError ===

impl PackageError {
    /// An error that no line of the package is to blame for.
    pub(crate) fn of_node(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            message: message.into(),
            ..Self::default()
        }
    }
}

/// Python says `null` for what it does not know.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
