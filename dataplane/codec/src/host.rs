//! The grammar of an authority: `host[:port]` without user information. Owns nothing but the check; stricter than the
//! RFC where no real client differs: no percent-escapes, no sub-delimiters, no empty port.

/// Whether `text` is a host name, an IPv4 address or a bracketed IPv6 address, with an optional port.
pub(crate) fn is_authority(text: &[u8]) -> bool {
    let (host_ok, rest) = if let Some(inside) = text.strip_prefix(b"[") {
        let Some(end) = inside.iter().position(|&byte| byte == b']') else {
            return false;
        };
        let (address, rest) = inside.split_at(end);
        (is_ipv6(address), rest.get(1..).unwrap_or_default())
    } else {
        let end = text
            .iter()
            .position(|&byte| !is_name_byte(byte))
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        (!name.is_empty(), rest)
    };
    host_ok && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_port(digits: &[u8]) -> bool {
    (1..=5).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && digits
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
            <= 65_535
}
