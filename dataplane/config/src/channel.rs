//! Where requests enter: a pattern, a method, a service and the limits of an exchange.

use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;

use crate::{BuiltIn, PING_CHANNEL, PING_PATH, Refusal, name};

/// The largest body that a channel may accept: a worker frame holds 64 MiB, less one for the head.
pub const BODY_BYTES_MAX: u64 = 63 * 1024 * 1024;
const TIMEOUT_MS_MAX: u32 = 3_600_000;
/// The ping answers from memory; whatever takes this long is not alive.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
const PING_BODY_BYTES_MAX: u64 = 64 * 1024;

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Stays when the channel is renamed; empty for the built-in one.
    pub id: Arc<str>,
    pub name: Arc<str>,
    /// The pattern, for example `/a/{b}/c`.
    pub path: Arc<str>,
    /// Upper case; `None` takes any method.
    pub method: Option<Arc<str>>,
    /// Name of the service.
    pub service: Arc<str>,
    pub target: Target,
    pub data_format: DataFormat,
    /// For the whole exchange.
    pub timeout: Duration,
    pub body_bytes_max: u64,
}

/// Who runs the service of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The core itself.
    BuiltIn(BuiltIn),
    /// A worker; the index is that of the service in `Snapshot::services`.
    Worker { service: usize },
}

/// How a body is handed to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// As it is.
    Raw,
    Json,
}

// === impl Channel ===

impl Channel {
    /// The channel that every node has.
    pub(crate) fn ping() -> Self {
        Self {
            id: "".into(),
            name: PING_CHANNEL.into(),
            path: PING_PATH.into(),
            method: Some("GET".into()),
            service: BuiltIn::Ping.name().into(),
            target: Target::BuiltIn(BuiltIn::Ping),
            data_format: DataFormat::Raw,
            timeout: PING_TIMEOUT,
            body_bytes_max: PING_BODY_BYTES_MAX,
        }
    }

    /// Reads the wire shape; `service_index` finds the service among the snapshot's own.
    pub(crate) fn parse(
        wire: &proto::Channel,
        service_index: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, Refusal> {
        let refuse =
            |field, reason: String| Refusal::new(format!("channel {}", wire.name), field, reason);
        name::check(&wire.name).map_err(|reason| refuse("name", reason))?;
        let target = match BuiltIn::named(&wire.service) {
            Some(built_in) => Target::BuiltIn(built_in),
            None => service_index(&wire.service)
                .map(|service| Target::Worker { service })
                .ok_or_else(|| refuse("service", format!("no service {:?}", wire.service)))?,
        };
        let data_format = match proto::DataFormat::try_from(wire.data_format) {
            Ok(proto::DataFormat::Unspecified) => DataFormat::Raw,
            Ok(proto::DataFormat::Json) => DataFormat::Json,
            Err(unknown) => return Err(refuse("data_format", unknown.to_string())),
        };
        if !(1..=TIMEOUT_MS_MAX).contains(&wire.timeout_ms) {
            let reason = format!("{} is not within 1 to {TIMEOUT_MS_MAX}", wire.timeout_ms);
            return Err(refuse("timeout_ms", reason));
        }
        if wire.body_bytes_max > BODY_BYTES_MAX {
            let reason = format!("{} is over {BODY_BYTES_MAX}", wire.body_bytes_max);
            return Err(refuse("body_bytes_max", reason));
        }
        Ok(Self {
            id: wire.id.as_str().into(),
            name: wire.name.as_str().into(),
            path: wire.path.as_str().into(),
            method: parse_method(&wire.method).map_err(|reason| refuse("method", reason))?,
            service: wire.service.as_str().into(),
            target,
            data_format,
            timeout: Duration::from_millis(u64::from(wire.timeout_ms)),
            body_bytes_max: wire.body_bytes_max,
        })
    }
}

fn parse_method(method: &str) -> Result<Option<Arc<str>>, String> {
    if method.is_empty() {
        return Ok(None);
    }
    let known = method.len() <= 32 && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if !known || method == "CONNECT" {
        return Err(format!("{method:?} is no method that a channel can take"));
    }
    Ok(Some(method.into()))
}
