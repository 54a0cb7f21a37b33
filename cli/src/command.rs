//! The commands, one file per noun. Each asks the API, prints, and returns what failed.

pub(crate) use self::channel::etag;

mod channel;
mod config;
mod confirm;
pub(crate) mod local;
mod node;
mod service;
pub(crate) mod write;

use crate::api::Api;
use crate::args::{Cli, Command};
use crate::context::Target;
use crate::dev;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let api = || Api::new(Target::find(&cli.global)?);
    match cli.command {
        Command::Dev(args) => dev::run(args, output).await,
        Command::Service(command) => service::run(command, &api()?, output).await,
        Command::Channel(command) => channel::run(command, &api()?, output).await,
        Command::Config(command) => config::run(command, &cli.global, output).await,
        Command::Node(command) => node::run(command, &api()?, output).await,
        // These have ended before the runtime was started.
        Command::Version | Command::Completion { .. } | Command::Attached(_) => Ok(()),
    }
}
