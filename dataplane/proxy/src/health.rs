//! Active health checks of this core's endpoints.
//!
//! Each core checks for itself: nothing is shared, and a core that cannot reach an endpoint knows it.
//! Refuses to judge: `backend` takes in the outcomes. Invariant: one check of an endpoint at a time (its time
//! is shorter than the interval), spread by jitter so that cores and nodes do not check in step.

use std::rc::Rc;
use std::time::Duration;

use dp_codec::{Progress, ResponseHead};
use dp_net::{Cut, Stream};
use dp_policy::health::{Check, HealthSettings};

use crate::backend::Backend;
use crate::core::Core;
use crate::endpoint::Endpoint;

/// Between two looks at who is due.
const STEP: Duration = Duration::from_millis(100);
const ANSWER_ROOM: usize = 4 * 1024;
/// The channel that every node has.
const REQUEST: &[u8] =
    b"GET /zato/ping HTTP/1.1\r\nhost: bascule\r\nuser-agent: bascule-health\r\nconnection: close\r\n\r\n";

pub(crate) async fn watch(core: Rc<Core>) {
    loop {
        let serving = core.live.now();
        let now = core.clock.precise();
        for endpoint in serving.backend.endpoints() {
            if !endpoint.is_here && endpoint.next_check.get() <= now {
                endpoint.next_check.set(now + jittered(&core, endpoint));
                let backend = Rc::clone(&serving.backend);
                let endpoint = Rc::clone(endpoint);
                dp_net::spawn(check(
                    Rc::clone(&core),
                    backend,
                    endpoint,
                    serving.is_proxy_only,
                ));
            }
        }
        drop(serving);
        dp_net::sleep(STEP).await;
    }
}

/// The interval ± 10 %, different for each core, endpoint and moment.
fn jittered(core: &Core, endpoint: &Endpoint) -> Duration {
    let interval = core.timeouts.health_interval;
    let spread = interval * HealthSettings::CHECK_JITTER_PERCENT / 100;
    let mixed = u64::from(core.clock.now().subsec_micros())
        + u64::from(core.index) * 7_919
        + u64::from(endpoint.address.port()) * 104_729;
    let share = u32::try_from(mixed % 1_000).unwrap_or(0);
    interval.saturating_sub(spread) + spread * 2 * share / 1_000
}

async fn check(core: Rc<Core>, backend: Rc<Backend>, endpoint: Rc<Endpoint>, is_fixed: bool) {
    let timeout = core.timeouts.health_check;
    let outcome = match Stream::connect(endpoint.address, timeout, &core.wheel).await {
        // Nothing is known of what a fixed backend serves: that it accepts is all there is to ask.
        Ok(_) if is_fixed => Check::Passed,
        Ok(stream) => ask(&core, stream, timeout).await.unwrap_or(Check::Failed),
        // That says nothing of the endpoint.
        Err(error) if dp_net::is_exhaustion(&error) => return,
        Err(_) => Check::Failed,
    };
    backend.checked(&core, &endpoint, outcome);
    if outcome == Check::Failed && backend.is_usable(&core, &endpoint) {
        // In doubt: asked again at once, not an interval later. Requests wait there meanwhile.
        endpoint.next_check.set(core.clock.now());
    }
}

/// `None`: no proper answer in time.
async fn ask(core: &Core, mut stream: Stream, timeout: Duration) -> Option<Check> {
    stream.slot().arm(core.clock.precise() + timeout, Cut::Both);
    let (written, _) = stream.writer.write_all(REQUEST).await;
    written.ok()?;
    let mut head = ResponseHead::default();
    let mut raw = Vec::with_capacity(ANSWER_ROOM);
    loop {
        let (read, back) = stream.reader.read_some(raw, ANSWER_ROOM).await;
        raw = back;
        if read.ok()? == 0 {
            return None;
        }
        if head.parse(&raw, &core.limits, false).ok()? == Progress::Complete {
            break;
        }
    }
    Some(match (head.value(&raw, b"x-bascule-state"), head.status) {
        (Some(b"draining"), _) => Check::Draining,
        (_, 200) => Check::Passed,
        _ => Check::Failed,
    })
}
