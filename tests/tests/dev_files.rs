//! `bascule dev` while files come, go and change their names, and in a folder with files that are no services, or no files.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use bascule_tests::dev::Dev;
use bascule_tests::eventually;
use bascule_tests::http::get;
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
async fn a_file_that_is_no_service_is_told_with_the_reason() -> Result<()> {
    let dev = Dev::start_in(|project| Ok(std::fs::write(project.join("a-b.py"), "")?)).await?;
    dev.says("a-b.py is ignored: its name must be").await?;
    std::fs::write(dev.project().join("UP.PY"), "")?;
    dev.says("UP.PY is ignored: its name must end").await?;
    let folder = dev.project().join("sub");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("early.py"), "")?;
    dev.says("sub/early.py is ignored: services are").await?;
    std::fs::write(folder.join("late.py"), "")?;
    std::fs::write(dev.project().join("a-b.py"), "again")?;
    let talk = dev.says("sub/late.py is ignored: services are").await?;
    ensure!(talk.matches("a-b.py is ignored").count() == 1, "{talk}");
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

const PLAIN: &str = r"
from bascule import Service

class Plain(Service):
    name = 'story.plain'

    def handle(self):
        self.response.payload = 'plain'
";

const CHANNEL: &str = r"
[[channel]]
name = 'plain'
path = '/plain'
service = 'story.plain'
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_file_takes_its_services_along() -> Result<()> {
    let dev = Dev::start_in(|project| Ok(std::fs::write(project.join("plain.py"), PLAIN)?)).await?;
    let rename =
        |from: &str, to: &str| std::fs::rename(dev.project().join(from), dev.project().join(to));
    rename("plain.py", "other.py")?;
    let talk = dev.says("✓ other.py v1 live on 2/2 nodes").await?;
    ensure!(
        talk.contains("plain.py is other.py now: story.plain"),
        "{talk}"
    );
    ensure!(!talk.contains("is gone") && !talk.contains('✗'), "{talk}");

    // No service may leave its channels alone: then it is said what to do, and that works.
    let channels = dev.project().join("bascule.toml");
    let text = std::fs::read_to_string(&channels)?;
    std::fs::write(&channels, text + CHANNEL)?;
    dev.says("✓ channels plain").await?;
    rename("other.py", "third.py")?;
    dev.says("`bascule channel delete -y plain && bascule service delete -y other.py`")
        .await?;
    ensure!(get(&dev.balancer()?, "/plain").await?.status == 200);
    let early = dev.bascule(&["service", "delete", "-y", "other.py"])?;
    ensure!(early.status.code() == Some(4), "a conflict is 4: {early:?}");
    for command in [
        &["channel", "delete", "-y", "plain"][..],
        &["service", "delete", "-y", "story.plain"],
    ] {
        let ran = dev.bascule(command)?;
        ensure!(ran.status.success(), "{ran:?}");
    }
    let renamed = dev.project().join("third.py");
    std::fs::write(&renamed, std::fs::read(&renamed)?)?;
    dev.says("✓ third.py v1 live on 2/2 nodes").await?;
    eventually("the channel is there again", || async {
        let answer = get(&dev.balancer()?, "/plain").await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_is_saved_with_its_service_finds_it() -> Result<()> {
    let dev = Dev::start().await?;
    let channels = dev.project().join("bascule.toml");
    let text = std::fs::read_to_string(&channels)?;
    std::fs::write(&channels, text + CHANNEL)?;
    std::fs::write(dev.project().join("plain.py"), PLAIN)?;
    let talk = dev.says("✓ channels plain").await?;
    ensure!(!talk.contains('✗'), "{talk}");
    ensure!(!talk.contains("0/0 workers"), "{talk}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_is_taken_back_by_the_command_that_is_named() -> Result<()> {
    let dev = Dev::start_in(|project| Ok(std::fs::write(project.join("plain.py"), PLAIN)?)).await?;
    std::fs::remove_file(dev.project().join("plain.py"))?;
    dev.says("plain.py is gone; its services stay deployed (`bascule service delete plain.py`")
        .await?;
    let unasked = dev.bascule(&["service", "delete", "plain.py"])?;
    ensure!(unasked.status.code() == Some(64), "{unasked:?}");
    let deleted = dev.bascule(&["service", "delete", "plain.py", "-y", "--json"])?;
    ensure!(deleted.status.success(), "{deleted:?}");
    let answer: serde_json::Value = serde_json::from_slice(&deleted.stdout)?;
    ensure!(
        answer.pointer("/package/state") == Some(&"retired".into()),
        "{answer}"
    );
    let again = dev.bascule(&["service", "delete", "plain.py", "-y"])?;
    ensure!(again.status.code() == Some(3), "not found is 3: {again:?}");
    Ok(())
}
