//! A request whose body is still coming: it is passed on as it comes, while the answer may come at any time.
//!
//! Refuses to send a body twice, or a second time from where it is: bytes that were read and not yet written
//! are the upload's alone. Invariant: one upload for each exchange, from its first byte to its end or its loss.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use dp_codec::Method;
use dp_net::{Cut, Slot, WriteHalf};
use futures_util::future::{Either, select};

use super::ask::{self, Answer, Broken, Connected, Read};
use super::relay::{self, Client, Early};
use super::{Journey, here, note, request};
use crate::answer::Answering;
use crate::body::Body;
use crate::connection::{After, Connection};
use crate::core::Core;
use crate::exchange::Exchange;
use crate::pump::{Outgoing, PumpFault, Sink, Source, pump};
use crate::rescue::Fault;
use crate::service::{pace, welcome_body};

/// How body and answer met.
enum Met {
    /// The whole body was sent before the answer began.
    Sent(Read),
    /// The answer began first, and was relayed.
    Relayed,
}

/// Why there is no answer.
enum Lost {
    Upstream(Broken),
    Fault(Fault),
}

pub(super) async fn run(
    connection: &mut Connection,
    exchange: &mut Exchange,
    mut journey: Journey,
) -> Result<After, Fault> {
    let core = Rc::clone(&connection.core);
    let Some(mut connected) = journey.connect_for_stream().await? else {
        return here(connection, exchange).await;
    };
    let mut message = core.buffers.take();
    request::write_head(&mut message, connection, exchange, &journey.endpoint.name);
    welcome_body(connection).await?;
    let mut raw = core.buffers.take();
    connection
        .input
        .split_off(connection.head.head_len, &mut raw);
    let mut body = Body::new(raw, 0, connection.head.body, exchange.body_bytes_max());
    connected.expect_answer(&journey);
    let met = meet(
        connection,
        exchange,
        (&journey, &mut connected),
        &mut body,
        &mut message,
    )
    .await;
    exchange.bytes_in = body.received();
    match met {
        Ok(Met::Sent(read)) => {
            exchange.is_body_read = true;
            connection.input.append(body.rest());
            core.buffers.give_back(message);
            core.buffers.give_back(body.into_buffer());
            let answer = Answer::new(connected, read, &core);
            note(exchange, &journey, answer.took);
            relay::run(connection, exchange, answer, &journey).await
        }
        Ok(Met::Relayed) => Ok(After::Linger),
        Err(Lost::Fault(fault)) => Err(fault),
        Err(Lost::Upstream(broken)) => {
            let asked = Rc::clone(&journey.endpoint);
            journey.note_broken(&asked, &broken);
            exchange.upstream = Some((asked, Duration::ZERO));
            Err(broken.to_fault())
        }
    }
}

/// Sends the body and waits for the answer's head at the same time. An answer that comes first is relayed
/// here, where the upload still lives.
async fn meet(
    connection: &mut Connection,
    exchange: &mut Exchange,
    (journey, connected): (&Journey, &mut Connected),
    body: &mut Body,
    message: &mut Vec<u8>,
) -> Result<Met, Lost> {
    let core = &*journey.core;
    let is_head = connection.head.method == Method::Head;
    let pace = pace(connection, exchange);
    let framing = request::framing_of(connection.head.body);
    let asked = connected.asked;
    let (client_slot, client_reader, client_writer) = connection.stream.parts();
    let (slot, reader, writer) = connected.stream.parts();
    let source = Source {
        reader: client_reader,
        slot: client_slot,
        pace,
    };
    let to = Upload {
        writer,
        slot,
        out: message,
        framing,
    };
    let mut uploading = pin!(upload(core, body, source, to));
    let (read, sending) = {
        let mut answered = pin!(ask::read_head(core, &mut *reader, slot, is_head));
        match select(uploading.as_mut(), answered.as_mut()).await {
            Either::Left((Ok(()), answered)) => {
                slot.arm(core.clock.now() + journey.patience, Cut::Both);
                return answered.await.map(Met::Sent).map_err(Lost::Upstream);
            }
            // The upstream has ended reading: it may have answered before it did.
            Either::Left((Err(PumpFault::Sink), answered)) => (answered.await, None),
            Either::Left((Err(PumpFault::Source(fault)), _)) => {
                return Err(Lost::Fault(Fault::Body(fault)));
            }
            Either::Right((answered, _)) => (answered, Some(uploading.as_mut())),
        }
    };
    let read = read.map_err(Lost::Upstream)?;
    note(
        exchange,
        journey,
        core.clock.precise().saturating_sub(asked),
    );
    let client = Client {
        answering: Answering {
            core,
            head: &connection.head,
            out: &mut connection.out,
        },
        slot: client_slot,
        writer: client_writer,
    };
    let early = Early { read, slot, reader };
    relay::run_early(client, exchange, early, journey, sending)
        .await
        .map_err(Lost::Fault)?;
    Ok(Met::Relayed)
}

/// Where the body goes.
struct Upload<'a> {
    writer: &'a mut WriteHalf,
    slot: &'a Slot,
    out: &'a mut Vec<u8>,
    framing: Outgoing,
}

async fn upload(
    core: &Core,
    body: &mut Body,
    source: Source<'_>,
    to: Upload<'_>,
) -> Result<(), PumpFault> {
    let mut sink = Sink {
        writer: to.writer,
        slot: to.slot,
        out: to.out,
        framing: to.framing,
        idle: core.timeouts.write_idle,
        bytes: 0,
    };
    pump(body, source, &mut sink, &core.clock).await?;
    sink.flush(&core.clock).await
}
