//! Everything that a call of the ODB can end with.
//!
//! Owns the distinction between "you cannot" (conflicts, stale versions, absent rows) and "we
//! cannot" (busy, full, read-only, corrupt). Invariant: `Display` never repeats its source.

use cp_model::{FileName, Generation, Invalid, ServiceName, Version};

use crate::ObjectFault;

/// Why the ODB did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OdbError {
    #[error("{kind} {name} does not exist")]
    NotFound { kind: &'static str, name: String },
    #[error("{kind} {name} exists already")]
    Exists { kind: &'static str, name: String },
    #[error("{kind} {name} has been changed; its version is now {current}")]
    Stale {
        kind: &'static str,
        name: String,
        current: Version,
    },
    /// `claim` is for people: "takes GET /a".
    #[error("{kind} {other} {claim} already")]
    Taken {
        kind: &'static str,
        other: String,
        field: &'static str,
        claim: String,
    },
    #[error("{}", reference_unknown(.kind, .name))]
    ReferenceUnknown {
        /// The field that names it, `groups/0`.
        place: String,
        kind: &'static str,
        name: String,
    },
    #[error("{kind} {name} is of type {is}; {place} takes {wanted}")]
    ReferenceType {
        place: String,
        kind: &'static str,
        name: String,
        is: String,
        wanted: String,
    },
    /// It became of a type that may not stand where it is named.
    #[error("{kind} {name} is used by {user}, which takes {wanted}")]
    TypeInUse {
        kind: &'static str,
        name: String,
        /// For example `group partners`.
        user: String,
        wanted: String,
    },
    #[error("service {service} is declared by {file} already")]
    ServiceTaken {
        service: ServiceName,
        file: FileName,
    },
    /// What is wrong with each of several objects that were to change together.
    #[error("{}", .0.iter().map(|fault| fault.error.to_string()).collect::<Vec<_>>().join("; "))]
    Objects(Vec<ObjectFault>),
    #[error("{kind} {name} is used by {}", .users.join(", "))]
    InUse {
        kind: &'static str,
        name: String,
        /// For example `channel crm`.
        users: Vec<String>,
    },
    #[error("the content of generation {generation} is not kept; the oldest is {oldest}")]
    NotKept {
        generation: Generation,
        oldest: Generation,
    },
    #[error("another process leads")]
    Fenced,
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("package {id} is {state}")]
    PackageState { id: String, state: &'static str },

    #[error("the ODB is busy")]
    Busy(#[source] sqlx::Error),
    #[error("the ODB cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    #[error("the disk of the ODB is full")]
    DiskFull(#[source] sqlx::Error),
    #[error("the ODB cannot be written to")]
    ReadOnly(#[source] sqlx::Error),
    #[error("the ODB file cannot be opened")]
    CannotOpen(#[source] sqlx::Error),
    #[error("the ODB file is damaged: {0}")]
    Corrupt(String),
    #[error("the ODB refused a row")]
    Constraint(#[source] sqlx::Error),
    #[error("the ODB was made by a newer version: it has migration {0}")]
    TooNew(i64),
    #[error("migration {0} of the ODB is not the one that this version has")]
    MigrationChanged(i64),
    #[error("a row of the ODB is not valid")]
    Row(#[source] Invalid),
    #[error("JSON in the ODB is not valid")]
    Json(#[source] serde_json::Error),
    #[error("the ODB failed")]
    Engine(#[source] sqlx::Error),
}

// === impl OdbError ===

impl OdbError {
    /// For callers that change one object, or know which.
    pub(crate) fn of_first_object(self) -> Self {
        match self {
            Self::Objects(faults) => match faults.into_iter().next() {
                Some(fault) => *fault.error,
                None => Self::Objects(Vec::new()),
            },
            other => other,
        }
    }
}

impl From<Invalid> for OdbError {
    fn from(error: Invalid) -> Self {
        Self::Row(error)
    }
}

impl From<serde_json::Error> for OdbError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

fn reference_unknown(kind: &str, name: &str) -> String {
    match kind {
        "service" => format!("service {name} is in no live package and is not built in"),
        kind => format!("{kind} {name} does not exist"),
    }
}
