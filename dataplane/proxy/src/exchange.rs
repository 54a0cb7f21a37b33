//! The spine: what happens to one request, from its head to its record, from top to bottom.
//!
//! Refuses to do any step itself. Invariant: whatever happens, exactly one answer is given (or the
//! connection is reset), and exactly one record is made.

use std::rc::Rc;
use std::time::Duration;

use dp_codec::{BodyLength, HeaderKind, Version};
use dp_policy::route::Lookup;

use crate::backend::Picked;
use crate::cid::Cid;
use crate::connection::{After, Connection};
use crate::core::Core;
use crate::endpoint::Endpoint;
use crate::live::Serving;
use crate::record::{CutBy, Line};
use crate::rescue::{self, Fault};
use crate::settings::ListenerKind;
use crate::{forward, options, service};

/// What an answer that was begun and never ended counts as.
const BROKEN: u16 = 502;

/// What is known of an exchange while it runs.
pub(crate) struct Exchange {
    pub(crate) started: Duration,
    pub(crate) cid: Cid,
    /// The generation that it started with, to its end.
    pub(crate) serving: Rc<Serving>,
    /// Index of its channel.
    pub(crate) channel: Option<usize>,
    /// Path parameters, `name NUL value NUL`.
    pub(crate) params: Vec<u8>,
    /// The connection may go on afterwards.
    pub(crate) keep_alive: bool,
    /// The request's body was read to its end.
    pub(crate) is_body_read: bool,
    pub(crate) status: u16,
    /// Who ended it before its answer had ended.
    pub(crate) cut: Option<CutBy>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// Bytes of the connection's input that belong to it.
    pub(crate) consumed: usize,
    /// Who answered, and the time from asking to its answer's head.
    pub(crate) upstream: Option<(Rc<Endpoint>, Duration)>,
    core: Rc<Core>,
    kind: ListenerKind,
}

/// Route, limit, place, run or balance, answer, record.
pub(crate) async fn run(connection: &mut Connection) -> After {
    let mut exchange = Exchange::begin(connection);
    let served = serve(connection, &mut exchange).await;
    let after = match served {
        Ok(after) => after,
        Err(fault) => rescue::answer(connection, &mut exchange, &fault),
    };
    exchange.record(connection);
    connection.input.consume(exchange.consumed);
    after
}

async fn serve(connection: &mut Connection, exchange: &mut Exchange) -> Result<After, Fault> {
    #[cfg(test)]
    crate::tests::panic_when_asked(connection);
    let serving = Rc::clone(&exchange.serving);
    if serving.is_proxy_only && connection.kind == ListenerKind::Balancer {
        return balance(connection, exchange).await;
    }
    let channel = match route(connection, exchange) {
        // Looked at here, where it costs other requests nothing: no path is `*`.
        Err(Fault::BadPath) if options::is_asked(connection) => {
            return options::answer(connection, exchange);
        }
        routed => routed?,
    };
    exchange.channel = Some(channel);
    limit(connection, exchange)?;
    match connection.kind {
        ListenerKind::Node => service::run(connection, exchange, channel).await,
        ListenerKind::Balancer => balance(connection, exchange).await,
    }
}

/// Which channel takes the request.
fn route(connection: &Connection, exchange: &mut Exchange) -> Result<usize, Fault> {
    let input = connection.input.rest();
    let head = &connection.head;
    let serving = Rc::clone(&exchange.serving);
    let routes = serving.routes().ok_or(Fault::NotFound)?;
    match routes.find(head.method_span.of(input), head.path.of(input)) {
        Lookup::Found { index, params } => {
            for (name, value) in params {
                for part in [name.as_bytes(), value.as_bytes()] {
                    exchange.params.extend_from_slice(part);
                    exchange.params.push(0);
                }
            }
            Ok(index)
        }
        Lookup::MethodNotAllowed { allow } => Err(Fault::MethodNotAllowed { allow }),
        // Before the first one nothing is known of what there is.
        Lookup::NotFound if serving.generation == 0 => Err(Fault::NotReady),
        Lookup::NotFound => Err(Fault::NotFound),
        Lookup::BadPath => Err(Fault::BadPath),
    }
}

/// A body that says that it is too large is not read at all.
fn limit(connection: &Connection, exchange: &Exchange) -> Result<(), Fault> {
    match connection.head.body {
        BodyLength::Sized(length) if length > exchange.body_bytes_max() => Err(Fault::BodyTooLarge),
        _ => Ok(()),
    }
}

/// Here when the turn is this node's own, which saves the hop; else there.
async fn balance(connection: &mut Connection, exchange: &mut Exchange) -> Result<After, Fault> {
    let serving = Rc::clone(&exchange.serving);
    match serving.backend.pick(&connection.core, &[]) {
        Some(Picked::Here) => match exchange.channel {
            Some(channel) => service::run(connection, exchange, channel).await,
            None => Err(Fault::NotFound),
        },
        Some(Picked::There(endpoint)) => forward::run(connection, exchange, endpoint).await,
        None => Err(Fault::NoEndpoint),
    }
}

// === impl Exchange ===

impl Exchange {
    fn begin(connection: &Connection) -> Self {
        let input = connection.input.rest();
        let given = connection.head.find(HeaderKind::RequestId);
        let cid = given.and_then(|field| Cid::accept(field.value.of(input)));
        Self::new(connection, cid)
    }

    /// For a head that nothing may be taken from.
    pub(crate) fn of_bad_head(connection: &Connection) -> Self {
        Self::new(connection, None)
    }

    fn new(connection: &Connection, cid: Option<Cid>) -> Self {
        let core = Rc::clone(&connection.core);
        let head = &connection.head;
        core.in_flight.set(core.in_flight.get() + 1);
        core.listener_stats(connection.kind).in_flight.increment();
        Self {
            started: core.clock.precise(),
            cid: cid.unwrap_or_else(|| core.cids.mint()),
            serving: core.live.now(),
            channel: None,
            params: Vec::new(),
            keep_alive: head.keep_alive,
            is_body_read: head.body.is_empty(),
            status: 0,
            cut: None,
            bytes_in: 0,
            bytes_out: 0,
            consumed: head.head_len,
            upstream: None,
            kind: connection.kind,
            core,
        }
    }

    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.channel()
            .map_or(u64::MAX, |channel| channel.body_bytes_max)
    }

    /// When the whole exchange must be over.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.channel().map(|channel| self.started + channel.timeout)
    }

    /// The body was given to nobody: it is there to be read again.
    pub(crate) fn take_back(&mut self, head_length: usize) {
        self.consumed = head_length;
        self.is_body_read = false;
        self.bytes_in = 0;
    }

    pub(crate) fn channel(&self) -> Option<&dp_config::Channel> {
        self.serving.channel(self.channel?)
    }

    /// After an answer: does the connection go on?
    pub(crate) fn after(&self) -> After {
        match (self.keep_alive, self.is_body_read) {
            (true, true) => After::KeepAlive,
            (false, true) => After::Close,
            (_, false) => After::Linger,
        }
    }

    /// The node that makes an answer records it by channel: what another node answered is counted
    /// there, and here by endpoint.
    pub(crate) fn record(&self, connection: &Connection) {
        let duration = self.core.clock.precise().saturating_sub(self.started);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let (bytes_in, bytes_out) = (self.bytes_in, self.bytes_out);
        // The head said 200, and then the answer broke: no success, whatever the client was told.
        let status = match self.cut {
            Some(CutBy::Upstream) => BROKEN,
            _ => self.status,
        };
        if let Some((endpoint, _)) = &self.upstream {
            endpoint.stats.record(status, us, bytes_in, bytes_out);
        }
        if self.upstream.is_none() || self.serving.is_proxy_only {
            let stats = self.channel.and_then(|channel| self.serving.stats(channel));
            stats
                .unwrap_or(&self.core.unrouted)
                .record(status, us, bytes_in, bytes_out);
        }
        if self.core.recorder.is_logging() {
            self.log(connection, duration);
        }
    }

    fn log(&self, connection: &Connection, duration: Duration) {
        let input = connection.input.rest();
        let head = &connection.head;
        let line = Line {
            method: head.method_span.of(input),
            path: head.path.of(input),
            is_http_10: head.version == Version::Http10,
            code: self.status,
            cut: self.cut,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration,
            upstream: self
                .upstream
                .as_ref()
                .map(|(at, took)| (at.name.as_bytes(), *took)),
            remote: connection.peer.address().as_bytes(),
            cid: self.cid.as_bytes(),
            channel: self.channel().map_or("", |channel| &channel.name),
            service: self.channel().map_or("", |channel| &channel.service),
        };
        self.core
            .recorder
            .log(&line, |out| self.core.clock.append_rfc3339(out));
    }
}

impl Drop for Exchange {
    /// Also after a panic and after a drain that ran out of time.
    fn drop(&mut self) {
        self.core
            .in_flight
            .set(self.core.in_flight.get().saturating_sub(1));
        self.core.listener_stats(self.kind).in_flight.decrement();
    }
}
