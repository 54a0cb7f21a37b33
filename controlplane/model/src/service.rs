//! Services: names that can be invoked.
//!
//! Owns what is known of a service and the names that are built in; refuses to run one. Invariant:
//! a service belongs to exactly one live package, or is built in.

use serde::{Deserialize, Serialize};

use crate::{FileName, PackageId, ServiceName, Timestamp};

/// Services that every node has without any package.
pub const BUILT_IN: [&str; 2] = ["bascule.echo", "bascule.ping"];

/// A service of a live package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    #[serde(flatten)]
    pub declared: DeclaredService,
    pub package_id: PackageId,
    pub file: FileName,
    /// Version of the package.
    pub version: u32,
    pub deployed_at: Timestamp,
}

/// A service as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredService {
    pub name: ServiceName,
    pub class_name: String,
    pub line: u32,
    pub documentation: String,
    pub input: Vec<String>,
    pub output: Vec<String>,
}

// === impl ServiceName ===

impl ServiceName {
    /// True for what every node answers by itself.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&self.as_str())
    }
}
