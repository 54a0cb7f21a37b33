//! Requests that were meant, and those that were forged.

use proptest::prelude::*;

use super::*;

const SESSION: &str = "bss_0123456789abcdef";
const HOST: &str = "bascule.example:8443";

/// As the console sends it.
fn meant(token: &Secret) -> CsrfRequest<'_> {
    CsrfRequest {
        method: "POST",
        host: HOST,
        sec_fetch_site: Some("same-origin"),
        origin: Some("https://bascule.example:8443"),
        token: Some(token.expose()),
    }
}

#[test]
fn what_the_console_sends_passes() {
    let token = csrf_token(SESSION);
    let meant = meant(&token);
    let requests = [
        meant,
        CsrfRequest {
            method: "DELETE",
            ..meant
        },
        // An older browser, and one behind a proxy that ends TLS.
        CsrfRequest {
            sec_fetch_site: None,
            ..meant
        },
        CsrfRequest {
            origin: None,
            ..meant
        },
        CsrfRequest {
            origin: Some("http://BASCULE.example:8443"),
            ..meant
        },
    ];
    for request in requests {
        assert_eq!(check_csrf(&request, SESSION), Ok(()), "{request:?}");
    }
}

#[test]
fn what_another_origin_sends_is_refused() {
    let token = csrf_token(SESSION);
    let meant = meant(&token);
    for site in ["same-site", "cross-site", "none", "", "Same-Origin"] {
        let request = CsrfRequest {
            sec_fetch_site: Some(site),
            ..meant
        };
        assert_eq!(
            check_csrf(&request, SESSION),
            Err(CsrfRefused::OtherOrigin),
            "{site}"
        );
    }
    for origin in [
        "null",
        "",
        "https://evil.example",
        "https://bascule.example",
        "https://bascule.example:8080",
        "https://sibling.bascule.example:8443",
        "https://bascule.example:8443.evil.example",
        "https://evil.example/https://bascule.example:8443",
        "ftp://bascule.example:8443",
        "bascule.example:8443",
    ] {
        for sec_fetch_site in [None, Some("same-origin")] {
            let request = CsrfRequest {
                origin: Some(origin),
                sec_fetch_site,
                ..meant
            };
            assert_eq!(
                check_csrf(&request, SESSION),
                Err(CsrfRefused::OtherOrigin),
                "{origin}"
            );
        }
    }
    let silent = CsrfRequest {
        origin: None,
        sec_fetch_site: None,
        ..meant
    };
    assert_eq!(check_csrf(&silent, SESSION), Err(CsrfRefused::NoOrigin));
}

#[test]
fn a_change_needs_the_token_of_its_session() {
    let token = csrf_token(SESSION);
    let other = csrf_token("bss_fedcba9876543210");
    let meant = meant(&token);
    let with = |token| check_csrf(&CsrfRequest { token, ..meant }, SESSION);
    assert_eq!(with(None), Err(CsrfRefused::NoToken));
    for wrong in ["", other.expose(), SESSION] {
        assert_eq!(with(Some(wrong)), Err(CsrfRefused::WrongToken));
    }
    assert!(!token.expose().contains(SESSION));
    assert_eq!(token.expose().len(), 43);
}

#[test]
fn reading_asks_for_nothing_and_unknown_methods_for_all() {
    let bare = |method| CsrfRequest {
        method,
        host: HOST,
        sec_fetch_site: Some("cross-site"),
        origin: None,
        token: None,
    };
    for safe in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(check_csrf(&bare(safe), SESSION), Ok(()), "{safe}");
    }
    for other in ["POST", "PUT", "PATCH", "DELETE", "get", "QUERY", ""] {
        assert!(check_csrf(&bare(other), SESSION).is_err(), "{other}");
    }
}

#[test]
fn logging_in_comes_from_our_own_page() {
    let token = csrf_token(SESSION);
    let log_in = CsrfRequest {
        token: None,
        ..meant(&token)
    };
    assert_eq!(check_origin(&log_in), Ok(()));
    let foreign = CsrfRequest {
        origin: Some("https://evil.example"),
        ..log_in
    };
    assert_eq!(check_origin(&foreign), Err(CsrfRefused::OtherOrigin));
}

#[test]
fn the_cookie_is_strict_and_hidden_from_scripts() {
    let cookie = SessionCookie {
        name: "bascule_session",
        path: "/api/v1",
        life: Duration::from_hours(12),
        transport: CookieTransport::Tls,
    };
    assert_eq!(
        cookie.set(&Secret::new(SESSION.into())).expose(),
        "bascule_session=bss_0123456789abcdef; Path=/api/v1; Max-Age=43200; HttpOnly; \
         SameSite=Strict; Secure"
    );
    let plain = SessionCookie {
        transport: CookieTransport::Loopback,
        ..cookie
    };
    assert_eq!(
        plain.clear(),
        "bascule_session=; Path=/api/v1; Max-Age=0; HttpOnly; SameSite=Strict"
    );
}

proptest! {
    #[test]
    fn no_token_fits_two_sessions(one in "bss_[0-9a-f]{8}", other in "bss_[0-9a-f]{8}") {
        let token = csrf_token(&one);
        prop_assert_eq!(check_csrf(&meant(&token), &other).is_ok(), one == other);
    }

    #[test]
    fn any_headers_are_judged(
        method in "\\PC{0,8}", site in prop::option::of("\\PC{0,12}"),
        origin in prop::option::of("(https?://)?\\PC{0,30}"), token in prop::option::of("\\PC{0,50}"),
    ) {
        let request = CsrfRequest {
            method: &method, host: HOST, sec_fetch_site: site.as_deref(),
            origin: origin.as_deref(), token: token.as_deref(),
        };
        prop_assert_eq!(check_csrf(&request, SESSION).is_ok(), is_safe(&method));
    }
}
