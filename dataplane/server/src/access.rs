//! Which access log was asked for.

use anyhow::Context as _;
use dp_proxy::{AccessLog, AccessLogTarget};

/// `None` is off.
pub(crate) fn start(flag: &str) -> anyhow::Result<Option<AccessLog>> {
    let target = match flag {
        "off" => return Ok(None),
        "-" => AccessLogTarget::Stdout,
        path => AccessLogTarget::File(path.into()),
    };
    let log = AccessLog::start(&target);
    log.map(Some)
        .with_context(|| format!("the access log {flag} cannot be opened"))
}
