//! What cannot work at the start is one clear line, and no half-started process.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use bascule_tests::means;
use bascule_tests::process::{Process, binary};

/// What each server is told, but for its state folder.
fn both(folder: &Path) -> Result<[(&'static str, Vec<String>); 2]> {
    let token = folder.join("token");
    std::fs::write(&token, "bsc_0123456789abcdef0123456789abcdef")?;
    let control = vec![
        "--http=127.0.0.1:0".to_owned(),
        "--grpc=127.0.0.1:0".to_owned(),
    ];
    let node = vec![
        "--name=lonely".to_owned(),
        "--controlplane=http://127.0.0.1:1".to_owned(),
        format!("--cluster-token-file={}", token.display()),
        "--node-listen=127.0.0.1:0".to_owned(),
    ];
    Ok([
        ("bascule-controlplane", control),
        ("bascule-dataplane", node),
    ])
}

/// Starts each server on `state`; answers with name, exit code and log.
async fn ends(folder: &Path, state: &Path) -> Result<Vec<(&'static str, Option<i32>, String)>> {
    let mut ends = Vec::new();
    for (name, mut args) in both(folder)? {
        args.push(format!("--state-dir={}", state.display()));
        let mut process = Process::start(name, &binary(name)?, &args, folder)?;
        let status = process.wait().await?;
        ends.push((name, status.code(), process.log()));
    }
    Ok(ends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_made_is_a_clear_error_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a-file");
    std::fs::write(&file, "")?;
    for (name, code, log) in ends(folder.path(), &file.join("state")).await? {
        ensure!(code == Some(1), "{name}: {code:?}: {log}");
        ensure!(log.contains("a-file"), "{name} names the folder: {log}");
        ensure!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}

/// A file system of its own, gone with the story.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None` where mounting is not allowed.
    fn new(place: &'a Path, options: &str) -> Result<Option<Self>> {
        std::fs::create_dir(place)?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place)
            .stderr(Stdio::null())
            .status()?;
        Ok(status.success().then_some(Self(place)))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_a_clear_error_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("disk");
    let Some(disk) = Mounted::new(&place, "size=16k")? else {
        return means::skip("only root may mount the small disk that this story fills");
    };
    // Nothing is left, not even a page.
    drop(std::fs::write(place.join("filler"), vec![0; 64 * 1024]));
    let ends = ends(folder.path(), &place.join("state")).await?;
    drop(disk);
    for (name, code, log) in ends {
        ensure!(code == Some(1), "{name}: {code:?}: {log}");
        ensure!(log.contains("No space left"), "{name}: {log}");
        ensure!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_is_a_clear_error_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("disk");
    let Some(disk) = Mounted::new(&place, "ro")? else {
        return means::skip("only root may mount the read-only disk of this story");
    };
    let ends = ends(folder.path(), &place.join("state")).await?;
    drop(disk);
    for (name, code, log) in ends {
        ensure!(code == Some(1), "{name}: {code:?}: {log}");
        ensure!(log.contains("Read-only file system"), "{name}: {log}");
        ensure!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}
