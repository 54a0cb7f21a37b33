//! What cannot work at the start is one clear line, and no half-started process.

use anyhow::{Result, ensure};
use bascule_tests::process::{Process, binary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_is_a_clear_error_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a-file");
    std::fs::write(&file, "")?;
    let state = format!("--state-dir={}", file.join("state").display());
    let token = folder.path().join("token");
    std::fs::write(&token, "bsc_story")?;
    let control = vec![
        "--http=127.0.0.1:0".to_owned(),
        "--grpc=127.0.0.1:0".to_owned(),
        state.clone(),
    ];
    let node = vec![
        "--name=lonely".to_owned(),
        "--controlplane=http://127.0.0.1:1".to_owned(),
        format!("--cluster-token-file={}", token.display()),
        "--node-listen=127.0.0.1:0".to_owned(),
        state,
    ];
    for (name, args) in [
        ("bascule-controlplane", control),
        ("bascule-dataplane", node),
    ] {
        let mut process = Process::start(name, &binary(name)?, &args, folder.path())?;
        let status = process.wait().await?;
        ensure!(status.code() == Some(1), "{name}: {status}");
        let log = process.log();
        ensure!(log.contains("a-file"), "{name} names the folder: {log}");
        ensure!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_a_clear_error_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk)?;
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(&disk)
        .stderr(std::process::Stdio::null())
        .status()?;
    if !mounted.success() {
        // Not root: nothing here to fill. CI runs as root, so the promise is checked there.
        return Ok(());
    }
    let args = vec![
        "--http=127.0.0.1:0".to_owned(),
        "--grpc=127.0.0.1:0".to_owned(),
        format!("--state-dir={}", disk.join("state").display()),
    ];
    let mut process = Process::start(
        "control",
        &binary("bascule-controlplane")?,
        &args,
        folder.path(),
    )?;
    let status = process.wait().await;
    let log = process.log();
    drop(process);
    std::process::Command::new("umount").arg(&disk).status()?;
    ensure!(status?.code() == Some(1), "{log}");
    ensure!(
        log.to_lowercase().contains("full") || log.contains("No space"),
        "{log}"
    );
    ensure!(!log.contains("panicked"), "{log}");
    Ok(())
}
