//! TLS to the other side: of backends and outgoing connections.

use crate::schema::{Field, Type, check};

pub(in crate::kind) const CA: Type = Type::ReferenceOf {
    kind: "security",
    types: &["tls_ca"],
};
pub(in crate::kind) const CERTIFICATE: Type = Type::ReferenceOf {
    kind: "security",
    types: &["tls_certificate"],
};

pub(super) static TLS: &[Field] = &[
    Field::new(
        "is_verified",
        Type::Bool,
        "Whether the other side must prove who it is; without that, anybody in between reads along.",
    )
    .or_bool(true),
    Field::new("ca", CA, "Whom to believe; missing: the authorities that the system trusts.")
        .optional(),
    Field::new(
        "server_name",
        Type::text(253, check::host),
        "The name to ask for and to verify; the endpoint's host when missing.",
    )
    .optional(),
    Field::new("certificate", CERTIFICATE, "What we show when asked who we are.").optional(),
    Field::new("version_min", Type::Choice(&["1.2", "1.3"]), "1.2 is what old servers still speak.")
        .or_text("1.2"),
];
