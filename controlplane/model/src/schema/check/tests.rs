//! Texts that are taken, and texts that are not.

use proptest::prelude::*;

use super::*;
use crate::schema::Check;

fn check(name: &str, check: Check, good: &[&str], bad: &[&str]) {
    for text in good {
        assert_eq!(check(text), Ok(()), "{name}: {text}");
    }
    for text in bad {
        let reason = check(text).expect_err(text);
        assert!(reason.starts_with("must "), "{name}: {reason}");
        assert!(!reason.contains('\n'), "{name}: {reason}");
    }
}

#[test]
fn hosts_and_addresses() {
    let long = format!("{}.com", "a".repeat(64));
    check(
        "host",
        host,
        &[
            "localhost",
            "crm.example.com",
            "my_db",
            "10.0.0.1",
            "::1",
            "xn--bcher-kva.de",
        ],
        &[
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a b",
            "10.0.0.300",
            "a:80",
            "[::1]",
            "bücher.de",
            &long,
        ],
    );
    check(
        "host_port",
        host_port,
        &["localhost:1", "10.0.0.1:65535", "[::1]:80", "a.b:443"],
        &[
            "", "a", "a:", ":80", "a:0", "a:080", "a:65536", "a:+1", "::1:80", "[::1]", "a:b:1",
        ],
    );
}

#[test]
fn addresses_patterns_and_networks() {
    check(
        "socket_address",
        socket_address,
        &["0.0.0.0:80", "127.0.0.1:17010", "[::]:443"],
        &[
            "",
            "80",
            ":80",
            "localhost:80",
            "0.0.0.0:0",
            "0.0.0.0",
            "::1:80",
        ],
    );
    check(
        "host_pattern",
        host_pattern,
        &["", "api.example.com", "*.example.com", "10.0.0.1"],
        &[
            "*",
            "*.",
            "API.example.com",
            "*.10.0.0.1",
            "a.*.com",
            "*example.com",
        ],
    );
    check(
        "network",
        network,
        &[
            "10.0.0.0/8",
            "0.0.0.0/0",
            "127.0.0.1",
            "127.0.0.1/32",
            "::/0",
            "fd00::/8",
            "::1",
        ],
        &[
            "",
            "10.0.0.0/",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "a/8",
            "fd00::1/8",
            "::/129",
        ],
    );
}

#[test]
fn urls_and_paths() {
    check(
        "http_origin",
        http_origin,
        &[
            "http://a",
            "https://crm.example.com:8443",
            "http://[::1]",
            "http://[::1]:80",
        ],
        &[
            "",
            "a",
            "ftp://a",
            "http://",
            "http://a/",
            "https://a?b",
            "http://u:p@a",
            "http://::1",
        ],
    );
    check(
        "http_url",
        http_url,
        &["http://a", "https://a:1/b/c?d=e"],
        &[
            "",
            "https:///a",
            "https://u:p@a/b",
            "https://a/b#c",
            "https://a/ b",
            "https://a/\n",
        ],
    );
    check(
        "path",
        path,
        &["/", "/a/b", "/a%20b", "/{id}"],
        &["", "a", "/a b", "/a?b", "/a#b", "/é"],
    );
    check(
        "token",
        token,
        &["X-API-Key", "a", "client_id"],
        &["", "a b", "a:", "a\n", "é"],
    );
}

#[test]
fn dates_are_in_the_calendar() {
    check(
        "date",
        date,
        &["2026-12-24", "2028-02-29"],
        &[
            "",
            "2026-2-1",
            "2027-02-29",
            "2026-13-01",
            "+026-01-01",
            "2026-01-01T00",
            "2026-01-0a",
        ],
    );
}

#[test]
fn certificates_are_pem() {
    let one = "-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    let two = one.repeat(2);
    let with_key = format!("{one}{key}");
    let cut = one.replace("-----END CERTIFICATE-----", "");
    check(
        "certificates",
        certificates,
        &[one, &two],
        &["", "MIIB", key, &with_key, &cut],
    );
}

proptest! {
    #[test]
    fn whatever_comes_nothing_panics_and_what_is_taken_holds_no_space(text in "\\PC{0,40}") {
        for check in [host, host_port, socket_address, network, http_origin, http_url, path, token,
                      host_pattern] {
            if check(&text).is_ok() {
                prop_assert!(!text.contains(char::is_whitespace));
            }
        }
        let others = [date(&text), certificates(&text), not_empty(&text)];
        prop_assert!(others.iter().any(Result::is_err) || !text.is_empty());
    }

    #[test]
    fn every_address_is_one(address in any::<std::net::SocketAddr>()) {
        prop_assert_eq!(socket_address(&address.to_string()).is_ok(), address.port() > 0);
        if !address.to_string().contains('%') {
            prop_assert_eq!(host_port(&address.to_string()).is_ok(), address.port() > 0);
        }
        prop_assert!(network(&address.ip().to_string()).is_ok());
    }
}
