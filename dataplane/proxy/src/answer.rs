//! The heads of answers, and whole answers of our own and of services.
//!
//! Owns which fields every answer has. Refuses to pass on what a service or an upstream may not say for us.
//! Invariant: every answer has the correlation id, and the framing is written here only.

use dp_codec::field::{self, write_content_length, write_field, write_status_line};
use dp_codec::{HeaderKind, Method, RequestHead, ResponseHead, Version};
use dp_exec::Reply;

use crate::connection::Connection;
use crate::core::Core;
use crate::exchange::Exchange;
use crate::pump::Outgoing;

/// How the body of an answer is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// No body and no length: 204, 304, answers to HEAD whose length is not known.
    Nothing,
    Length(u64),
    Chunked,
    /// The connection's end is the body's (HTTP/1.0 clients).
    Close,
}

/// What the head of an answer depends on, and where it goes. Apart from the connection: its stream is in
/// use while a body still comes in.
pub(crate) struct Answering<'a> {
    pub(crate) core: &'a Core,
    /// The request's.
    pub(crate) head: &'a RequestHead,
    pub(crate) out: &'a mut Vec<u8>,
}

/// A service's answer broke the rules of fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InvalidReply;

/// Writes a service's answer.
pub(crate) fn write_reply(
    connection: &mut Connection,
    exchange: &mut Exchange,
    reply: &Reply,
    default_type: &[u8],
) -> Result<(), InvalidReply> {
    if !(200..=599).contains(&reply.status) {
        return Err(InvalidReply);
    }
    let before = connection.out.len();
    let out = &mut connection.out;
    write_status_line(out, reply.status);
    let Ok(met) = field::copy_field_block(out, &reply.headers) else {
        out.truncate(before);
        return Err(InvalidReply);
    };
    let content_type: &[u8] = if reply.content_type.is_empty() {
        default_type
    } else {
        &reply.content_type
    };
    if !field::is_field_value(content_type) {
        out.truncate(before);
        return Err(InvalidReply);
    }
    let has_body = !matches!(reply.status, 204 | 304);
    if has_body && !met.has_content_type && !(content_type.is_empty() || reply.body.is_empty()) {
        write_field(out, b"content-type", content_type);
    }
    if !met.has_date {
        write_date(&mut connection.answering());
    }
    let length = reply.body.len() as u64;
    let announced = if has_body {
        Announced::Length(length)
    } else {
        Announced::Nothing
    };
    finish_head(&mut connection.answering(), exchange, announced);
    exchange.status = reply.status;
    if has_body && connection.head.method != Method::Head {
        connection.out.extend_from_slice(&reply.body);
        exchange.bytes_out += length;
    }
    Ok(())
}

/// Writes an answer of our own.
pub(crate) fn write_own(
    connection: &mut Connection,
    exchange: &mut Exchange,
    status: u16,
    fields: &[(&[u8], &[u8])],
    body: &[u8],
) {
    let out = &mut connection.out;
    write_status_line(out, status);
    for (name, value) in fields {
        write_field(out, name, value);
    }
    out.extend_from_slice(b"content-type: application/json\r\n");
    let mut answering = connection.answering();
    write_date(&mut answering);
    finish_head(
        &mut answering,
        exchange,
        Announced::Length(body.len() as u64),
    );
    exchange.status = status;
    if connection.head.method != Method::Head {
        connection.out.extend_from_slice(body);
        exchange.bytes_out += body.len() as u64;
    }
}

/// Writes the head of an upstream's answer into the connection's output.
pub(crate) fn write_relayed_head(
    answering: &mut Answering<'_>,
    exchange: &mut Exchange,
    (head, raw): (&ResponseHead, &[u8]),
    announced: Announced,
) {
    let out = &mut *answering.out;
    write_status_line(out, head.status);
    for header in &head.headers {
        let is_ours = matches!(header.kind, HeaderKind::RequestId | HeaderKind::Internal);
        if !is_ours && !header.kind.ends_here() {
            write_field(out, header.name.of(raw), header.value.of(raw));
        }
    }
    if head.find(HeaderKind::Date).is_none() {
        write_date(answering);
    }
    finish_head(answering, exchange, announced);
    exchange.status = head.status;
}

/// How a body of this announcement is written.
pub(crate) fn framing_of(announced: Announced) -> Outgoing {
    match announced {
        Announced::Chunked => Outgoing::Chunked,
        Announced::Nothing | Announced::Length(_) | Announced::Close => Outgoing::Plain,
    }
}

fn write_date(answering: &mut Answering<'_>) {
    answering.out.extend_from_slice(b"date: ");
    answering.core.clock.append_http_date(answering.out);
    answering.out.extend_from_slice(b"\r\n");
}

/// Framing, correlation id, connection; and the end of the head.
fn finish_head(answering: &mut Answering<'_>, exchange: &mut Exchange, announced: Announced) {
    if answering.core.is_draining.get() || announced == Announced::Close {
        exchange.keep_alive = false;
    }
    let out = &mut *answering.out;
    match announced {
        Announced::Length(length) => write_content_length(out, length),
        Announced::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Announced::Nothing | Announced::Close => {}
    }
    write_field(out, b"x-request-id", exchange.cid.as_bytes());
    if answering.core.is_draining.get() {
        out.extend_from_slice(b"x-bascule-state: draining\r\n");
    }
    if !exchange.keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    } else if answering.head.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The JSON body of an error.
pub(crate) fn error_body(cid: &[u8], details: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + details.len());
    body.extend_from_slice(br#"{"result":"Error","cid":""#);
    body.extend_from_slice(cid);
    body.extend_from_slice(br#"","details":""#);
    for byte in details.bytes() {
        match byte {
            b'"' | b'\\' => body.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => body.push(b' '),
            _ => body.push(byte),
        }
    }
    body.extend_from_slice(b"\"}");
    body
}
