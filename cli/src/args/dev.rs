//! Arguments of `bascule dev`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct DevArgs {
    /// The folder with the services; made with an example when it is absent.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Where the balancer listens; a free port is taken, and said, when it is in use.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Where the console and the API listen.
    #[arg(long, default_value_t = 8081)]
    pub(crate) console_port: u16,
    /// How many nodes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) nodes: u16,
    /// Cores of each node [default: all, divided by the nodes].
    #[arg(long)]
    pub(crate) cores: Option<usize>,
    /// Python workers of each node [default: as many as cores].
    #[arg(long)]
    pub(crate) workers: Option<usize>,
    /// The Python that runs the services [default: DIR/.venv/bin/python when there, else python3].
    #[arg(long)]
    pub(crate) python: Option<PathBuf>,
    /// Folder with the bascule Python package, instead of the one in the node.
    #[arg(long)]
    pub(crate) python_path: Option<PathBuf>,
}
