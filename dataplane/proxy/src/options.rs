//! `OPTIONS *`: what the server as a whole can do, asked of no path (RFC 9110 9.3.7).
//!
//! Refuses to be a channel: it is answered by whoever is asked, a node or its balancer, and counted as unrouted.
//! Invariant: methods that are understood here are those of the codec; a channel may take fewer.

use bytes::Bytes;
use dp_exec::Reply;

use crate::answer::{InvalidReply, write_reply};
use crate::connection::{After, Connection};
use crate::exchange::Exchange;
use crate::rescue::Fault;

/// Every method with a name of its own.
pub(crate) const METHODS: &[u8] = b"GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS";
const ALLOW: &[u8] = b"Allow: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS\r\n";

/// The codec accepts this target with OPTIONS only.
pub(crate) fn is_asked(connection: &Connection) -> bool {
    connection.head.target.of(connection.input.rest()) == b"*"
}

pub(crate) fn answer(connection: &mut Connection, exchange: &mut Exchange) -> Result<After, Fault> {
    // A body has no meaning here, and is read by nobody.
    exchange.keep_alive &= exchange.is_body_read;
    let reply = Reply {
        status: 204,
        headers: Bytes::from_static(ALLOW),
        ..Reply::default()
    };
    write_reply(connection, exchange, &reply, b"").map_err(|InvalidReply| Fault::InvalidReply)?;
    Ok(exchange.after())
}

#[cfg(test)]
mod tests {
    use dp_codec::Method;

    use super::*;

    #[test]
    fn the_methods_are_those_that_the_codec_knows() {
        let names = Method::KNOWN.map(Method::as_str).join(", ");
        assert_eq!(names.as_bytes(), METHODS);
        assert_eq!(ALLOW, format!("Allow: {names}\r\n").as_bytes());
    }
}
