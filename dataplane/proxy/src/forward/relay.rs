//! An upstream's answer on its way to the client.
//!
//! Refuses to pass on what the client could take for whole when it is not: an answer that breaks off resets
//! the client's connection. Invariant: an upstream that said more than one answer is not used again.

use std::pin::pin;

use dp_codec::{BodyLength, HeaderKind, Version};
use dp_policy::health::Outcome;
use futures_util::future::{Either, select};

use super::ask::Answer;
use super::{Journey, Upload, settle, upload};
use crate::answer::{Announced, framing_of, write_relayed_head};
use crate::body::Body;
use crate::connection::{After, Connection};
use crate::exchange::Exchange;
use crate::pump::{Outgoing, Pace, PumpFault, Sink, Source, pump};
use crate::rescue::Fault;
use crate::service::pace as client_pace;

/// The request was sent whole: nothing is left but the answer.
pub(super) async fn run(
    connection: &mut Connection,
    exchange: &mut Exchange,
    answer: Answer,
    journey: &Journey,
) -> Result<After, Fault> {
    let core = std::rc::Rc::clone(&connection.core);
    let announced = begin(connection, exchange, &answer, journey);
    let Answer {
        mut stream,
        head,
        raw,
        ..
    } = answer;
    let mut body = Body::new(raw, head.head_len, head.body, u64::MAX);
    let pace = answer_pace(connection, exchange);
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

/// The answer came before the request was sent whole: both go on at the same time, for as long as the answer
/// takes. Then the client's rest is read away and both connections end.
pub(super) async fn run_early(
    connection: &mut Connection,
    exchange: &mut Exchange,
    answer: Answer,
    (journey, mut sending, framing): (&Journey, Body, Outgoing),
) -> Result<After, Fault> {
    let core = std::rc::Rc::clone(&connection.core);
    exchange.keep_alive = false;
    let announced = begin(connection, exchange, &answer, journey);
    let Answer {
        mut stream,
        head,
        raw,
        ..
    } = answer;
    let mut body = Body::new(raw, head.head_len, head.body, u64::MAX);
    let pace = answer_pace(connection, exchange);
    let sending_pace = client_pace(connection, exchange);
    let (slot, reader, writer) = stream.parts();
    let (client_slot, client_reader, client_writer) = connection.stream.parts();
    let mut sink = Sink {
        writer: client_writer,
        slot: client_slot,
        out: &mut connection.out,
        framing: framing_of(announced),
        idle: core.timeouts.write_idle,
        bytes: 0,
    };
    let mut message = core.buffers.take();
    let to = Upload {
        writer,
        slot,
        out: &mut message,
        framing,
        patience: pace.idle,
    };
    let from = Source {
        reader: client_reader,
        slot: client_slot,
        pace: sending_pace,
    };
    let relayed = {
        let mut sent = pin!(upload(&core, &mut sending, from, to));
        let mut relayed = pin!(pump(
            &mut body,
            Source { reader, slot, pace },
            &mut sink,
            &core.clock
        ));
        match select(sent.as_mut(), relayed.as_mut()).await {
            Either::Left((Err(PumpFault::Source(fault)), _)) => Err(PumpFault::Source(fault)),
            Either::Left((_, relayed)) => relayed.await,
            Either::Right((relayed, _)) => relayed,
        }
    };
    exchange.bytes_out += sink.bytes;
    exchange.bytes_in = sending.received();
    relayed.map_err(|fault| broken(&fault))?;
    core.heads.give_back(head);
    Ok(After::Linger)
}

/// Judges the endpoint by its answer and writes the answer's head.
fn begin(
    connection: &mut Connection,
    exchange: &mut Exchange,
    answer: &Answer,
    journey: &Journey,
) -> Announced {
    let head = &answer.head;
    let outcome = match head.status {
        502..=504 => Outcome::GatewayError,
        _ => Outcome::Answered,
    };
    journey.note_outcome(&journey.endpoint, outcome);
    let state = head
        .headers
        .iter()
        .find(|field| field.kind == HeaderKind::Internal);
    if state.is_some_and(|field| field.value.of(&answer.raw) == b"draining") {
        journey
            .budgeted
            .backend()
            .drain(&connection.core, &journey.endpoint);
    }
    let announced = announce(answer, connection.head.version);
    write_relayed_head(connection, exchange, (head, &answer.raw), announced);
    announced
}

fn announce(answer: &Answer, client: Version) -> Announced {
    let head = &answer.head;
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
                std::str::from_utf8(field.value.of(&answer.raw))
                    .ok()?
                    .parse()
                    .ok()
            })
            .map_or(Announced::Nothing, Announced::Length),
        BodyLength::None => Announced::Nothing,
    }
}

fn answer_pace(connection: &Connection, exchange: &Exchange) -> Pace {
    Pace {
        idle: connection.core.timeouts.upstream_idle,
        grace: None,
        started: exchange.started,
        deadline: exchange.deadline(),
    }
}

fn broken(fault: &PumpFault) -> Fault {
    match fault {
        PumpFault::Source(_) => Fault::AnswerBroken,
        PumpFault::Sink => Fault::ClientGone,
    }
}
