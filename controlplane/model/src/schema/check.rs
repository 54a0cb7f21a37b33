//! What texts of the network must look like: hosts, addresses, URLs, header names, dates.
//!
//! Pure; each says "must …" to people. Invariant: what is taken here needs no further look before a
//! node connects to it, writes it into a head or compares it.

use std::net::{IpAddr, SocketAddr};

use time::{Date, Month};

use crate::name::shown;

/// Of DNS.
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A host name or an IP address.
pub fn host(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
        Ok(())
    } else {
        Err(format!(
            "must be a host name or IP address, got {}",
            shown(text)
        ))
    }
}

/// A host as requests name it, in lower case; `*.example.com` is any host one level below; empty is
/// any.
pub fn host_pattern(text: &str) -> Result<(), String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if text.is_empty() || (is_lower && host(name).is_ok() && (name == text || is_host_name(name))) {
        Ok(())
    } else {
        Err(format!(
            "must be a host in lower case, or *. and one, got {}",
            shown(text)
        ))
    }
}

/// `host:port`; an IPv6 address stands in brackets.
pub fn host_port(text: &str) -> Result<(), String> {
    let refuse = || Err(format!("must be host:port, got {}", shown(text)));
    let Some((name, port)) = text.rsplit_once(':') else {
        return refuse();
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.contains(':') && host(name).is_ok(),
    };
    if is_host && is_port(port) {
        Ok(())
    } else {
        refuse()
    }
}

/// Where to listen: `ip:port`.
pub fn socket_address(text: &str) -> Result<(), String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() > 0 => Ok(()),
        _ => Err(format!("must be ip:port, got {}", shown(text))),
    }
}

/// `10.0.0.0/8`, or one address.
pub fn network(text: &str) -> Result<(), String> {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let refuse = || {
        Err(format!(
            "must be a network such as 10.0.0.0/8, got {}",
            shown(text)
        ))
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return refuse();
    };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let length = match length {
        "" if text.contains('/') => return refuse(),
        "" => width,
        length => match length.parse::<u32>() {
            Ok(parsed) if parsed <= width && parsed.to_string() == length => parsed,
            _ => return refuse(),
        },
    };
    let rest = bits.checked_shl(length).unwrap_or(0);
    if rest == 0 {
        Ok(())
    } else {
        Err(format!(
            "must have no bits behind its length, got {}",
            shown(text)
        ))
    }
}

/// `http://host[:port]` or `https://…`, nothing behind it.
pub fn http_origin(text: &str) -> Result<(), String> {
    match split_url(text) {
        Some((authority, "")) if is_authority(authority) => Ok(()),
        _ => Err(format!(
            "must be http(s)://host[:port] without a path, got {}",
            shown(text)
        )),
    }
}

/// `http(s)://host[:port]/path`, without user, password and fragment.
pub fn http_url(text: &str) -> Result<(), String> {
    let refuse = || Err(format!("must be an http(s) URL, got {}", shown(text)));
    let Some((authority, rest)) = split_url(text) else {
        return refuse();
    };
    let is_good = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if is_authority(authority) && rest.bytes().all(is_good) {
        Ok(())
    } else {
        refuse()
    }
}

/// Begins with a slash; no query.
pub fn path(text: &str) -> Result<(), String> {
    let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if text.starts_with('/') && text.bytes().all(is_good) {
        Ok(())
    } else {
        Err(format!("must be a path such as /a/b, got {}", shown(text)))
    }
}

/// The name of a header, cookie or form field: a token of RFC 9110.
pub fn token(text: &str) -> Result<(), String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_good) {
        Ok(())
    } else {
        Err(format!(
            "must be a name of letters, digits and -_., got {}",
            shown(text)
        ))
    }
}

/// `2026-12-24`, a day that is in the calendar.
pub fn date(text: &str) -> Result<(), String> {
    match parse_date(text) {
        Some(_) => Ok(()),
        None => Err(format!(
            "must be a date such as 2026-12-24, got {}",
            shown(text)
        )),
    }
}

/// One or more certificates in PEM.
pub fn certificates(text: &str) -> Result<(), String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut blocks = text.split(BEGIN);
    let is_blank = |text: &str| text.trim().is_empty();
    let before = blocks.next().unwrap_or_default();
    let mut count = 0;
    let all_good = blocks.all(|block| {
        count += 1;
        let Some((body, after)) = block.split_once(END) else {
            return false;
        };
        !is_blank(body) && body.bytes().all(is_base64) && is_blank(after)
    });
    if is_blank(before) && all_good && count > 0 {
        Ok(())
    } else {
        Err("must be certificates in PEM, -----BEGIN CERTIFICATE----- and so on".to_owned())
    }
}

/// What stands at a place and is no empty text.
pub fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("must not be empty".to_owned())
    } else {
        Ok(())
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n')
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| -> Option<u16> {
        let part = parts.next()?;
        let is_plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { part.parse().ok() } else { None }
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

/// Authority, and what follows it.
fn split_url(text: &str) -> Option<(&str, &str)> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

fn is_authority(text: &str) -> bool {
    host(text).is_ok() && !text.contains(':') || host_port(text).is_ok() || is_bracketed(text)
}

fn is_bracketed(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// A name whose last label is all digits would be read as an address by some and not by others.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && label.bytes().all(is_good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= HOST_BYTES_MAX
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_port(text: &str) -> bool {
    let is_canonical = |port: u16| port > 0 && port.to_string() == text;
    text.parse::<u16>().is_ok_and(is_canonical)
}

#[cfg(test)]
mod tests;
