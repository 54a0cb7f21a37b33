//! An exchange that another process answers: asked, asked again elsewhere when that is safe, relayed.
//!
//! Owns the order of attempts and of the two directions. Refuses to guess: a request that may have had an
//! effect is not sent twice, and what was begun towards the client is never begun again. Invariant: an
//! upstream connection goes back to its pool only when both messages ended exactly where they said.

mod ask;
mod relay;
mod request;
mod streamed;

use std::rc::Rc;
use std::time::Duration;

use dp_codec::BodyLength;
use dp_net::Stream;
use dp_policy::health::Outcome;
use dp_policy::retry::{Attempt, Decision, Failure};
use smallvec::SmallVec;

use crate::backend::{Budgeted, Picked};
use crate::connection::{After, Connection};
use crate::core::Core;
use crate::endpoint::Endpoint;
use crate::exchange::Exchange;
use crate::rescue::Fault;
use crate::service;

use ask::{Broken, Connected};
pub(crate) use request::REMOTE;

/// Endpoints that this exchange has been to.
type Tried = SmallVec<[usize; 8]>;

/// One exchange's way through the endpoints.
struct Journey {
    core: Rc<Core>,
    endpoint: Rc<Endpoint>,
    tried: Tried,
    retries: u32,
    budgeted: Budgeted,
    /// The endpoint closed a pooled connection under us; the next attempt there takes a new one.
    must_connect: bool,
    idempotent: bool,
    /// When the answer's first byte must have come.
    patience: Duration,
    /// The endpoint runs our channels; else it is a fixed one of which nothing is known.
    is_member: bool,
}

/// What follows a failed attempt.
enum Next {
    /// Ask the journey's endpoint.
    Again,
    /// This node's own turn came.
    Here,
    Fault(Fault),
}

pub(crate) async fn run(
    connection: &mut Connection,
    exchange: &mut Exchange,
    endpoint: Rc<Endpoint>,
) -> Result<After, Fault> {
    if !connection.flush().await {
        return Err(Fault::ClientGone);
    }
    connection.stream.slot().disarm();
    let journey = Journey::begin(connection, exchange, endpoint);
    let head_length = connection.head.head_len;
    let at_hand = connection.input.rest().len().saturating_sub(head_length) as u64;
    match connection.head.body {
        BodyLength::None | BodyLength::UntilClose => {
            buffered(connection, exchange, journey, 0).await
        }
        BodyLength::Sized(length) if length <= at_hand => {
            let length = usize::try_from(length).unwrap_or(0);
            buffered(connection, exchange, journey, length).await
        }
        // Apart, so that the many small exchanges do not carry its state.
        _ => Box::pin(streamed::run(connection, exchange, journey)).await,
    }
}

/// The whole request is at hand: one write, and it can be sent again.
async fn buffered(
    connection: &mut Connection,
    exchange: &mut Exchange,
    mut journey: Journey,
    length: usize,
) -> Result<After, Fault> {
    let core = Rc::clone(&connection.core);
    let mut message = core.buffers.take();
    request::write_head(&mut message, connection, exchange, &journey.endpoint.name);
    let head_length = connection.head.head_len;
    let body = connection
        .input
        .rest()
        .get(head_length..head_length + length);
    message.extend_from_slice(body.unwrap_or_default());
    exchange.consumed = head_length + length;
    exchange.bytes_in = length as u64;
    exchange.is_body_read = true;
    let is_head = connection.head.method == dp_codec::Method::Head;
    let answer = loop {
        let asked = Rc::clone(&journey.endpoint);
        let (result, back) = match journey.connect().await {
            Ok(mut connected) => {
                let (sent, back) = connected.send(message, &journey).await;
                match sent {
                    Ok(()) => (ask::read_answer(&core, connected, is_head).await, back),
                    Err(broken) => (Err(broken), back),
                }
            }
            Err(broken) => (Err(broken), message),
        };
        message = back;
        match result {
            Ok(answer) => break answer,
            Err(broken) => match journey.failed(&asked, &broken).await {
                Next::Again => {}
                Next::Here => {
                    exchange.take_back(head_length);
                    return here(connection, exchange).await;
                }
                Next::Fault(fault) => {
                    exchange.upstream = Some((asked, Duration::ZERO));
                    return Err(fault);
                }
            },
        }
    };
    core.buffers.give_back(message);
    note(exchange, &journey, answer.took);
    relay::run(connection, exchange, answer, &journey).await
}

/// The others failed; this node answers itself.
async fn here(connection: &mut Connection, exchange: &mut Exchange) -> Result<After, Fault> {
    match exchange.channel {
        Some(channel) => service::run(connection, exchange, channel).await,
        None => Err(Fault::NoEndpoint),
    }
}

/// Who answered, and how long its head took.
fn note(exchange: &mut Exchange, journey: &Journey, took: Duration) {
    exchange.upstream = Some((Rc::clone(&journey.endpoint), took));
}

// === impl Journey ===

impl Journey {
    fn begin(connection: &Connection, exchange: &Exchange, endpoint: Rc<Endpoint>) -> Self {
        let core = Rc::clone(&connection.core);
        let times = &core.timeouts;
        let patience = exchange.channel().map_or(times.first_byte, |channel| {
            channel.timeout + times.member_grace
        });
        Self {
            endpoint,
            tried: Tried::new(),
            retries: 0,
            budgeted: Budgeted::begin(&exchange.serving.backend),
            must_connect: false,
            idempotent: connection.head.method.is_idempotent(),
            patience,
            is_member: exchange.channel.is_some(),
            core,
        }
    }

    async fn connect(&mut self) -> Result<Connected, Broken> {
        ask::connect(
            &self.core,
            &self.endpoint,
            self.idempotent,
            self.must_connect,
        )
        .await
    }

    /// Connect failures move on to the next endpoint; nothing of the request has left yet.
    /// `None`: it is this node's turn.
    async fn connect_for_stream(&mut self) -> Result<Option<Connected>, Fault> {
        // A body that is gone cannot be sent again: only a connection that was looked at is good enough.
        self.idempotent = false;
        loop {
            match self.connect().await {
                Ok(connected) => return Ok(Some(connected)),
                Err(broken) => {
                    let asked = Rc::clone(&self.endpoint);
                    match self.failed(&asked, &broken).await {
                        Next::Again => {}
                        Next::Here => return Ok(None),
                        Next::Fault(fault) => return Err(fault),
                    }
                }
            }
        }
    }

    /// What to do after a failed attempt.
    async fn failed(&mut self, asked: &Rc<Endpoint>, broken: &Broken) -> Next {
        if broken.is_stale && !self.must_connect && self.idempotent {
            // The endpoint closed a connection that idled. That is no failure of the endpoint; its other
            // idle connections are as old.
            asked.pool.clear();
            self.must_connect = true;
            self.core.stats.upstream_retries.increment();
            return Next::Again;
        }
        if broken.is_ours() {
            return Next::Fault(broken.to_fault());
        }
        self.note_broken(asked, broken);
        self.tried.push(asked.index);
        let attempt = Attempt {
            failure: broken.failure,
            idempotent: self.idempotent,
            replayable: true,
            endpoints_left: 0,
            resends: self.budgeted.resends(),
            retries: self.retries,
        };
        let backend = Rc::clone(self.budgeted.backend());
        match backend.decide(&self.core, attempt, &self.tried) {
            Decision::GiveUp(reason) => {
                if reason == dp_policy::retry::Reason::Budget {
                    self.core.stats.upstream_retries_refused.increment();
                }
                Next::Fault(broken.to_fault())
            }
            Decision::Retry { after } => {
                if matches!(broken.failure, Failure::Reset | Failure::GivenUp) {
                    self.budgeted.resent();
                }
                self.retries += 1;
                self.must_connect = false;
                self.core.stats.upstream_retries.increment();
                if after > Duration::ZERO {
                    dp_net::sleep(after).await;
                }
                match backend.pick(&self.core, &self.tried) {
                    Some(Picked::There(endpoint)) => {
                        self.endpoint = endpoint;
                        Next::Again
                    }
                    Some(Picked::Here) => Next::Here,
                    None => Next::Fault(broken.to_fault()),
                }
            }
        }
    }

    /// A member that is late took all the time that the channel gives its service, which says nothing of the
    /// node; one that hangs is found by its health checks.
    fn note_broken(&self, endpoint: &Endpoint, broken: &Broken) {
        if !(self.is_member && broken.failure == Failure::Timeout) {
            self.note_outcome(endpoint, Outcome::Broken);
        }
    }

    fn note_outcome(&self, endpoint: &Endpoint, outcome: Outcome) {
        self.budgeted
            .backend()
            .exchanged(&self.core, endpoint, outcome);
    }
}

/// Puts a connection back, or lets it go.
fn settle(core: &Core, endpoint: &Endpoint, stream: Stream, is_reusable: bool) {
    if is_reusable {
        endpoint.pool.put(stream, core.clock.now());
    }
}
