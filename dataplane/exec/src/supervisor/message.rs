//! The JSON payloads of the control socket, as `docs/worker-protocol.md` has them.
//!
//! Owns their shapes; kinds and heads of frames are the codec's. Unknown fields are ignored, so that a worker may say more.

use serde::{Deserialize, Serialize};

use crate::package::{DeclaredService, PackageError, PackageFile};

/// The protocol that this node speaks.
pub(crate) const PROTOCOL: u32 = 1;

#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) python: String,
    #[serde(default)]
    pub(crate) calls: String,
    #[serde(default)]
    pub(crate) json: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Trial<'a> {
    pub(crate) request: u64,
    pub(crate) package: &'a PackageFile,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tried {
    pub(crate) request: u64,
    #[serde(default)]
    pub(crate) services: Vec<DeclaredService>,
    #[serde(default)]
    pub(crate) error: Option<PackageError>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bind<'a> {
    pub(crate) request: u64,
    pub(crate) set: u64,
    pub(crate) packages: &'a [PackageFile],
    /// handle, name, package id
    pub(crate) services: &'a [(u32, String, String)],
}

#[derive(Debug, Deserialize)]
pub(crate) struct Bound {
    pub(crate) request: u64,
    #[serde(default)]
    pub(crate) error: Option<PackageError>,
    #[serde(default)]
    pub(crate) package: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Release {
    pub(crate) set: u64,
}

/// PING.
#[derive(Debug, Serialize)]
pub(crate) struct Beat {
    pub(crate) n: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pong {
    pub(crate) n: u64,
    /// Calls that go on though they were cancelled long ago.
    #[serde(default)]
    pub(crate) stuck: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Stop {}
