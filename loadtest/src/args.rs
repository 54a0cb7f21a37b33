//! The command line. It owns names, defaults and help texts; what they mean together is checked in
//! `plan.rs`. Secrets do not belong here: a header can be read from a file with `-H @FILE`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::arrivals::Rate;

const EXAMPLES: &str = "\
Examples:
  bascule-loadtest http://127.0.0.1:8080/hello -c 64 -d 10s
      closed model: 64 connections, each sends when its answer is there
  bascule-loadtest http://127.0.0.1:8080/hello --rate 5000 -d 30s --json result.json
      open model: 5000 requests a second, whatever the server does; latency counts from the
      moment a request was meant to be sent
  bascule-loadtest http://127.0.0.1:8080/orders -X POST -H 'Content-Type: application/json' --data '{\"id\":1}' -n 10000
  bascule-loadtest backend --listen 127.0.0.1:9000 --body-bytes 128
      a fixed, fast backend to balance to
  bascule-loadtest fleet --http 127.0.0.1:8081 --grpc 127.0.0.1:8082 --state-dir STATE --nodes 100 --channels 10000
      simulated nodes at a control plane: how long a change takes until all of them run it";

/// Measures an HTTP/1.1 server: closed or open model, honest percentiles.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one fixed answer, fast: the backend behind a proxy that is measured.
    Backend(BackendArgs),
    /// Simulate nodes at a control plane, change channels, and measure until every node runs each change.
    Fleet(FleetArgs),
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line are booleans"
)]
pub(crate) struct RunArgs {
    /// What to request, one after the other when there are several.
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,
    /// Connections: in flight at once (closed model), at most (open model).
    #[arg(short, long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Requests per second: the open model, free of coordinated omission.
    #[arg(short, long, conflicts_with = "pipeline")]
    pub(crate) rate: Option<Rate>,
    /// How long to measure [default: 10s; with --requests: at most 5min].
    #[arg(short, long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Stop after this many requests.
    #[arg(short = 'n', long)]
    pub(crate) requests: Option<u64>,
    /// Load before the measurement, which counts nowhere.
    #[arg(long, value_parser = duration, default_value = "0s")]
    pub(crate) warmup: Duration,
    /// A new connection for every request.
    #[arg(long, conflicts_with = "pipeline")]
    pub(crate) new_connection: bool,
    /// Requests in flight on one connection (closed model).
    #[arg(long, default_value_t = 1)]
    pub(crate) pipeline: usize,
    /// The method [default: GET, or POST with a body].
    #[arg(short = 'X', long)]
    pub(crate) method: Option<String>,
    /// A header, 'Name: value', or @FILE with one header a line.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body.
    #[arg(long, conflicts_with = "data_file")]
    pub(crate) data: Option<String>,
    /// The body, from a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) data_file: Option<PathBuf>,
    /// A request that has no answer after this long has failed.
    #[arg(long, value_parser = duration, default_value = "10s")]
    pub(crate) timeout: Duration,
    /// Open model: requests that wait for a free connection; beyond that they are counted as not sent.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) backlog_max: usize,
    /// Threads of the generator.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Write the result as JSON to FILE, or to stdout with '-' (then without the table).
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<String>,
    /// Exit with 1 when a request failed, was not sent, or got a status of 400 and above.
    #[arg(long)]
    pub(crate) fail_on_error: bool,
    /// Let targets be other machines. Ask their owners first.
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// No progress on stderr.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Where to listen; port 0 takes a free one. The address is printed on stdout.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Size of the answer's body.
    #[arg(long, default_value_t = 128)]
    pub(crate) body_bytes: usize,
    /// Answer this many milliseconds after the request.
    #[arg(long, default_value_t = 0)]
    pub(crate) delay_ms: u64,
}

#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Where the control plane's REST API listens.
    #[arg(long)]
    pub(crate) http: SocketAddr,
    /// Where the control plane's nodes connect.
    #[arg(long)]
    pub(crate) grpc: SocketAddr,
    /// The control plane's state folder, for its admin.token and cluster.token.
    #[arg(long)]
    pub(crate) state_dir: PathBuf,
    /// Nodes to simulate.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: usize,
    /// Channels that there are before anything is measured; what is missing is made.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) channels: usize,
    /// Changes to measure, one after the other.
    #[arg(long, default_value_t = 50)]
    pub(crate) changes: usize,
    /// Cores that each node says it has.
    #[arg(long, default_value_t = 2)]
    pub(crate) cores: u32,
    /// How long the cores of a node take to prepare and commit.
    #[arg(long, value_parser = duration, default_value = "0s")]
    pub(crate) core_time: Duration,
    /// The nodes take whole snapshots only.
    #[arg(long)]
    pub(crate) whole: bool,
    /// Make each snapshot once for all nodes: as if each node had a machine of its own.
    #[arg(long)]
    pub(crate) share: bool,
    /// The control plane's process, for its CPU time and memory.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Write the result as JSON to FILE, or to stdout with '-' (then without the table).
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<String>,
    /// Let the control plane be on another machine. Its channels will be changed.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// `250ms`, `10s`, `2m`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("unknown unit '{unit}': use us, ms, s, m or h")),
    };
    let number: f64 = digits
        .parse()
        .map_err(|error| format!("'{text}' is not a duration: {error}"))?;
    Duration::try_from_secs_f64(number * seconds)
        .map_err(|error| format!("'{text}' is out of range: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["", "s", "-1s", "5 parsecs", "1d", "infs", "nan"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent_and_a_url_is_needed_only_without_a_subcommand() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["x"]).is_err());
        assert!(Cli::try_parse_from(["x", "backend"]).is_ok());
        assert!(Cli::try_parse_from(["x", "http://127.0.0.1/", "--rate", "2.5"]).is_ok());
        assert!(
            Cli::try_parse_from(["x", "http://[::1]/", "--rate", "5", "--pipeline", "2"]).is_err()
        );
    }
}
