//! `bascule`: the command that a person types. It parses, runs one command, and ends with the exit
//! code that `exit.rs` chooses. Invariant: data goes to stdout, talk goes to stderr.

mod api;
mod applied;
mod args;
mod attached;
mod command;
mod config;
mod context;
mod dev;
mod exit;
mod failure;
mod file;
mod output;
mod printable;
mod problem;
mod suggest;
mod yaml;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(told(&error)),
    };
    let output = Output::new(&cli.global);
    match run(cli, &output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(exit::code(&failure))
        }
    }
}

/// Help and version on stdout, or what is wrong with the arguments on stderr.
fn told(error: &clap::Error) -> u8 {
    match error.print() {
        // Nothing can be done when even that cannot be printed.
        _ if error.use_stderr() => exit::USAGE,
        Err(lost) if lost.kind() != ErrorKind::BrokenPipe => {
            writeln!(std::io::stderr(), "error: writing to stdout: {lost}").ok();
            exit::FAILED
        }
        _ => exit::OK,
    }
}

fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    // These need no runtime, and one of them becomes another program.
    match cli.command {
        Command::Completion { shell } => return command::local::completion(shell, output),
        Command::Version => return command::local::version(output),
        Command::Attached(args) => return Err(attached::become_program(&args)),
        _ => {}
    }
    // One thread: starting more would cost more than what they could do here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("starting the runtime", &error))?;
    let outcome = runtime.block_on(command::run(cli, output));
    // Not dropped: that would wait for a file that a disk that stands still has not given yet.
    runtime.shutdown_background();
    outcome
}
