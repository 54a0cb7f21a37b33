//! What a name may look like.
//!
//! Invariant: a name that passed fits a header value, a log field and a metric label unescaped.

/// Longest name of a channel or node.
const NAME_BYTES_MAX: usize = 63;
/// Longest name of a service: Python packages nest, so these are longer than our own names.
const SERVICE_NAME_BYTES_MAX: usize = 255;

/// `[a-z0-9][a-z0-9._-]{0,62}`: channels and nodes.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let letter_or_digit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = name.bytes().next().is_some_and(letter_or_digit);
    let rest = name
        .bytes()
        .all(|b| letter_or_digit(b) || b"._-".contains(&b));
    if first && rest && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err("must be 1 to 63 of a-z, 0-9, '.', '_', '-' and start with a letter or digit".to_owned())
}

/// Services are named by users' code, in whatever case and language.
pub(crate) fn check_service(name: &str) -> Result<(), String> {
    let plain = !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain && !name.is_empty() && name.len() <= SERVICE_NAME_BYTES_MAX {
        return Ok(());
    }
    Err("must be 1 to 255 bytes without spaces or control characters".to_owned())
}
