//! Logs to stderr: JSON lines, or readable ones on a terminal.
//!
//! Invariant: nothing logs a token, a cookie or a body; fields are ids, names and numbers.

mod json;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

pub(crate) fn start(format: Option<LogFormat>) {
    // sqlx tells each slow statement; what matters of it reaches us as an error.
    let filter =
        EnvFilter::try_from_env("BASCULE_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let is_terminal = std::io::stderr().is_terminal();
    let of_stream = if is_terminal {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    };
    let format = format.unwrap_or(of_stream);
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => base.event_format(json::JsonLines).init(),
        LogFormat::Pretty => base.compact().init(),
    }
}
