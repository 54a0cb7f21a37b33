//! The ready file: who waits for a node reads its addresses there.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;

/// What the node listens on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) node: Option<SocketAddr>,
    pub(crate) balancer: Option<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
}

/// Written whole or not at all.
pub(crate) fn write(path: &Path, addresses: Addresses) -> anyhow::Result<()> {
    let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    let ready = serde_json::json!({
        "pid": std::process::id(),
        "node": text(addresses.node),
        "balancer": text(addresses.balancer),
        "admin": text(addresses.admin),
    });
    dp_agent::write_atomically(path, format!("{ready}\n").as_bytes())
        .with_context(|| format!("the ready file {} cannot be written", path.display()))
}

/// One of an earlier process would lie until this one is ready.
pub(crate) fn forget(path: &Path) {
    drop(std::fs::remove_file(path));
}
