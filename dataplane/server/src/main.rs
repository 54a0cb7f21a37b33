//! Starts the node and ends it; nothing else.

mod access;
mod apply;
mod args;
mod cores;
mod failure;
mod log;
mod node;
mod python;
mod ready;
mod run;
mod signals;
mod state_dir;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let log = log::start(&args);
    let ended = args.check().and_then(|()| run::run(&args));
    log.flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line for whoever started the process, whatever the log format is.
            drop(writeln!(std::io::stderr(), "bascule-dataplane: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
