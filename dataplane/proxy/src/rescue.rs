//! The only file that turns an error into an answer.
//!
//! Every way in which an exchange can fail is listed here, with its status, what the client is told, and
//! what happens to the connection. Invariant: an answer that was begun is never followed by another one.

use dp_codec::Refusal;
use dp_exec::CallError;

use crate::answer::{error_body, write_own};
use crate::body::BodyFault;
use crate::command::Failure;
use crate::connection::{After, Connection};
use crate::exchange::Exchange;
use crate::options::METHODS;
use crate::record::CutBy;

/// In an access log: the client went away before its answer. As nginx writes it.
const CLIENT_GONE: u16 = 499;
/// After "all are down": the time in which a check finds out that one came back.
const RETRY_AFTER_S: &[u8] = b"1";

/// Why an exchange has no proper answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The path has two readings.
    BadPath,
    NotFound,
    MethodNotAllowed {
        allow: String,
    },
    BodyTooLarge,
    /// The body came broken, late or not at all.
    Body(BodyFault),
    /// Nobody can take the request.
    NoEndpoint,
    /// No endpoint could be connected to.
    Unreachable,
    /// This node has no descriptor, memory or port left for another connection.
    Exhausted,
    /// This node has no configuration yet.
    NotReady,
    /// The endpoint ended the connection before it had answered.
    UpstreamGone,
    UpstreamLate,
    /// The endpoint's answer breaks the rules.
    UpstreamInvalid(&'static str),
    /// For a balancer that asks: no worker answers its heartbeat.
    WorkersSilent,
    /// The service could not run.
    Call(CallError),
    /// The service's answer breaks the rules.
    InvalidReply,
    /// The answer was begun and cannot be ended.
    AnswerBroken,
    /// The client went away.
    ClientGone,
}

/// Answers for `fault`, or says how the connection ends without one.
pub(crate) fn answer(connection: &mut Connection, exchange: &mut Exchange, fault: &Fault) -> After {
    let Some(status) = fault.status() else {
        if exchange.status == 0 {
            exchange.status = CLIENT_GONE;
        }
        exchange.cut = Some(match fault {
            Fault::AnswerBroken => CutBy::Upstream,
            _ => CutBy::Client,
        });
        return After::Reset;
    };
    if let Some(kind) = fault.failure_kind() {
        report(connection, exchange, status, kind);
    }
    if !exchange.is_body_read || !fault.keeps_connection() {
        exchange.keep_alive = false;
    }
    let details = fault.details(exchange);
    let body = error_body(exchange.cid.as_bytes(), &details);
    match fault {
        Fault::MethodNotAllowed { allow } => {
            write_own(
                connection,
                exchange,
                status,
                &[(b"allow", allow.as_bytes())],
                &body,
            );
        }
        // Nothing new, and what is on its way is waited for.
        Fault::WorkersSilent => {
            let fields: [(&[u8], &[u8]); 2] = [
                (b"retry-after", RETRY_AFTER_S),
                (b"x-bascule-state", b"draining"),
            ];
            write_own(connection, exchange, status, &fields, &body);
        }
        _ if status == 503 => {
            write_own(
                connection,
                exchange,
                status,
                &[(b"retry-after", RETRY_AFTER_S)],
                &body,
            );
        }
        _ => write_own(connection, exchange, status, &[], &body),
    }
    exchange.after()
}

/// The head took too long.
pub(crate) fn answer_late_head(connection: &mut Connection) -> After {
    refuse_head(connection, 408, "the request head took too long")
}

/// The head was refused; where the next request would begin is not known.
pub(crate) fn answer_bad_head(connection: &mut Connection, refusal: Refusal) -> After {
    refuse_head(connection, refusal.status(), refusal.reason())
}

fn refuse_head(connection: &mut Connection, status: u16, reason: &str) -> After {
    connection
        .core
        .listener_stats(connection.kind)
        .heads_refused
        .increment();
    // Nothing of the head may be believed: not even that it was HEAD, or HTTP/1.0.
    connection.head.reset();
    connection.head.method = dp_codec::Method::Get;
    connection.head.keep_alive = false;
    let mut exchange = Exchange::of_bad_head(connection);
    let body = error_body(exchange.cid.as_bytes(), reason);
    let allow: [(&[u8], &[u8]); 1] = [(b"allow", METHODS)];
    let fields: &[(&[u8], &[u8])] = if status == 405 { &allow } else { &[] };
    write_own(connection, &mut exchange, status, fields, &body);
    exchange.record(connection);
    After::Linger
}

/// Tells the control plane that a service failed.
pub(crate) fn report(connection: &Connection, exchange: &Exchange, status: u16, kind: &str) {
    report_raised(connection, exchange, status, (kind, ""));
}

/// The same, with what the service raised.
pub(crate) fn report_raised(
    connection: &Connection,
    exchange: &Exchange,
    status: u16,
    (kind, traceback): (&str, &str),
) {
    let channel = exchange.channel();
    connection.core.recorder.fail(Failure {
        cid: exchange.cid.text(),
        at_unix_us: connection.core.clock.unix_us(),
        channel: channel.map_or_else(String::new, |channel| channel.name.to_string()),
        service: channel.map_or_else(String::new, |channel| channel.service.to_string()),
        status,
        kind: kind.to_owned(),
        traceback: traceback.to_owned(),
    });
}

// === impl Fault ===

impl Fault {
    /// `None`: no answer can be given.
    fn status(&self) -> Option<u16> {
        Some(match self {
            Self::BadPath => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::Body(BodyFault::Late) => 408,
            Self::BodyTooLarge | Self::Call(CallError::TooLarge) => 413,
            Self::Body(BodyFault::Refused(refusal)) => refusal.status(),
            Self::Body(BodyFault::Ended) | Self::AnswerBroken | Self::ClientGone => return None,
            Self::InvalidReply => 500,
            Self::Unreachable
            | Self::UpstreamGone
            | Self::UpstreamInvalid(_)
            | Self::Call(CallError::NoWorker | CallError::WorkerDied) => 502,
            Self::NoEndpoint
            | Self::Exhausted
            | Self::NotReady
            | Self::WorkersSilent
            | Self::Call(CallError::Busy) => 503,
            Self::UpstreamLate | Self::Call(CallError::Deadline) => 504,
        })
    }

    /// What the client is told: enough to know whose fault it is, nothing of our insides.
    fn details(&self, exchange: &Exchange) -> String {
        let service = exchange.channel().map_or("", |channel| &channel.service);
        match self {
            Self::BadPath => "the path is ambiguous".into(),
            Self::NotFound => "no channel has this path".into(),
            Self::MethodNotAllowed { .. } => "no channel of this path takes this method".into(),
            Self::BodyTooLarge => "the body is larger than allowed".into(),
            Self::Body(BodyFault::Refused(refusal)) => refusal.reason().into(),
            Self::Body(_) => "the body took too long".into(),
            Self::NoEndpoint => "no endpoint is up".into(),
            Self::Unreachable => "no endpoint could be reached".into(),
            Self::Exhausted => "this node has no resources left for another connection".into(),
            Self::NotReady => "this node has no configuration yet".into(),
            Self::WorkersSilent => "no worker answers".into(),
            Self::UpstreamGone => "the endpoint ended the connection without an answer".into(),
            Self::UpstreamLate => "the endpoint did not answer in time".into(),
            Self::UpstreamInvalid(reason) => {
                format!("the endpoint's answer is not valid: {reason}")
            }
            Self::Call(error) => format!("service {service}: {error}"),
            Self::InvalidReply => format!("service {service}: its answer is not valid HTTP"),
            Self::AnswerBroken | Self::ClientGone => String::new(),
        }
    }

    /// The kind in a failure record; only for what a service did.
    fn failure_kind(&self) -> Option<&'static str> {
        match self {
            Self::Call(CallError::NoWorker) => Some("no-worker"),
            Self::Call(CallError::Busy) => Some("busy"),
            Self::Call(CallError::WorkerDied) => Some("worker-died"),
            Self::Call(CallError::Deadline) => Some("deadline"),
            Self::InvalidReply => Some("invalid-reply"),
            _ => None,
        }
    }

    /// The position in the client's stream is still known.
    fn keeps_connection(&self) -> bool {
        !matches!(self, Self::Body(_) | Self::BodyTooLarge | Self::BadPath)
    }
}
