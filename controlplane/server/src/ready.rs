//! The ready file: tells whoever started us that we serve, and where.
//!
//! Invariant: the file is there whole or not at all.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;

pub(crate) fn write(path: &Path, http: SocketAddr, grpc: SocketAddr) -> anyhow::Result<()> {
    let pid = std::process::id();
    let text = format!("{{\"pid\":{pid},\"http\":\"{http}\",\"grpc\":\"{grpc}\"}}\n");
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, text)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("cannot write the ready file {}", path.display()))
}
