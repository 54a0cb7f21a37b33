//! Whether a request with a session's cookie was meant by the person who owns the session.
//!
//! Owns the decision over methods and headers, and the cookie's attributes. Refuses to parse HTTP:
//! the caller hands in texts. Requests with a token in `Authorization` need none of this, since no
//! browser adds that by itself. Three walls, each for what the others let through:
//!
//! 1. `SameSite=Strict` keeps the cookie off all requests from other *sites*. But a site is a domain:
//!    another port of this host, where services of users answer, and a sibling subdomain are the
//!    same site.
//! 2. `Sec-Fetch-Site` and `Origin` are written by the browser and tell *origins* apart, ports too. A
//!    request that has neither is refused: current browsers send one with everything that changes
//!    something, and a program has tokens. When both are there both must agree.
//! 3. A token in a header, which only a script of our own pages can read and send. It stops what the
//!    browser calls same-origin and no script of ours sent: a form in injected markup, a service
//!    answering below our path. It is an HMAC under the session's id, so nothing is stored, it ends
//!    with the session, changes with each rotation, and one that another site plants does not fit.
//!
//! Invariant: what changes anything passes all three; what changes nothing is never asked (so that
//! reading has to change nothing).

#[cfg(test)]
mod tests;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::Secret;

/// The header in which the console sends the token.
pub const CSRF_HEADER: &str = "x-bascule-csrf";

const PURPOSE: &[u8] = b"bascule csrf 1";

/// Of a request that a session's cookie came with; absent headers are `None`.
#[derive(Debug, Clone, Copy)]
pub struct CsrfRequest<'a> {
    pub method: &'a str,
    /// Checked by the caller to be one of ours.
    pub host: &'a str,
    pub sec_fetch_site: Option<&'a str>,
    pub origin: Option<&'a str>,
    /// Of `CSRF_HEADER`.
    pub token: Option<&'a str>,
}

/// Why the request is refused, with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrfRefused {
    #[error("the browser does not say where the request comes from; programs use an API token")]
    NoOrigin,
    #[error("the request comes from another origin")]
    OtherOrigin,
    #[error("the header {CSRF_HEADER} is missing")]
    NoToken,
    #[error("the header {CSRF_HEADER} is not the one of this session")]
    WrongToken,
}

/// How the cookie travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieTransport {
    Tls,
    /// Plain text that does not leave the machine; a `Secure` cookie would not come back.
    Loopback,
}

/// What a session's cookie is written with.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie<'a> {
    pub name: &'a str,
    pub path: &'a str,
    pub life: Duration,
    pub transport: CookieTransport,
}

/// Whether the request may go on; `session` is the id that the cookie holds, of an open session.
pub fn check_csrf(request: &CsrfRequest<'_>, session: &str) -> Result<(), CsrfRefused> {
    if is_safe(request.method) {
        return Ok(());
    }
    check_origin(request)?;
    let presented = request.token.ok_or(CsrfRefused::NoToken)?;
    let expected = csrf_token(session);
    let is_it = presented.as_bytes().ct_eq(expected.expose().as_bytes());
    if bool::from(is_it) {
        Ok(())
    } else {
        Err(CsrfRefused::WrongToken)
    }
}

/// The second wall alone: for logging in, where there is no session yet. Without it a foreign page
/// could log a person in as somebody else and wait for what they enter.
pub fn check_origin(request: &CsrfRequest<'_>) -> Result<(), CsrfRefused> {
    if request.sec_fetch_site.is_none() && request.origin.is_none() {
        return Err(CsrfRefused::NoOrigin);
    }
    // `same-site` is another port or a sibling, `none` an address that somebody typed, which changes
    // nothing.
    let is_same_site = request
        .sec_fetch_site
        .is_none_or(|site| site == "same-origin");
    // The scheme is not compared: behind a proxy that ends TLS we do not know our own.
    let is_same_origin = request.origin.is_none_or(|origin| {
        let authority = ["https://", "http://"]
            .iter()
            .find_map(|scheme| origin.strip_prefix(scheme));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(request.host))
    });
    if is_same_site && is_same_origin {
        Ok(())
    } else {
        Err(CsrfRefused::OtherOrigin)
    }
}

/// What the console reads with its session and sends in `CSRF_HEADER`.
pub fn csrf_token(session: &str) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, session.as_bytes());
    Secret::new(BASE64URL_NOPAD.encode(hmac::sign(&key, PURPOSE).as_ref()))
}

fn is_safe(method: &str) -> bool {
    // Methods are case-sensitive: `get` is another one, of which we know nothing.
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

// === impl SessionCookie ===

impl SessionCookie<'_> {
    /// The value of `Set-Cookie` that plants the session.
    pub fn set(&self, session: &Secret) -> Secret {
        Secret::new(self.line(session.expose(), self.life.as_secs()))
    }

    /// The one that removes it.
    pub fn clear(&self) -> String {
        self.line("", 0)
    }

    fn line(&self, value: &str, seconds: u64) -> String {
        let Self { name, path, .. } = self;
        let secure = match self.transport {
            CookieTransport::Tls => "; Secure",
            CookieTransport::Loopback => "",
        };
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}
