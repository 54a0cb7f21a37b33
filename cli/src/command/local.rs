//! Commands that need no control plane.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::output::Output;

#[expect(clippy::unnecessary_wraps, reason = "all commands have one shape")]
pub(crate) fn version(output: &Output) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if output.json {
        output.value(&serde_json::json!({ "name": "bascule", "version": version }));
    } else {
        output.data(&format!("bascule {version}"));
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "all commands have one shape")]
pub(crate) fn completion(shell: Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bascule", &mut script);
    output.bytes(&script);
    Ok(())
}
