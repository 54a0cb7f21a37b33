//! `bascule dev` in a folder with files that are no services, or no files.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use bascule_tests::dev::Dev;
use bascule_tests::process::Signal;

fn fifo(path: &Path) -> Result<()> {
    let status = Command::new("mkfifo").arg(path).status()?;
    ensure!(status.success(), "mkfifo {}: {status}", path.display());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifo_in_the_folder_keeps_neither_deploys_nor_the_end_waiting() -> Result<()> {
    let mut dev = Dev::start_in(|project| fifo(&project.join("early.py"))).await?;
    dev.says("✗ early.py is no regular file").await?;
    fifo(&dev.project().join("late.py"))?;
    dev.says("✗ late.py is no regular file").await?;

    let file = dev.project().join("hello.py");
    let source = std::fs::read_to_string(&file)?;
    std::fs::write(&file, source.replace("Hello, ", "Good day, "))?;
    dev.says("v2 live on 2/2 nodes").await?;

    dev.process.signal(Signal::Interrupt)?;
    let status = dev.process.wait().await?;
    ensure!(status.success(), "{status}: {}", dev.talk());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_large_is_told_and_keeps_no_other_from_starting() -> Result<()> {
    let dev = Dev::start_in(|project| {
        Ok(std::fs::write(
            project.join("huge.py"),
            "#".repeat(5_000_000),
        )?)
    })
    .await?;
    let talk = dev.says("✗ huge.py is larger than 4 MiB").await?;
    ensure!(talk.contains("✓ hello.py v1 live on 2/2 nodes"), "{talk}");
    let deployed = dev.bascule(&["service", "deploy", "huge.py"])?;
    ensure!(deployed.status.code() == Some(1), "{deployed:?}");
    let said = String::from_utf8_lossy(&deployed.stderr);
    ensure!(said.contains("huge.py is larger than 4 MiB"), "{said}");
    Ok(())
}
