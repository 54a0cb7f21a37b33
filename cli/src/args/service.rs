//! Arguments of `bascule service`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Wait;

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// List the services that run.
    List {
        /// With the built-in ones.
        #[arg(long)]
        all: bool,
    },
    /// Show one service.
    Get { name: String },
    /// Deploy service files.
    Deploy {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Take a file back with all its services.
    Delete {
        /// The file, or one of its services.
        #[arg(value_name = "FILE|SERVICE")]
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        wait: Wait,
    },
    /// Run a service on a node and print what it answers.
    Invoke {
        name: String,
        /// The request: text, @FILE, or - for stdin.
        #[arg(short, long, value_name = "DATA", allow_hyphen_values = true)]
        data: Option<String>,
        /// [default: application/json when the data is JSON, else text/plain].
        #[arg(long, value_name = "TYPE")]
        content_type: Option<String>,
    },
}
