//! The command line; every flag is also an environment variable.
//!
//! Invariant: no secret is ever an argument.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Bascule's control plane: ODB, admin API, console, and the nodes' source of config.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Args {
    /// Where the console and the REST API listen.
    #[arg(long, env = "BASCULE_HTTP", default_value = "127.0.0.1:8081")]
    pub(crate) http: SocketAddr,

    /// Where nodes connect.
    #[arg(long, env = "BASCULE_GRPC", default_value = "127.0.0.1:8082")]
    pub(crate) grpc: SocketAddr,

    /// Folder of the ODB and the tokens; made when it is missing.
    #[arg(long, env = "BASCULE_STATE_DIR")]
    pub(crate) state_dir: PathBuf,

    /// `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `mysql://USER@HOST/DATABASE`; `odb.db` in the
    /// state folder unless set. With a password, use the variable or the file instead.
    #[arg(long, env = "BASCULE_ODB_URL", hide_env_values = true)]
    pub(crate) odb_url: Option<String>,

    /// A file whose one line is the ODB's URL.
    #[arg(long, env = "BASCULE_ODB_URL_FILE", conflicts_with = "odb_url")]
    pub(crate) odb_url_file: Option<PathBuf>,

    /// Name that a new cluster gets.
    #[arg(long, env = "BASCULE_CLUSTER", default_value = "bascule")]
    pub(crate) cluster: String,

    /// Further host names under which the console is reached; repeatable.
    #[arg(long = "http-host", env = "BASCULE_HTTP_HOST", value_delimiter = ',')]
    pub(crate) http_hosts: Vec<String>,

    /// Written once the control plane serves.
    #[arg(long, env = "BASCULE_READY_FILE")]
    pub(crate) ready_file: Option<PathBuf>,

    #[arg(long, env = "BASCULE_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// Print a link that opens the console's first session (10 minutes, once).
    #[arg(long, env = "BASCULE_SETUP_LINK")]
    pub(crate) setup_link: bool,

    /// Allow addresses other than loopback, although nothing is encrypted.
    #[arg(long, env = "BASCULE_INSECURE_BIND")]
    pub(crate) insecure_bind: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}
