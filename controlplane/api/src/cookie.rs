//! The session's cookie: what it is called, where the browser sends it, how it is read and written.
//!
//! A browser sends a cookie to every port of a host, and in `bascule dev` the balancer, behind which
//! user code runs, is another port of ours. So the cookie goes to the API's paths alone; a channel
//! whose own path is below them would still get it. Invariant: two consoles on one host have cookies
//! of different names, so neither logs the other out.

use axum::http::{HeaderMap, header};

use crate::access::split_port;

/// Followed by the port unless it is the scheme's own.
pub(crate) const NAME: &str = "bascule_session";
/// The console's files are open to everyone; only what is below this asks for a session.
const PATH: &str = "/api/v1";

/// Name of the cookie at the address under which the browser sees us, also behind a proxy of a
/// developer; the guard adds it to each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CookieName(String);

// === impl CookieName ===

impl CookieName {
    pub(crate) fn of_host(host: &str) -> Self {
        let (_, port) = split_port(host);
        Self(match port {
            Some(port) if !port.is_empty() => format!("{NAME}_{port}"),
            _ => NAME.to_owned(),
        })
    }

    /// The session's id, when the browser has one.
    pub(crate) fn find<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut pairs = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| name.trim() == self.0)
            .map(|(_, value)| value.trim())
    }

    /// For `Set-Cookie`. Not `Secure`: the listener is plain text on loopback until TLS comes.
    pub(crate) fn set(&self, id: &str, life_seconds: u64) -> String {
        let name = &self.0;
        format!("{name}={id}; Path={PATH}; Max-Age={life_seconds}; HttpOnly; SameSite=Strict")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_the_browser_sees_is_in_the_name() {
        let name = |host| CookieName::of_host(host).0;
        assert_eq!(name("127.0.0.1:8081"), "bascule_session_8081");
        assert_eq!(name("[::1]:8081"), "bascule_session_8081");
        for without in ["localhost", "localhost:", "[::1]", ""] {
            assert_eq!(name(without), "bascule_session", "{without}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_those_of_other_ports() {
        let mut headers = HeaderMap::new();
        let cookies = "a=b; bascule_session_1=one;bascule_session=none; bascule_session_2=two";
        headers.insert(header::COOKIE, cookies.parse().unwrap());
        let find = |host| CookieName::of_host(host).find(&headers);
        assert_eq!(find("localhost:2"), Some("two"));
        assert_eq!(find("localhost"), Some("none"));
        assert_eq!(find("localhost:3"), None);
    }
}
