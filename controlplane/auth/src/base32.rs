//! Lower-case Crockford base 32, for what people copy and type.
//!
//! Owns the alphabet: no letter that looks like another. Invariant: encoding whole bytes and
//! decoding gives them back, and a text has one spelling only (`typed` makes it out of others).

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

const SYMBOLS: &str = "0123456789abcdefghjkmnpqrstvwxyz";

pub(crate) static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(SYMBOLS);
    // The symbols are constants, and a test encodes with them.
    specification
        .encoding()
        .unwrap_or(data_encoding::BASE32HEX_NOPAD)
});

/// What a person typed, as it was meant: without spaces and dashes, O for 0, I and L for 1.
pub(crate) fn typed(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, ' ' | '-'));
    let meant = kept.map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    });
    meant.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crockfords() {
        assert_eq!(BASE32.encode(&[0xff, 0, 0, 0, 0xff]), "zw00007z");
        assert_eq!(typed("ZW0O-o07Z l"), "zw00007z1");
    }
}
