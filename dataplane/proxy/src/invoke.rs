//! Runs a service for the admin API, on this core, without a connection.
//!
//! Refuses to know who asked. Invariant: exactly one answer is sent, also when the service does not exist.

use std::rc::Rc;
use std::time::Duration;

use dp_codec::Method;
use dp_exec::builtin::Builtin;
use dp_exec::{Call, CallError, DataFormat, Reply, Source};

use crate::answer::error_body;
use crate::cid::Cid;
use crate::command::{Failure, Invocation, Invoked};
use crate::core::Core;

pub(crate) async fn run(core: Rc<Core>, invocation: Invocation, reply: flume::Sender<Invoked>) {
    let started = core.clock.precise();
    let cid = Cid::accept(invocation.cid.as_bytes()).unwrap_or_else(|| core.cids.mint());
    let (status, content_type, body) = match call(&core, &invocation, &cid).await {
        Ok(answer) => {
            if let Some(raised) = &answer.raised {
                let told = (raised.kind.as_str(), raised.traceback.as_str());
                report(&core, &invocation, &cid, answer.status, told);
            }
            let content_type = String::from_utf8_lossy(&answer.content_type).into_owned();
            (answer.status, content_type, answer.body.to_vec())
        }
        Err((status, kind, details)) => {
            if !kind.is_empty() {
                report(&core, &invocation, &cid, status, (kind, ""));
            }
            (
                status,
                "application/json".to_owned(),
                error_body(cid.as_bytes(), &details),
            )
        }
    };
    let total = core.clock.precise().saturating_sub(started);
    let total_us = u64::try_from(total.as_micros()).unwrap_or(u64::MAX);
    // Whoever asked may have stopped waiting.
    let _nobody_waits = reply.try_send(Invoked {
        status,
        content_type,
        body,
        total_us,
    });
}

type Refused = (u16, &'static str, String);

async fn call(core: &Rc<Core>, invocation: &Invocation, cid: &Cid) -> Result<Reply, Refused> {
    let content_type = invocation.content_type.as_bytes();
    if let Some(built_in) = Builtin::from_name(&invocation.service) {
        return Ok(built_in.run(cid.as_bytes(), content_type, &invocation.body));
    }
    let unknown = || (404, "", format!("no service {:?}", invocation.service));
    // Held until the answer: a generation that comes now must not take the handle away before a worker has
    // read the call.
    let serving = core.live.now();
    let handle = serving.handle_of(&invocation.service).ok_or_else(unknown)?;
    let refused = |error: CallError| {
        let (status, kind) = match error {
            CallError::Deadline => (504, "deadline"),
            CallError::WorkerDied => (502, "worker-died"),
            CallError::NoWorker => (503, "no-worker"),
            CallError::Busy => (503, "busy"),
            CallError::TooLarge => (413, ""),
        };
        (
            status,
            kind,
            format!("service {}: {error}", invocation.service),
        )
    };
    let workers = core
        .workers
        .as_ref()
        .ok_or_else(|| refused(CallError::NoWorker))?;
    let mut headers = Vec::new();
    if !content_type.is_empty() && dp_codec::field::is_field_value(content_type) {
        dp_codec::field::write_field(&mut headers, b"content-type", content_type);
    }
    let is_json = invocation.content_type.starts_with("application/json");
    let call = Call {
        handle,
        deadline_ms: 0,
        method: Method::Post,
        method_name: b"POST",
        data_format: if is_json {
            DataFormat::Json
        } else {
            DataFormat::Raw
        },
        source: Source::Invoke,
        cid: cid.as_bytes(),
        channel: b"",
        path: b"",
        query: b"",
        params: b"",
        remote: b"",
        headers: &headers,
        body: &invocation.body,
    };
    let time_left = (invocation.timeout > Duration::ZERO).then_some(invocation.timeout);
    let waiting = workers.begin(&call, time_left).map_err(refused)?;
    waiting.await.map_err(refused)
}

fn report(
    core: &Core,
    invocation: &Invocation,
    cid: &Cid,
    status: u16,
    (kind, traceback): (&str, &str),
) {
    core.recorder.fail(Failure {
        cid: cid.text(),
        at_unix_us: core.clock.unix_us(),
        channel: String::new(),
        service: invocation.service.clone(),
        status,
        kind: kind.to_owned(),
        traceback: traceback.to_owned(),
    });
}
