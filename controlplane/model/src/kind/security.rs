//! Security definitions: credentials of callers and of ourselves, certificates.
//!
//! Invariant: what a type needs is there, so a node that uses the definition has nothing to ask.

use super::{Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type, check};
use crate::{Invalid, ObjectName};

/// Credentials that a caller sends, or that we send as a caller.
const BASIC_AUTH: &[&str] = &["basic_auth"];
const API_KEY: &[&str] = &["api_key"];
const JWT: &[&str] = &["jwt"];
const JWT_ISSUER: &[&str] = &["jwt_issuer"];
const OAUTH2_CLIENT: &[&str] = &["oauth2_client"];
const TLS_CERTIFICATE: &[&str] = &["tls_certificate"];
const TLS_CLIENT: &[&str] = &["tls_client"];

const TYPES: &[&str] = &[
    "basic_auth",
    "api_key",
    "jwt",
    "jwt_issuer",
    "oauth2_client",
    "tls_certificate",
    "tls_ca",
    "tls_client",
];

const TEXT_BYTES_MAX: usize = 1_024;
/// Passwords and keys; the longest that providers hand out are some 2 KiB.
const SECRET_BYTES_MAX: usize = 8 * 1024;
/// A chain of a dozen certificates, or a bundle of a company's own authorities.
const PEM_BYTES_MAX: usize = 48 * 1024;
const SCOPES_MAX: usize = 64;
/// An hour: long enough not to log in all the time, short enough that a stolen token goes stale.
const TTL_S_DEFAULT: i64 = 3_600;
const TTL_S_MAX: i64 = 30 * 86_400;
/// Clocks of two machines differ by less than that, or are wrong.
const LEEWAY_S_DEFAULT: i64 = 30;
const LEEWAY_S_MAX: i64 = 600;

const TEXT: Type = Type::Text {
    bytes_max: TEXT_BYTES_MAX,
    check: check::not_empty,
};
const TOKEN: Type = Type::Text {
    bytes_max: 256,
    check: check::token,
};
const URL: Type = Type::Text {
    bytes_max: 2_048,
    check: check::http_url,
};
const SECRET: Type = Type::Secret {
    bytes_max: SECRET_BYTES_MAX,
};

pub static KIND: Kind = Kind {
    name: "security",
    plural: "security",
    about: concat!(
        "Credentials and certificates, used by name; their secrets are never shown again. ",
        not_yet!()
    ),
    names: NameGrammar::Wide,
    fields: FIELDS,
    rules: Rules {
        check,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new(
        "type",
        Type::Choice(TYPES),
        "`basic_auth`, `api_key` and `jwt` are a caller's credentials; `jwt_issuer` trusts tokens that \
         somebody else signs; `oauth2_client` gets tokens for our own calls; `tls_certificate` is \
         shown to the other side, `tls_ca` verifies the other side, `tls_client` tells a caller by \
         its certificate.",
    ),
    Field::new("username", TEXT, "Who the caller is.")
        .only_for("type", &["basic_auth", "jwt"]),
    Field::new("password", SECRET, "Of `username`.").only_for("type", &["basic_auth", "jwt"]),
    Field::new("realm", TEXT, "What a 401 names; browsers show it.")
        .or_text("Bascule")
        .only_for("type", BASIC_AUTH),
    Field::new("header", TOKEN, "The header that holds the key; Zato's name for it by default.")
        .or_text("X-API-Key")
        .only_for("type", API_KEY),
    Field::new("key", SECRET, "The API key.").only_for("type", API_KEY),
    Field::new(
        "ttl_s",
        Type::Integer {
            min: 1,
            max: TTL_S_MAX,
        },
        "How long a token lasts after its last use, in seconds; an hour bounds what a stolen one is \
         good for.",
    )
    .or_integer(TTL_S_DEFAULT)
    .only_for("type", JWT),
    Field::new("issuer", TEXT, "What `iss` must be.").only_for("type", JWT_ISSUER),
    Field::new("audience", TEXT, "What `aud` must hold; missing: not looked at.")
        .optional()
        .only_for("type", JWT_ISSUER),
    Field::new(
        "algorithms",
        Type::List {
            of: &Type::Choice(ALGORITHMS),
            len_max: ALGORITHMS.len(),
        },
        "How tokens may be signed. `none` is never taken; `HS…` needs `secret`, the others `jwks_url` \
         or `public_key`.",
    )
    .or_texts(&["RS256", "ES256"])
    .only_for("type", JWT_ISSUER),
    Field::new("jwks_url", URL, "Where the issuer publishes its keys.")
        .optional()
        .only_for("type", JWT_ISSUER),
    Field::new(
        "public_key",
        Type::Text {
            bytes_max: PEM_BYTES_MAX,
            check: check_public_key,
        },
        "The issuer's key in PEM, when it publishes none.",
    )
    .optional()
    .only_for("type", JWT_ISSUER),
    Field::new("secret", SECRET, "The key that is shared with the issuer, for `HS…`.")
        .optional()
        .only_for("type", JWT_ISSUER),
    Field::new(
        "leeway_s",
        Type::Integer {
            min: 0,
            max: LEEWAY_S_MAX,
        },
        "How far the issuer's clock may be off, in seconds; half a minute is what synchronized clocks \
         never reach.",
    )
    .or_integer(LEEWAY_S_DEFAULT)
    .only_for("type", JWT_ISSUER),
    Field::new("token_url", URL, "The token endpoint of the authorization server.")
        .only_for("type", OAUTH2_CLIENT),
    Field::new("client_id", TEXT, "Who we are there.").only_for("type", OAUTH2_CLIENT),
    Field::new("client_secret", SECRET, "Of `client_id`.").only_for("type", OAUTH2_CLIENT),
    Field::new(
        "scopes",
        Type::List {
            of: &TEXT,
            len_max: SCOPES_MAX,
        },
        "What is asked for; empty leaves it to the server.",
    )
    .or_empty()
    .only_for("type", OAUTH2_CLIENT),
    Field::new(
        "data_format",
        Type::Choice(&["form", "json"]),
        "How the request for a token is written; RFC 6749 says `form`.",
    )
    .or_text("form")
    .only_for("type", OAUTH2_CLIENT),
    Field::new("client_id_field", TOKEN, "Some servers name it otherwise.")
        .or_text("client_id")
        .only_for("type", OAUTH2_CLIENT),
    Field::new("client_secret_field", TOKEN, "Some servers name it otherwise.")
        .or_text("client_secret")
        .only_for("type", OAUTH2_CLIENT),
    Field::new(
        "extra_fields",
        Type::Map { len_max: 32 },
        "What else the request for a token says, for example `audience`. Not a place for secrets: it \
         is shown.",
    )
    .or_empty()
    .only_for("type", OAUTH2_CLIENT),
    Field::new(
        "certificate",
        Type::Text {
            bytes_max: PEM_BYTES_MAX,
            check: check::certificates,
        },
        "In PEM. A certificate with its chain, the own one first; or the authorities that are \
         trusted.",
    )
    .only_for("type", &["tls_certificate", "tls_ca"]),
    Field::new("private_key", SECRET, "Of the first certificate, in PEM.")
        .only_for("type", TLS_CERTIFICATE),
    Field::new(
        "fingerprint_sha256",
        Type::Text {
            bytes_max: 95,
            check: check_fingerprint,
        },
        "Of the caller's certificate: 64 hexadecimal digits, colons allowed.",
    )
    .optional()
    .only_for("type", TLS_CLIENT),
    Field::new("subject", TEXT, "The caller's distinguished name, as RFC 4514 writes it.")
        .optional()
        .only_for("type", TLS_CLIENT),
    Field::new(
        "san",
        TEXT,
        "A name of the caller's certificate: a DNS name, an e-mail address or a URI.",
    )
    .optional()
    .only_for("type", TLS_CLIENT),
    Field::new(
        "is_active",
        Type::Bool,
        "Nobody gets in with an inactive definition, and nothing is sent with it.",
    )
    .or_bool(true),
];

const ALGORITHMS: &[&str] = &[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "CRM account", "type": "basic_auth", "username": "crm", "password": "$CRM_PASSWORD"}"#,
    r#"{"name": "partner key", "type": "api_key", "key": "file:/etc/bascule/partner.key"}"#,
    r#"{"name": "mobile app", "type": "jwt", "username": "app", "password": "$APP_PASSWORD"}"#,
    r#"{"name": "staff tokens", "type": "jwt_issuer", "issuer": "https://login.example.com",
        "jwks_url": "https://login.example.com/keys"}"#,
    r#"{"name": "shared tokens", "type": "jwt_issuer", "issuer": "reports", "algorithms": ["HS256"],
        "secret": "$REPORTS_SECRET"}"#,
    r#"{"name": "billing client", "type": "oauth2_client", "client_id": "bascule",
        "client_secret": "$BILLING_SECRET", "token_url": "https://login.example.com/oauth2/token"}"#,
    r#"{"name": "api.example.com", "type": "tls_certificate",
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "private_key": "file:/etc/bascule/api.example.com.key"}"#,
    r#"{"name": "company CA", "type": "tls_ca",
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}"#,
    r#"{"name": "warehouse", "type": "tls_client", "subject": "CN=warehouse,O=Example"}"#,
];

fn check(_name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let fault = match spec.text("type") {
        "basic_auth" | "jwt" => username_fault(spec),
        "jwt_issuer" => issuer_fault(spec),
        "tls_certificate" => private_key_fault(spec),
        "tls_client" => client_fault(spec),
        _ => None,
    };
    fault.into_iter().collect()
}

/// A colon would end the name in the header of basic authentication.
fn username_fault(spec: &Spec) -> Option<Invalid> {
    let is_cut = spec.text("type") == "basic_auth" && spec.text("username").contains(':');
    is_cut.then(|| Invalid::new("username", "must not hold a colon"))
}

/// Exactly one source of keys, and algorithms that it can be used with: a public key taken as a shared
/// secret lets everybody sign.
fn issuer_fault(spec: &Spec) -> Option<Invalid> {
    let algorithms = spec.texts("algorithms");
    if algorithms.is_empty() {
        return Some(Invalid::new("algorithms", "must not be empty"));
    }
    let sources = ["jwks_url", "public_key", "secret"];
    let given: Vec<_> = sources
        .into_iter()
        .filter(|field| spec.has(field))
        .collect();
    let [source] = given.as_slice() else {
        let reason =
            "is one of three, exactly one of which is needed: jwks_url | public_key | secret";
        return Some(Invalid::new(
            given.get(1).copied().unwrap_or("jwks_url"),
            reason,
        ));
    };
    let is_shared = *source == "secret";
    let is_wrong = |algorithm: &&&str| algorithm.starts_with("HS") != is_shared;
    let wrong = algorithms.iter().find(is_wrong)?;
    Some(Invalid::new(
        "algorithms",
        format!("has {wrong}, which does not go with {source}"),
    ))
}

fn private_key_fault(spec: &Spec) -> Option<Invalid> {
    let key = spec.text("private_key");
    let is_elsewhere = key.starts_with('$') || key.starts_with("file:");
    let is_pem = key.contains("-----BEGIN ") && key.contains("PRIVATE KEY-----");
    let reason = "must be a private key in PEM, $NAME of a variable, or file:PATH";
    (!is_elsewhere && !is_pem).then(|| Invalid::new("private_key", reason))
}

fn client_fault(spec: &Spec) -> Option<Invalid> {
    let any = ["fingerprint_sha256", "subject", "san"];
    let reason = "is one of three, any of which is needed: fingerprint_sha256 | subject | san";
    (!any.iter().any(|field| spec.has(field))).then(|| Invalid::new("fingerprint_sha256", reason))
}

fn check_public_key(text: &str) -> Result<(), String> {
    let trimmed = text.trim();
    let is_key = trimmed.starts_with("-----BEGIN PUBLIC KEY-----")
        && trimmed.ends_with("-----END PUBLIC KEY-----");
    let is_certificate = check::certificates(text).is_ok();
    if is_key || is_certificate {
        Ok(())
    } else {
        Err("must be a public key or certificate in PEM".to_owned())
    }
}

fn check_fingerprint(text: &str) -> Result<(), String> {
    let pairs: Vec<_> = text.split(':').collect();
    let digits: String = pairs.concat();
    let is_whole = pairs.len() == 1 || pairs.iter().all(|pair| pair.len() == 2);
    if is_whole && digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err("must be 64 hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests;
