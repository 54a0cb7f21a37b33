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

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(address: &str, insecure_bind: bool) -> Option<String> {
        let listening = listen("--http", address.parse().unwrap(), insecure_bind).await;
        listening.err().map(|error| error.to_string())
    }

    #[tokio::test]
    async fn other_addresses_than_loopback_need_to_be_insisted_on() {
        for open in ["0.0.0.0:0", "[::]:0", "192.0.2.7:0"] {
            let text = error(open, false).await.unwrap();
            let tells = text.contains("--insecure-bind") && text.contains("--http");
            assert!(tells, "{open}: {text}");
        }
        for allowed in ["127.0.0.1:0", "127.8.8.8:0"] {
            assert_eq!(error(allowed, false).await, None, "{allowed}");
        }
        assert_eq!(error("0.0.0.0:0", true).await, None);
    }
}
