//! The request as an upstream gets it: rebuilt from what was parsed, never copied as bytes.
//!
//! Owns which fields go on. Refuses everything that ends at this hop, and every field by which a client could
//! speak for us. Invariant: what goes upstream has one framing, one Host and one correlation id.

use dp_codec::field::{write_content_length, write_field, write_request_line};
use dp_codec::{BodyLength, HeaderKind, RequestHead};

use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::pump::Outgoing;

/// `ip:port` of the client, between members.
pub(crate) const REMOTE: &[u8] = b"x-bascule-remote";

/// Appends the head. A client of HTTP/1.0 may name no host; then `endpoint` is it, for an HTTP/1.1
/// request without one would be refused.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    connection: &Connection,
    exchange: &Exchange,
    endpoint: &str,
) {
    let input = connection.input.rest();
    let head = &connection.head;
    write_line(out, head, input);
    let host = head.host.of(input);
    if host.is_empty() {
        write_field(out, b"host", endpoint.as_bytes());
    } else {
        write_field(out, b"host", host);
    }
    for header in &head.headers {
        let is_ours = matches!(
            header.kind,
            HeaderKind::Host | HeaderKind::Forwarded | HeaderKind::Internal | HeaderKind::RequestId
        );
        if !is_ours && !header.kind.ends_here() {
            write_field(out, header.name.of(input), header.value.of(input));
        }
    }
    write_field(out, b"x-request-id", exchange.cid.as_bytes());
    write_field(out, b"x-forwarded-for", connection.peer.ip());
    if exchange.channel.is_some() {
        // For a member, whose service is told whose request it is; no other peer is believed in this.
        write_field(out, REMOTE, connection.peer.address().as_bytes());
    }
    out.extend_from_slice(b"x-forwarded-proto: http\r\n");
    if !host.is_empty() {
        write_field(out, b"x-forwarded-host", host);
    }
    match head.body {
        BodyLength::Sized(length) => write_content_length(out, length),
        BodyLength::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        BodyLength::None | BodyLength::UntilClose => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// How the body goes on.
pub(super) fn framing_of(length: BodyLength) -> Outgoing {
    match length {
        BodyLength::Chunked => Outgoing::Chunked,
        _ => Outgoing::Plain,
    }
}

/// The target in origin form: the same bytes that were matched.
fn write_line(out: &mut Vec<u8>, head: &RequestHead, input: &[u8]) {
    let target = head.target.of(input);
    let method = head.method_span.of(input);
    if target
        .first()
        .is_some_and(|first| matches!(first, b'/' | b'*'))
    {
        write_request_line(out, method, target);
        return;
    }
    let path = head.path.of(input);
    let query = head.query.of(input);
    let mut origin = Vec::with_capacity(path.len() + query.len() + 1);
    origin.extend_from_slice(path);
    if !query.is_empty() {
        origin.push(b'?');
        origin.extend_from_slice(query);
    }
    write_request_line(out, method, &origin);
}
