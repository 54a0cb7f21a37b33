//! Everything that a use case can end with besides its result.
//!
//! Invariant: each variant knows whose fault it is, so that a face only has to translate it.

use cp_auth::Forbidden;
use cp_model::Invalid;
use cp_odb::OdbError;
use cp_publish::InvokeError;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// What the caller sent is not valid, field by field.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    /// Objects of a whole configuration that claim what another one has, by place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    ConfigTaken(Vec<Invalid>),
    /// Objects of a whole configuration, some of which name what does not exist, by place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    ConfigDangling(Vec<Invalid>),
    #[error("{kind} {name} does not exist")]
    NotFound { kind: &'static str, name: String },
    #[error("node {0} is connected; stop it first")]
    NodeConnected(String),
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    #[error(transparent)]
    Odb(#[from] OdbError),
}

// === impl AppError ===

impl From<Vec<Invalid>> for AppError {
    fn from(errors: Vec<Invalid>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<Invalid> for AppError {
    fn from(error: Invalid) -> Self {
        Self::Invalid(vec![error])
    }
}
