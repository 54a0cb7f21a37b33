//! The link that opens the console's first session, for the person who started us.
//!
//! Invariant: the address in it is one under which the admin API answers.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cp_api::Access;

/// On stderr; the code is worth nothing once it was used.
pub(crate) fn print(access: &Access, bound: SocketAddr, hosts: &[String]) -> anyhow::Result<()> {
    let code = access.setup_code()?;
    let line = format!(
        "Open the console (once, within 10 minutes): http://{}/?setup={}\n",
        address(bound, hosts),
        code.expose()
    );
    std::io::stderr().write_all(line.as_bytes())?;
    Ok(())
}

/// Names of ours lead to the bound address, unless it is loopback: then they are those of a proxy,
/// whose port we do not know. The wildcard is no address to connect to.
fn address(bound: SocketAddr, hosts: &[String]) -> String {
    if bound.ip().is_loopback() {
        return bound.to_string();
    }
    if let Some(host) = hosts.first() {
        return format!("{host}:{}", bound.port());
    }
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_an_address_that_answers() {
        let named = ["admin.example".to_owned(), "other.example".to_owned()];
        for (bound, hosts, wanted) in [
            ("127.0.0.1:1", &[][..], "127.0.0.1:1"),
            ("127.0.0.1:1", &named[..], "127.0.0.1:1"),
            ("0.0.0.0:1", &[][..], "127.0.0.1:1"),
            ("[::]:1", &[][..], "[::1]:1"),
            ("0.0.0.0:1", &named[..], "admin.example:1"),
            ("192.0.2.7:1", &[][..], "192.0.2.7:1"),
            ("192.0.2.7:1", &named[..], "admin.example:1"),
        ] {
            assert_eq!(address(bound.parse().unwrap(), hosts), wanted, "{bound}");
        }
    }
}
