//! An upstream's answer on its way to the client.
//!
//! Refuses to pass on what the client could take for whole when it is not: an answer that breaks off resets
//! the client's connection. Invariant: an upstream that said more than one answer is not used again.

use std::pin::{Pin, pin};
use std::rc::Rc;

use dp_codec::{BodyLength, HeaderKind, Version};
use dp_net::{ReadHalf, Slot, WriteHalf};
use dp_policy::health::Outcome;
use futures_util::future::{Either, select};

use super::ask::{Answer, Read};
use super::{Journey, settle};
use crate::answer::{Announced, Answering, framing_of, write_relayed_head};
use crate::body::Body;
use crate::connection::{After, Connection};
use crate::exchange::Exchange;
use crate::pump::{Pace, PumpFault, Sink, Source, pump};
use crate::rescue::Fault;

/// The request was sent whole: nothing is left but the answer.
pub(super) async fn run(
    connection: &mut Connection,
    exchange: &mut Exchange,
    answer: Answer,
    journey: &Journey,
) -> Result<After, Fault> {
    let core = Rc::clone(&connection.core);
    let Answer {
        mut stream, read, ..
    } = answer;
    let announced = begin(&mut connection.answering(), exchange, &read, journey);
    let Read { head, raw } = read;
    let mut body = Body::new(raw, head.head_len, head.body, u64::MAX);
    let pace = answer_pace(journey, exchange);
    let (slot, reader, _) = stream.parts();
    let (client_slot, _, client_writer) = connection.stream.parts();
    let mut sink = Sink {
        writer: client_writer,
        slot: client_slot,
        out: &mut connection.out,
        framing: framing_of(announced),
        idle: core.timeouts.write_idle,
        bytes: 0,
    };
    let relayed = pump(
        &mut body,
        Source { reader, slot, pace },
        &mut sink,
        &core.clock,
    )
    .await;
    exchange.bytes_out += sink.bytes;
    relayed.map_err(|fault| broken(&fault))?;
    let is_reusable =
        head.keep_alive && head.body != BodyLength::UntilClose && body.rest().is_empty();
    settle(&core, &journey.endpoint, stream, is_reusable);
    core.heads.give_back(head);
    core.buffers.give_back(body.into_buffer());
    Ok(exchange.after())
}

/// The client's end of an exchange whose body still comes in.
pub(super) struct Client<'a> {
    pub(super) answering: Answering<'a>,
    pub(super) slot: &'a Slot,
    pub(super) writer: &'a mut WriteHalf,
}

/// An answer that came before the request was sent whole.
pub(super) struct Early<'a> {
    pub(super) read: Read,
    pub(super) slot: &'a Slot,
    pub(super) reader: &'a mut ReadHalf,
}

/// Relays an early answer while `sending` goes on, for as long as the answer takes; afterwards both
/// connections are spent. `sending` is the very upload that was under way when the answer came: it owns
/// bytes that were read and not written yet, so another one could only go on with a hole in the body.
/// However it ends, the answer goes on: a client that has read enough of it may well stop sending.
/// `None`: the upstream takes no more of it.
pub(super) async fn run_early<U>(
    client: Client<'_>,
    exchange: &mut Exchange,
    early: Early<'_>,
    journey: &Journey,
    sending: Option<Pin<&mut U>>,
) -> Result<(), Fault>
where
    U: Future<Output = Result<(), PumpFault>>,
{
    let core = &journey.core;
    exchange.keep_alive = false;
    let Client {
        mut answering,
        slot: client_slot,
        writer,
    } = client;
    let Early { read, slot, reader } = early;
    let announced = begin(&mut answering, exchange, &read, journey);
    let Read { head, raw } = read;
    let mut body = Body::new(raw, head.head_len, head.body, u64::MAX);
    let pace = answer_pace(journey, exchange);
    let mut sink = Sink {
        writer,
        slot: client_slot,
        out: answering.out,
        framing: framing_of(announced),
        idle: core.timeouts.write_idle,
        bytes: 0,
    };
    let relayed = {
        let source = Source { reader, slot, pace };
        let mut relayed = pin!(pump(&mut body, source, &mut sink, &core.clock));
        match sending {
            None => relayed.await,
            Some(sending) => match select(sending, relayed.as_mut()).await {
                Either::Left((_, relayed)) => relayed.await,
                Either::Right((relayed, _)) => relayed,
            },
        }
    };
    exchange.bytes_out += sink.bytes;
    relayed.map_err(|fault| broken(&fault))?;
    core.heads.give_back(head);
    Ok(())
}

/// Judges the endpoint by its answer and writes the answer's head.
fn begin(
    answering: &mut Answering<'_>,
    exchange: &mut Exchange,
    read: &Read,
    journey: &Journey,
) -> Announced {
    let head = &read.head;
    let outcome = match head.status {
        // Of a member it is the answer of one service, whose fault is no reason to take the node away from
        // the others; whether a member can serve at all is what its health checks ask.
        502..=504 if exchange.serving.is_proxy_only => Outcome::GatewayError,
        _ => Outcome::Answered,
    };
    journey.note_outcome(&journey.endpoint, outcome);
    if !exchange.serving.is_proxy_only && says_draining(read) {
        let backend = journey.budgeted.backend();
        backend.drain(&journey.core, &journey.endpoint);
    }
    let announced = announce(read, answering.head.version);
    write_relayed_head(answering, exchange, (head, &read.raw), announced);
    announced
}

/// A member says so of itself. A fixed backend that says so (or repeats what a client sent) is not a node.
fn says_draining(read: &Read) -> bool {
    let state = read
        .head
        .headers
        .iter()
        .find(|field| field.kind == HeaderKind::Internal);
    state.is_some_and(|field| field.value.of(&read.raw) == b"draining")
}

fn announce(read: &Read, client: Version) -> Announced {
    let head = &read.head;
    match head.body {
        BodyLength::Sized(length) => Announced::Length(length),
        BodyLength::Chunked | BodyLength::UntilClose if client == Version::Http11 => {
            Announced::Chunked
        }
        BodyLength::Chunked | BodyLength::UntilClose => Announced::Close,
        // An answer to HEAD says how long the body would be.
        BodyLength::None if head.status != 204 => head
            .find(HeaderKind::ContentLength)
            .and_then(|field| {
                std::str::from_utf8(field.value.of(&read.raw))
                    .ok()?
                    .parse()
                    .ok()
            })
            .map_or(Announced::Nothing, Announced::Length),
        BodyLength::None => Announced::Nothing,
    }
}

fn answer_pace(journey: &Journey, exchange: &Exchange) -> Pace {
    let times = &journey.core.timeouts;
    Pace {
        idle: times.upstream_idle,
        grace: None,
        started: exchange.started,
        // The member's own 504 comes after the deadline, body and all.
        deadline: exchange
            .deadline()
            .map(|deadline| deadline + times.member_grace),
    }
}

fn broken(fault: &PumpFault) -> Fault {
    match fault {
        PumpFault::Source(_) => Fault::AnswerBroken,
        PumpFault::Sink => Fault::ClientGone,
    }
}
