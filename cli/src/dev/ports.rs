//! Which ports to ask for: the wished one, or any when that is taken. Whoever binds "any" (0) tells in its ready
//! file which one it got, so no port is ever looked up and then lost to another process.

use std::net::{Ipv4Addr, TcpListener};

/// `wished` while it is free, else 0: the system's choice.
pub(crate) fn free_or_any(wished: u16) -> u16 {
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, wished)).is_ok();
    if is_free { wished } else { 0 }
}

/// What to tell the person when a wish could not be met.
pub(crate) fn moved(wished: u16, address: &str, what: &str) -> Option<String> {
    let port = address.rsplit(':').next()?;
    let is_met = wished == 0 || port == wished.to_string();
    (!is_met).then(|| format!("port {wished} is in use, {what} listens on {port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_and_said() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let wished = taken.local_addr().unwrap().port();
        assert_eq!(free_or_any(wished), 0);
        let said = moved(wished, "127.0.0.1:4711", "the balancer").unwrap();
        assert_eq!(
            said,
            format!("port {wished} is in use, the balancer listens on 4711")
        );
        assert_eq!(moved(8080, "127.0.0.1:8080", "the balancer"), None);
        assert_eq!(moved(0, "127.0.0.1:4711", "the balancer"), None);
    }
}
