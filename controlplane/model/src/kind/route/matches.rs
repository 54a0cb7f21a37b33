//! Which requests a route takes, in one way of writing it.
//!
//! Invariant: two routes have one key exactly when every request that matches one matches the other.

use std::collections::HashSet;

use crate::kind::methods::METHODS;
use crate::object::Spec;
use crate::schema::{Field, Type, check};
use crate::{Invalid, PathPattern};

/// Half of a channel's: with listener, method, host and headers it is a key, which has 1100 bytes.
pub(super) const PATH_BYTES_MAX: usize = 512;
const VALUE_BYTES_MAX: usize = 1_024;

/// What a route for any method takes besides: CONNECT, TRACE and whatever a client invents.
const OTHER: &str = "other";

pub(super) static HEADER: &[Field] = &[
    Field::new(
        "name",
        Type::text(256, check::token),
        "Upper and lower case are the same.",
    ),
    Field::new(
        "value",
        Type::text(VALUE_BYTES_MAX, check_value),
        "What it must be, exactly; missing: any.",
    )
    .optional(),
];

pub(super) fn path_fault(spec: &Spec) -> Option<Invalid> {
    let path = spec.text("path");
    match spec.text("path_match") {
        "pattern" => PathPattern::parse(path).err(),
        _ if path.contains(['{', '}']) => {
            let reason = "has braces, which are only for path_match pattern";
            Some(Invalid::new("path", reason))
        }
        _ => {
            let is_dots = |segment| matches!(segment, "." | "..");
            let reason = "must not have the segments . and ..";
            path.split('/')
                .any(is_dots)
                .then(|| Invalid::new("path", reason))
        }
    }
}

pub(super) fn header_faults(spec: &Spec) -> Vec<Invalid> {
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for (index, header) in spec.objects("headers").into_iter().enumerate() {
        if !seen.insert(header.text("name").to_ascii_lowercase()) {
            faults.push(Invalid::new(
                format!("headers/{index}/name"),
                "is there twice",
            ));
        }
    }
    faults
}

/// Methods, each once, in one order.
pub(super) fn methods(spec: &Spec) -> Vec<&'static str> {
    let given = spec.texts("methods");
    let is_taken = |method: &&&'static str| given.is_empty() || given.contains(*method);
    let mut methods: Vec<_> = METHODS.iter().filter(is_taken).copied().collect();
    if given.is_empty() {
        methods.push(OTHER);
    }
    methods
}

/// Host, path and headers.
pub(super) fn key(spec: &Spec) -> String {
    let path = spec.text("path");
    let path = match spec.text("path_match") {
        "pattern" => format!("pattern:{}", PathPattern::stored(path.to_owned()).key()),
        // A prefix is whole segments, so a slash at its end says nothing.
        "prefix" => format!("prefix:{}/", path.trim_end_matches('/')),
        exact => format!("{exact}:{path}"),
    };
    format!("{} {path}{}", spec.text("host"), headers_key(spec))
}

/// For people.
pub(super) fn text(spec: &Spec) -> String {
    let host = match spec.text("host") {
        "" => "any host",
        host => host,
    };
    let headers = match spec.objects("headers").len() {
        0 => "",
        _ => " with the same headers",
    };
    format!(
        "takes {} {} of {host}{headers}",
        spec.text("path_match"),
        spec.text("path")
    )
}

/// Names and values may be far longer than a key.
fn headers_key(spec: &Spec) -> String {
    let mut headers: Vec<_> = spec
        .objects("headers")
        .into_iter()
        .map(|header| {
            let name = header.text("name").to_ascii_lowercase();
            if header.has("value") {
                format!("{name}={}", header.text("value"))
            } else {
                name
            }
        })
        .collect();
    if headers.is_empty() {
        return String::new();
    }
    headers.sort_unstable();
    format!(" #{:032x}", fnv1a_128(headers.join("\n").as_bytes()))
}

/// FNV-1a with 128 bits: the same in every version and on every machine. Whoever makes two sets of
/// headers collide on purpose only gets their own route refused.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, step)
}

fn check_value(text: &str) -> Result<(), String> {
    if text.contains(['\n', '\t']) || text.trim() != text {
        Err("must be one line without spaces at its ends".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the algorithm's own list of vectors.
    #[test]
    fn the_hash_is_the_one_it_is_named_after() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
