//! Listeners: where connections enter.
//!
//! Invariant: two listeners never want the same address, and what a listener is for has what it needs.

mod http;

use std::net::{Ipv4Addr, SocketAddr};

use super::backend::{CA, CERTIFICATE};
use super::{Claim, Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type, check};
use crate::{Invalid, ObjectName};

/// `[` and the longest IPv6 address with a scope, `]:65535`.
const ADDRESS_BYTES_MAX: usize = 80;
const NETWORKS_MAX: usize = 256;
const CERTIFICATES_MAX: usize = 256;

pub static KIND: Kind = Kind {
    name: "listener",
    plural: "listeners",
    about: concat!(
        "An address at which every node accepts connections, and what it takes from them. ",
        not_yet!()
    ),
    names: NameGrammar::Strict,
    fields: FIELDS,
    rules: Rules {
        check,
        claims,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new(
        "address",
        Type::text(ADDRESS_BYTES_MAX, check::socket_address),
        "`ip:port`; `0.0.0.0` is every IPv4 address of the node, `[::]` every address.",
    ),
    Field::new(
        "purpose",
        Type::Choice(&["http", "routes", "channels", "tcp"]),
        "What comes in: `http` is for routes first and then for channels, so that one port does for \
         both; `tcp` passes bytes on to `backend`.",
    )
    .or_text("http"),
    Field::new("backend", Type::Reference("backend"), "Who gets the connections.")
        .only_for("purpose", &["tcp"]),
    Field::new("tls", Type::Object(TLS), "Missing: connections are not encrypted.").optional(),
    Field::new(
        "protocols",
        Type::list(&Type::Choice(&["http/1.1", "h2"]), 2),
        "What is spoken; `h2` needs `tls`, by which both sides agree on it.",
    )
    .or_texts(&["http/1.1"])
    .only_for("purpose", http::PURPOSES),
    Field::new(
        "proxy_protocol",
        Type::Choice(&["off", "required"]),
        "Whether the address of the client comes before the first byte (version 1 or 2). There is no \
         `optional`: everybody could then claim to be anybody.",
    )
    .or_text("off"),
    Field::new(
        "trusted_proxies",
        Type::list(&Type::text(64, check::network), NETWORKS_MAX),
        "Networks whose `X-Forwarded-*`, `Forwarded` and PROXY lines are believed; none, since \
         everybody can write them.",
    )
    .or_empty(),
    Field::new(
        "limits",
        Type::Object(http::LIMITS),
        "The largest heads and bodies that are taken.",
    )
    .or_defaults()
    .only_for("purpose", http::PURPOSES),
    Field::new(
        "timeouts",
        Type::Object(http::TIMEOUTS),
        "How long clients may take.",
    )
    .or_defaults()
    .only_for("purpose", http::PURPOSES),
    Field::new(
        "idle_timeout_ms",
        Type::integer(1_000, 86_400_000),
        "A connection on which nothing moves for so long is closed, in milliseconds; an hour, as \
         databases and terminals need.",
    )
    .or_integer(3_600_000)
    .only_for("purpose", &["tcp"]),
    Field::new(
        "connections_max",
        Type::integer(0, 10_000_000),
        "Connections of one node; further ones wait in the kernel. 0: as many as the node has \
         descriptors for.",
    )
    .or_integer(0),
    Field::new("is_active", Type::Bool, "Nodes close the address of an inactive listener.")
        .or_bool(true),
];

static TLS: &[Field] = &[
    Field::new(
        "certificates",
        Type::list(&CERTIFICATE, CERTIFICATES_MAX),
        "Security definitions with a certificate and its key; the client's server name (SNI) chooses, \
         the first one is for all other names.",
    ),
    Field::new(
        "version_min",
        Type::Choice(&["1.2", "1.3"]),
        "1.2 is what old clients still speak.",
    )
    .or_text("1.2"),
    Field::new(
        "client_certificate",
        Type::Choice(&["off", "optional", "required"]),
        "Whether clients show who they are.",
    )
    .or_text("off"),
    Field::new("client_ca", CA, "Who vouches for them.")
        .only_for("client_certificate", &["optional", "required"]),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "public", "address": "0.0.0.0:8080"}"#,
    r#"{"name": "public-tls", "address": "0.0.0.0:8443", "protocols": ["http/1.1", "h2"],
        "tls": {"certificates": ["api.example.com"]}}"#,
    r#"{"name": "mainframe", "address": "127.0.0.1:2992", "purpose": "tcp", "backend": "legacy"}"#,
];

fn check(_name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let protocols = spec.texts("protocols");
    let is_http = spec.text("purpose") != "tcp";
    if is_http && protocols.is_empty() {
        faults.push(Invalid::new("protocols", "must not be empty"));
    }
    if protocols.contains(&"h2") && !spec.has("tls") {
        faults.push(Invalid::new("protocols", "has h2, which needs tls"));
    }
    if spec.has("tls") && spec.object("tls").texts("certificates").is_empty() {
        faults.push(Invalid::new("tls/certificates", "must not be empty"));
    }
    if spec.text("proxy_protocol") == "required" && spec.texts("trusted_proxies").is_empty() {
        let reason = "is needed: only these may write PROXY lines";
        faults.push(Invalid::new("trusted_proxies", reason));
    }
    faults.extend(http::fault(spec));
    faults
}

/// The address, in one way of writing it. `[::]` takes IPv4's wildcard too, as sockets do.
fn claims(spec: &Spec) -> Vec<Claim> {
    let claim = |address: SocketAddr| Claim {
        field: "address",
        key: address.to_string(),
        text: format!("listens at {address}"),
    };
    let Ok(address) = spec.text("address").parse::<SocketAddr>() else {
        return Vec::new();
    };
    let mut claims = vec![claim(address)];
    if address.is_ipv6() && address.ip().is_unspecified() {
        claims.push(claim((Ipv4Addr::UNSPECIFIED, address.port()).into()));
    }
    claims
}

#[cfg(test)]
mod tests;
