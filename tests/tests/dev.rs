//! `bascule dev` as a newcomer meets it: start, call, save a change, save a mistake, look, stop.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use bascule_tests::dev::{Dev, root};
use bascule_tests::http::get;
use bascule_tests::means;
use bascule_tests::process::Signal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomers_first_ten_minutes() -> Result<()> {
    let mut dev = Dev::start().await?;
    let balancer = dev.balancer()?;
    let hello = get(&balancer, "/hello?name=Ada").await?;
    ensure!(
        hello.text() == r#"{"message":"Hello, Ada"}"#,
        "{}: {}",
        hello.status,
        hello.text()
    );
    dev.says("GET /hello").await?;

    // A saved change is live without a word to anybody.
    let file = dev.project().join("hello.py");
    let source = std::fs::read_to_string(&file)?;
    std::fs::write(&file, source.replace("Hello, ", "Good day, "))?;
    dev.says("v2 live on 2/2 nodes").await?;
    let changed = get(&balancer, "/hello?name=Ada").await?;
    ensure!(
        changed.text().contains("Good day, Ada"),
        "{}",
        changed.text()
    );

    // A saved mistake is told with its place, and changes nothing.
    std::fs::write(&file, "import nothing_of_this_name\n")?;
    let talk = dev.says("still serving v2").await?;
    ensure!(
        talk.contains("hello.py:1") && talk.contains("nothing_of_this_name"),
        "{talk}"
    );
    ensure!(get(&balancer, "/hello").await?.text().contains("Good day"));

    the_commands_find_it(&dev)?;

    dev.process.signal(Signal::Terminate)?;
    let status = dev.process.wait().await?;
    ensure!(status.success(), "{status}: {}", dev.talk());
    ensure!(
        get(&balancer, "/hello").await.is_err(),
        "the nodes are gone with it"
    );
    Ok(())
}

/// The other commands need no address and no token inside the folder.
fn the_commands_find_it(dev: &Dev) -> Result<()> {
    let nodes = dev.bascule(&["node", "list", "--json"])?;
    ensure!(
        nodes.status.success(),
        "{}",
        String::from_utf8_lossy(&nodes.stderr)
    );
    let nodes: serde_json::Value = serde_json::from_slice(&nodes.stdout)?;
    ensure!(nodes.to_string().contains("dev-2"), "{nodes}");
    let invoked = dev.bascule(&[
        "service",
        "invoke",
        "hello.greet",
        "--data",
        r#"{"name": "CLI"}"#,
    ])?;
    ensure!(
        invoked.status.success(),
        "{}",
        String::from_utf8_lossy(&invoked.stderr)
    );
    ensure!(String::from_utf8_lossy(&invoked.stdout).contains("Good day, CLI"));
    let unknown = dev.bascule(&["service", "invoke", "hello.gret"])?;
    ensure!(
        unknown.status.code() == Some(3),
        "not found is 3: {:?}",
        unknown.status
    );
    let refused = dev.bascule(&["service", "deploy", "hello.py"])?;
    ensure!(refused.status.code() == Some(1), "{:?}", refused.status);
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("nothing_of_this_name"));
    let twin = dev.bascule(&[
        "channel",
        "create",
        "twin",
        "--path",
        "/hello",
        "--service",
        "hello.greet",
    ])?;
    ensure!(
        twin.status.code() == Some(4),
        "a conflict is 4: {:?}",
        twin.status
    );
    let away = dev.bascule(&["node", "list", "--url", "http://127.0.0.1:1"])?;
    ensure!(
        away.status.code() == Some(69),
        "unreachable is 69: {:?}",
        away.status
    );
    let usage = dev.bascule(&["node", "lsit"])?;
    ensure!(
        usage.status.code() == Some(64),
        "usage is 64: {:?}",
        usage.status
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_tried_again_when_it_is_saved_again_unchanged() -> Result<()> {
    let dev = Dev::start().await?;
    let file = dev.project().join("hello.py");
    let source = std::fs::read_to_string(&file)?;
    let source = source.replace("Hello, ", "Good day, ") + "\nimport installed_later\n";
    std::fs::write(&file, &source)?;
    dev.says("still serving v1").await?;

    dev.install("installed_later")?;
    std::fs::write(&file, &source)?;

    dev.says("v2 live on 2/2 nodes").await?;
    let answer = get(&dev.balancer()?, "/hello?name=Ada").await?;
    ensure!(answer.text().contains("Good day, Ada"), "{}", answer.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_shows_a_live_cluster_in_a_browser() -> Result<()> {
    let root = root();
    let index = root.join("admin-web/dist/index.html");
    let modules = root.join("admin-web/node_modules");
    if !index.exists() || !modules.exists() {
        return means::skip("the console is not built, there is nothing to look at");
    }
    let dev = Dev::start().await?;
    let link = dev.address("console")?;
    let output = tokio::task::spawn_blocking(move || {
        Command::new("bash")
            .arg("-c")
            .arg(". ./node.sh && use_node && npm run --silent e2e")
            .current_dir(root.join("admin-web"))
            .env("BASCULE_CONSOLE_URL", link)
            .stdin(Stdio::null())
            .output()
    })
    .await??;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{report}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
