//! Credentials of people and programs: the admin token, set-up codes, sessions, host names.
//!
//! Invariant: there is no way in without one of them, and no default.

use std::net::IpAddr;
use std::time::Instant;

use cp_auth::{SecretError, SessionId, Sessions, SetupCodes, TokenDigest};

/// Who is let in, and under which names this server answers.
#[derive(Debug)]
pub struct Access {
    admin: TokenDigest,
    codes: SetupCodes,
    sessions: Sessions,
    /// Besides the loopback names, lower case, without port.
    hosts: Vec<String>,
    /// Besides loopback: an address that the listener is bound to.
    address: Option<IpAddr>,
}

// === impl Access ===

impl Access {
    pub fn new(admin: TokenDigest, hosts: Vec<String>) -> Self {
        let hosts = hosts
            .into_iter()
            .map(|host| host.to_ascii_lowercase())
            .collect();
        Self {
            admin,
            codes: SetupCodes::default(),
            sessions: Sessions::default(),
            hosts,
            address: None,
        }
    }

    /// Answers under this address too. The wildcard is none: every other machine's address could be
    /// meant by it.
    #[must_use]
    pub fn bound_to(mut self, address: IpAddr) -> Self {
        self.address = Some(address).filter(|address| !address.is_unspecified());
        self
    }

    /// A one-time code for the console's set-up link.
    pub fn setup_code(&self) -> Result<cp_auth::Secret, SecretError> {
        self.codes.issue(Instant::now())
    }

    pub(crate) fn is_admin_token(&self, presented: &str) -> bool {
        self.admin.matches(presented)
    }

    pub(crate) fn redeem(&self, code: &str) -> bool {
        self.codes.redeem(code, Instant::now())
    }

    pub(crate) fn session_open(&self) -> Result<SessionId, SecretError> {
        self.sessions.open(Instant::now())
    }

    /// Counts as a use of the session.
    pub(crate) fn is_session(&self, id: &str) -> bool {
        self.sessions.touch(id, Instant::now())
    }

    /// Does not count as one.
    pub(crate) fn is_session_open(&self, id: &TokenDigest) -> bool {
        self.sessions.is_open(id, Instant::now())
    }

    pub(crate) fn session_close(&self, id: &str) {
        self.sessions.close(id);
    }

    /// Whether a `Host` header names us. Other names are how DNS rebinding looks.
    pub(crate) fn is_our_host(&self, header: &str) -> bool {
        let host = split_port(header).0.to_ascii_lowercase();
        if host == "localhost" || self.hosts.contains(&host) {
            return true;
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || self.address == Some(address))
    }
}

/// Host and port of a `Host` header.
pub(crate) fn split_port(header: &str) -> (&str, Option<&str>) {
    match header.rsplit_once(':') {
        // The colons of a bare IPv6 address are not a port's.
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => {
            (host, Some(port))
        }
        _ => (header, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_we_listen_on_is_ours_unless_it_is_the_wildcard() {
        let access = |bound: &str| {
            let access = Access::new(TokenDigest::of("t"), Vec::new());
            access.bound_to(bound.parse().unwrap())
        };
        assert!(access("192.0.2.7").is_our_host("192.0.2.7:8081"));
        assert!(access("2001:db8::7").is_our_host("[2001:DB8:0::7]:8081"));
        assert!(!access("192.0.2.7").is_our_host("192.0.2.8:8081"));
        for (bound, host) in [("0.0.0.0", "0.0.0.0:8081"), ("::", "[::]:8081")] {
            assert!(!access(bound).is_our_host(host), "{host}");
        }
    }

    #[test]
    fn only_loopback_and_configured_names_are_ours() {
        let access = Access::new(TokenDigest::of("t"), vec!["Admin.Example".into()]);
        for good in [
            "localhost",
            "localhost:8081",
            "LOCALHOST:1",
            "127.0.0.1:8081",
            "127.0.0.2",
            "[::1]",
            "[::1]:80",
            "admin.example",
            "admin.example:443",
        ] {
            assert!(access.is_our_host(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0:8081",
            "localhost:80@evil",
        ] {
            assert!(!access.is_our_host(bad), "{bad}");
        }
    }
}
