//! The control plane's process: starts, stops, nothing else.

mod args;
mod listen;
mod log;
mod ready;
mod setup_link;
mod start;
mod state_dir;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(start::run(args)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with the whole chain, for people and for whoever started us.
            let line = format!("bascule-controlplane: {error:#}\n");
            std::io::stderr().write_all(line.as_bytes()).ok();
            ExitCode::FAILURE
        }
    }
}
