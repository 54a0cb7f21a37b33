//! `bascule` without a control plane: what it makes of its surroundings before it asks anybody.

use std::fs::File;
use std::process::Command;

use anyhow::{Result, ensure};
use bascule_tests::process::binary;

#[test]
fn data_that_cannot_be_written_is_a_failure_and_a_closed_pipe_is_none() -> Result<()> {
    for args in [&["version"][..], &["completion", "bash"], &["--help"]] {
        let full = File::options().write(true).open("/dev/full")?;
        let ran = Command::new(binary("bascule")?)
            .args(args)
            .stdout(full)
            .output()?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.code() == Some(1), "{args:?}: {ran:?}");
        ensure!(
            said.lines().count() == 1 && said.contains("No space left"),
            "{said}"
        );

        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let ran = Command::new(binary("bascule")?)
            .args(args)
            .stdout(writer)
            .output()?;
        ensure!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    }
    Ok(())
}

#[test]
fn a_variable_that_is_empty_is_not_set() -> Result<()> {
    // Port 1 of loopback is nobody's: that it does not answer is found out after all the rest.
    let ran = Command::new(binary("bascule")?)
        .args(["node", "list"])
        .env("BASCULE_TOKEN", "a token")
        .env("BASCULE_TOKEN_FILE", "")
        .env("BASCULE_URL", "http://127.0.0.1:1")
        .output()?;
    ensure!(ran.status.code() == Some(69), "{ran:?}");
    Ok(())
}
