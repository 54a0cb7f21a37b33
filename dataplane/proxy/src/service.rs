//! Runs a service here: the body is gathered, the service is called, its answer is written.
//!
//! Refuses to stream into a service: a call carries its whole body, within the channel's limit. Invariant:
//! answers that wait are written before a call is waited for.

use std::ops::Range;
use std::rc::Rc;

use dp_codec::BodyLength;
use dp_config::{BuiltIn, DataFormat, Target};
use dp_exec::builtin::Builtin;
use dp_exec::{ARRIVAL_PATIENCE, Call, CallError, Reply, Source};
use dp_net::Cut;

use crate::answer::{InvalidReply, write_reply};
use crate::body::{Body, BodyFault};
use crate::connection::{After, Connection};
use crate::exchange::Exchange;
use crate::forward;
use crate::pump::Pace;
use crate::rescue::{self, Fault};
use crate::settings::ListenerKind;

/// Where the gathered body is.
enum Gathered {
    /// In the connection's input.
    InPlace(Range<usize>),
    Apart(Vec<u8>),
}

/// A body's room is made step by step as it really comes, whatever its length claims: a head alone must not reserve what
/// a whole body may take. Most bodies need one step.
const GROWTH_BYTES_MAX: usize = 1024 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(crate) async fn run(
    connection: &mut Connection,
    exchange: &mut Exchange,
    index: usize,
) -> Result<After, Fault> {
    let body = gather(connection, exchange).await?;
    exchange.is_body_read = true;
    let Some((target, format)) = exchange
        .channel()
        .map(|channel| (channel.target, channel.data_format))
    else {
        return Err(Fault::NotFound);
    };
    let reply = match target {
        Target::BuiltIn(BuiltIn::Ping) if is_unwell(connection) => {
            return Err(if connection.core.has_silent_workers_only() {
                Fault::WorkersSilent
            } else {
                Fault::NoEndpoint
            });
        }
        Target::BuiltIn(built_in) => run_built_in(connection, exchange, &body, built_in),
        Target::Worker { .. } => {
            let handle = exchange
                .serving
                .handle(index)
                .ok_or(Fault::Call(CallError::NoWorker))?;
            call_worker(connection, exchange, &body, (handle, format)).await?
        }
    };
    let default_type: &[u8] = match format {
        DataFormat::Json => b"application/json",
        DataFormat::Raw => b"text/plain; charset=utf-8",
    };
    write_reply(connection, exchange, &reply, default_type)
        .map_err(|InvalidReply| Fault::InvalidReply)?;
    if let Some(raised) = &reply.raised {
        let told = (raised.kind.as_str(), raised.traceback.as_str());
        rescue::report_raised(connection, exchange, exchange.status, told);
    }
    Ok(exchange.after())
}

/// The ping is what balancers ask before they send anything.
fn is_unwell(connection: &Connection) -> bool {
    connection.kind == ListenerKind::Node && !connection.core.can_run_services()
}

fn run_built_in(
    connection: &Connection,
    exchange: &Exchange,
    body: &Gathered,
    built_in: BuiltIn,
) -> Reply {
    let input = connection.input.rest();
    let content_type = connection.head.find(dp_codec::HeaderKind::ContentType);
    let content_type = content_type.map_or(&b""[..], |field| field.value.of(input));
    let service = match built_in {
        BuiltIn::Ping => Builtin::Ping,
        BuiltIn::Echo => Builtin::Echo,
    };
    service.run(exchange.cid.as_bytes(), content_type, body.bytes(input))
}

async fn call_worker(
    connection: &mut Connection,
    exchange: &Exchange,
    body: &Gathered,
    (handle, format): (u32, DataFormat),
) -> Result<Reply, Fault> {
    let core = Rc::clone(&connection.core);
    let workers = core
        .workers
        .as_ref()
        .ok_or(Fault::Call(CallError::NoWorker))?;
    if workers.ready() == 0 {
        // The only worker is being replaced: a second's wait is better than an error.
        if !connection.flush().await {
            return Err(Fault::ClientGone);
        }
        connection.stream.slot().disarm();
        workers.wait_ready(ARRIVAL_PATIENCE).await;
    }
    let input = connection.input.rest();
    let head = &connection.head;
    let mut scratch = core.buffers.take();
    let trust = trust(connection, exchange);
    let remote = match trust {
        dp_codec::Peer::Trusted => head.value(input, forward::REMOTE),
        dp_codec::Peer::Untrusted => None,
    };
    let headers = head.executor_headers(input, trust, &mut scratch);
    let call = Call {
        handle,
        deadline_ms: 0,
        method: head.method,
        method_name: head.method_span.of(input),
        data_format: match format {
            DataFormat::Raw => dp_exec::DataFormat::Raw,
            DataFormat::Json => dp_exec::DataFormat::Json,
        },
        source: Source::Channel,
        cid: exchange.cid.as_bytes(),
        channel: exchange
            .channel()
            .map_or(&b""[..], |channel| channel.name.as_bytes()),
        path: head.path.of(input),
        query: head.query.of(input),
        params: &exchange.params,
        remote: remote.unwrap_or(connection.peer.address().as_bytes()),
        headers,
        body: body.bytes(input),
    };
    let now = core.clock.now();
    let time_left = exchange
        .deadline()
        .map(|deadline| deadline.saturating_sub(now));
    let begun = workers.begin(&call, time_left);
    core.buffers.give_back(scratch);
    let waiting = begun.map_err(Fault::Call)?;
    connection.stream.slot().disarm();
    if !connection.flush().await {
        return Err(Fault::ClientGone);
    }
    connection.stream.slot().disarm();
    waiting.await.map_err(Fault::Call)
}

/// A member that balances tells whose request it is; nobody else is believed.
///
/// Decided: a member is known by its address, and not by a secret in the request. So whoever can connect from
/// the address of a member is believed as well, which on loopback is everybody on the machine: there
/// `X-Forwarded-*` is a hint for logs and never a proof for a service. Mutual TLS between the nodes will tell
/// them apart; a secret in a header would be one more to leak, and would be thrown away then.
fn trust(connection: &Connection, exchange: &Exchange) -> dp_codec::Peer {
    let ip = connection.peer.socket().ip();
    if connection.kind == ListenerKind::Node && exchange.serving.is_member(ip) {
        dp_codec::Peer::Trusted
    } else {
        dp_codec::Peer::Untrusted
    }
}

async fn gather(connection: &mut Connection, exchange: &mut Exchange) -> Result<Gathered, Fault> {
    match connection.head.body {
        BodyLength::None | BodyLength::UntilClose => Ok(Gathered::InPlace(0..0)),
        BodyLength::Sized(length) => gather_sized(connection, exchange, length).await,
        BodyLength::Chunked => gather_chunked(connection, exchange).await,
    }
}

/// Read behind the head, so that nothing is copied.
async fn gather_sized(
    connection: &mut Connection,
    exchange: &mut Exchange,
    length: u64,
) -> Result<Gathered, Fault> {
    let head_length = connection.head.head_len;
    let total = usize::try_from(length)
        .ok()
        .and_then(|length| head_length.checked_add(length));
    let total = total.ok_or(Fault::BodyTooLarge)?;
    if connection.input.rest().len() < total {
        welcome_body(connection).await?;
    }
    let pace = pace(connection, exchange);
    while connection.input.rest().len() < total {
        let missing = total - connection.input.rest().len();
        let room = missing.min(GROWTH_BYTES_MAX);
        let received = (connection.input.rest().len() - head_length) as u64;
        connection
            .stream
            .slot()
            .arm(pace.due(connection.core.clock.now(), received), Cut::Read);
        match connection
            .input
            .fill(&mut connection.stream.reader, room)
            .await
        {
            Ok(0) if connection.stream.slot().is_cut() => return Err(Fault::Body(BodyFault::Late)),
            Ok(0) | Err(_) => return Err(Fault::Body(BodyFault::Ended)),
            Ok(_) => {}
        }
    }
    exchange.consumed = total;
    exchange.bytes_in = length;
    Ok(Gathered::InPlace(head_length..total))
}

async fn gather_chunked(
    connection: &mut Connection,
    exchange: &mut Exchange,
) -> Result<Gathered, Fault> {
    let mut raw = connection.core.buffers.take();
    connection
        .input
        .split_off(connection.head.head_len, &mut raw);
    let mut body = Body::new(raw, 0, BodyLength::Chunked, exchange.body_bytes_max());
    let pace = pace(connection, exchange);
    let mut whole = Vec::new();
    let mut is_welcomed = false;
    loop {
        let ready = body.take_ready().map_err(Fault::Body)?;
        whole.extend_from_slice(body.bytes(&ready.range));
        if ready.is_last {
            break;
        }
        if !is_welcomed {
            welcome_body(connection).await?;
            is_welcomed = true;
        }
        let slot = connection.stream.slot();
        slot.arm(
            pace.due(connection.core.clock.now(), body.received()),
            Cut::Read,
        );
        let (slot, reader, _) = connection.stream.parts();
        body.fill(reader, slot).await.map_err(Fault::Body)?;
    }
    exchange.bytes_in = body.received();
    connection.input.append(body.rest());
    connection.core.buffers.give_back(body.into_buffer());
    Ok(Gathered::Apart(whole))
}

/// A client that waits for it gets its `100 Continue`; and what is ready goes out before we wait.
pub(crate) async fn welcome_body(connection: &mut Connection) -> Result<(), Fault> {
    if connection.head.expect_continue {
        connection.out.extend_from_slice(CONTINUE);
    }
    if connection.flush().await {
        Ok(())
    } else {
        Err(Fault::ClientGone)
    }
}

/// How fast a client must send its body.
pub(crate) fn pace(connection: &Connection, exchange: &Exchange) -> Pace {
    let times = &connection.core.timeouts;
    Pace {
        idle: times.body_idle,
        grace: Some(times.body_grace),
        started: connection.core.clock.now(),
        deadline: exchange.deadline(),
    }
}

impl Gathered {
    fn bytes<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        match self {
            Self::InPlace(range) => input.get(range.clone()).unwrap_or_default(),
            Self::Apart(bytes) => bytes,
        }
    }
}
