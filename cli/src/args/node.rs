//! Arguments of `bascule node`.

use clap::Subcommand;

use super::Wait;

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the nodes and what they run.
    List,
    /// Show one node.
    Get { name: String },
    /// Finish what is in flight, take nothing new.
    Drain {
        name: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Bring a drained node back.
    Resume {
        name: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Forget a node that is not connected.
    Delete {
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        wait: Wait,
    },
}
