//! Listening sockets, with errors that say what to do.
//!
//! Invariant: nothing but loopback unless a person insisted, because nothing is encrypted yet.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;

pub(crate) async fn listen(
    flag: &str,
    address: SocketAddr,
    insecure_bind: bool,
) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() && !insecure_bind {
        bail!(
            "{flag} {address} is not a loopback address, and nothing is encrypted yet; \
             --insecure-bind allows it"
        );
    }
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {flag} {address}"))
}
