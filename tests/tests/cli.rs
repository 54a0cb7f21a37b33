//! `bascule` as scripts use it: data on stdout, talk on stderr, and an exit code that says what to do next.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bascule_tests::command::{Bascule, Ran};
use bascule_tests::http::get;
use bascule_tests::process::{Process, Signal, binary};
use bascule_tests::{Cluster, eventually};
use serde_json::{Value, json};

const GREETS: &str = r"
from bascule import Service

class Greets(Service):
    name = 'story.greets'

    def handle(self):
        self.response.payload = {'greeting': 'hello'}
";

/// Its second line names what is not there.
const BROKEN: &str = "\nimport module_that_is_not_there\n";

/// Puts a channel of this name and path before the service.
fn create<'a>(name: &'a str, path: &'a str) -> [&'a str; 7] {
    let service = "story.greets";
    [
        "channel",
        "create",
        name,
        "--path",
        path,
        "--service",
        service,
    ]
}

/// A cluster with `greets.py` in its folder, not deployed yet.
async fn cluster() -> Result<(Cluster, Bascule)> {
    let cluster = Cluster::usual().await?;
    std::fs::write(cluster.folder().join("greets.py"), GREETS)?;
    let bascule = Bascule::of(&cluster);
    Ok((cluster, bascule))
}

fn says(ran: &Ran, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(ran.stderr.contains(part), "{part:?} is missing: {ran:#?}");
    }
    Ok(())
}

/// The line of a list whose first column is `name`.
fn line<'a>(ran: &'a Ran, name: &str) -> Result<Vec<&'a str>> {
    let mut lines = ran.stdout.lines().map(|line| line.split('\t').collect());
    lines
        .find(|cells: &Vec<&str>| cells.first() == Some(&name))
        .with_context(|| format!("no {name}: {ran:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_and_its_channel_come_and_go_by_commands_alone() -> Result<()> {
    let (cluster, bascule) = cluster().await?;

    let deployed = bascule.ends_with(0, &["service", "deploy", "greets.py"])?;
    says(&deployed, &["✓ greets.py v1 is live · r", "on 2/2 nodes"])?;
    ensure!(deployed.stdout.is_empty(), "{deployed:#?}");
    let services = bascule.ends_with(0, &["service", "list"])?;
    let service = line(&services, "story.greets")?;
    ensure!(service.get(1..3) == Some(&["greets.py", "v1"][..]));

    let created = bascule.ends_with(0, &create("greets", "/greets"))?;
    says(&created, &["✓ channel greets is made · r", "on 2/2 nodes"])?;
    let channels = bascule.ends_with(0, &["channel", "list"])?;
    let wanted = ["greets", "any", "/greets", "story.greets", "json", "yes"];
    ensure!(line(&channels, "greets")? == wanted, "{channels:#?}");
    ensure!(get(cluster.balancer()?, "/greets").await?.text() == r#"{"greeting":"hello"}"#);

    std::fs::write(cluster.folder().join("greets.py"), BROKEN)?;
    let refused = bascule.ends_with(1, &["service", "deploy", "greets.py"])?;
    says(
        &refused,
        &["✗ greets.py:2 ", "module_that_is_not_there", "serving v1"],
    )?;
    ensure!(get(cluster.balancer()?, "/greets").await?.status == 200);

    // A script is not asked, and deletes nothing by being silent.
    let unasked = bascule.ends_with(64, &["channel", "delete", "greets"])?;
    says(&unasked, &["channel greets needs --yes"])?;
    ensure!(get(cluster.balancer()?, "/greets").await?.status == 200);
    let deleted = bascule.ends_with(0, &["channel", "delete", "greets", "--yes"])?;
    says(&deleted, &["✓ channel greets is deleted · r"])?;
    ensure!(get(cluster.balancer()?, "/greets").await?.status == 404);
    let channels = bascule.ends_with(0, &["channel", "list"])?;
    ensure!(channels.stdout.is_empty(), "{channels:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_drained_and_comes_back() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let state = || -> Result<String> {
        let nodes = bascule.ends_with(0, &["node", "list"])?;
        let state = line(&nodes, "node-1")?.get(1).map(ToString::to_string);
        state.context("no state")
    };
    ensure!(state()? == "online");

    let drained = bascule.ends_with(0, &["node", "drain", "node-1"])?;
    says(&drained, &["✓ node-1 drains · r", "on 2/2 nodes"])?;
    ensure!(state()? == "draining");

    let resumed = bascule.ends_with(0, &["node", "resume", "node-1"])?;
    says(&resumed, &["✓ node-1 is back · r", "on 2/2 nodes"])?;
    ensure!(state()? == "online");
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_forgotten_once_it_is_gone() -> Result<()> {
    let (mut cluster, bascule) = cluster().await?;
    let delete = ["node", "delete", "node-1", "-y"];
    says(&bascule.ends_with(4, &delete)?, &["connected"])?;
    bascule.ends_with(64, &["node", "delete", "node-1"])?;

    cluster.nodes.pop().context("two nodes")?.process.kill()?;
    eventually("it is deleted", || async { bascule.ends_with(0, &delete) }).await?;

    bascule.ends_with(3, &delete)?;
    let nodes = bascule.ends_with(0, &["node", "list", "-q"])?;
    ensure!(nodes.stdout == "node-0\n", "{nodes:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_get_json_names_and_no_escape_codes() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let json_of = |args: &[&str]| bascule.ends_with(0, &[args, &["--json"]].concat())?.json();
    let is = |value: &Value, pointer: &str, wanted: Value| {
        ensure!(
            value.pointer(pointer) == Some(&wanted),
            "{pointer}: {value}"
        );
        Ok(())
    };

    let deployed = json_of(&["service", "deploy", "greets.py"])?;
    is(&deployed, "/package/state", json!("live"))?;
    is(&deployed, "/package/services", json!(["story.greets"]))?;
    is(&deployed, "/applied/complete", json!(true))?;
    let created = json_of(&create("greets", "/greets"))?;
    is(&created, "/channel/path", json!("/greets"))?;
    is(&created, "/applied/nodes/1/state", json!("applied"))?;
    let drained = json_of(&["node", "drain", "node-1"])?;
    is(&drained, "/node/state", json!("draining"))?;
    for (noun, first) in [
        ("service", "story.greets"),
        ("channel", "greets"),
        ("node", "node-0"),
    ] {
        let list = json_of(&[noun, "list"])?;
        is(&list, "/items/0/name", json!(first))?;
        let names = bascule.ends_with(0, &[noun, "list", "-q"])?;
        ensure!(names.stdout.lines().next() == Some(first), "{names:#?}");
        ensure!(!names.stdout.contains('\t'), "{names:#?}");
    }
    ensure!(json_of(&["version"])?.is_object());

    quiet_says_only_what_failed(&cluster, &bascule)?;
    colours_are_for_those_who_want_them(&bascule)
}

fn quiet_says_only_what_failed(cluster: &Cluster, bascule: &Bascule) -> Result<()> {
    let deployed = bascule.ends_with(0, &["service", "deploy", "greets.py", "-q"])?;
    ensure!(deployed.stdout == "story.greets\n", "{deployed:#?}");
    ensure!(deployed.stderr.is_empty(), "{deployed:#?}");
    std::fs::write(cluster.folder().join("greets.py"), BROKEN)?;
    let refused = bascule.ends_with(1, &["service", "deploy", "greets.py", "-q"])?;
    says(&refused, &["greets.py:2 ", "module_that_is_not_there"])?;
    let json = ["service", "deploy", "greets.py", "--json"];
    let refused = bascule.ends_with(1, &json)?.json()?;
    ensure!(
        refused.pointer("/error/line") == Some(&json!(2)),
        "{refused}"
    );
    Ok(())
}

/// Talk of every kind, with and without the variables of the custom.
fn colours_are_for_those_who_want_them(bascule: &Bascule) -> Result<()> {
    let escapes = |bascule: &Bascule, more: &str| -> Result<usize> {
        let mut count = 0;
        for args in [
            &["node", "resume", "node-1"][..],
            &["service", "deploy", "greets.py"],
            &["channel", "get", "gretes"],
            &["node", "lsit"],
        ] {
            let ran = bascule.run(&[args, &[more]].concat())?;
            ensure!(!ran.stderr.is_empty(), "{ran:#?}");
            count += ran.stderr.matches('\u{1b}').count() + ran.stdout.matches('\u{1b}').count();
        }
        Ok(count)
    };
    let forced = bascule.clone().with("CLICOLOR_FORCE", "1");
    ensure!(escapes(bascule, "--color=auto")? == 0, "a pipe");
    ensure!(escapes(&forced, "--color=auto")? > 0);
    ensure!(escapes(bascule, "--color=always")? > 0);
    let never = forced.with("NO_COLOR", "1");
    ensure!(escapes(&never, "--color=auto")? == 0, "NO_COLOR");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_fail_has_its_exit_code() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    bascule.ends_with(0, &["service", "deploy", "greets.py"])?;
    bascule.ends_with(0, &create("greets", "/greets"))?;

    bascule.ends_with(1, &["service", "deploy", "absent.py"])?;
    for missing in [
        &["channel", "delete", "gretes", "-y"][..],
        &["channel", "get", "gretes"],
        &["node", "drain", "node-7"],
        &["service", "get", "story.gretes"],
    ] {
        says(&bascule.ends_with(3, missing)?, &["there is no "])?;
    }
    let twin = bascule.ends_with(4, &create("twin", "/greets"))?;
    says(&twin, &["channel greets"])?;
    let wrong = cluster.folder().join("wrong.token");
    std::fs::write(&wrong, "not-the-token")?;
    let stranger = bascule.clone().with_token_file(&wrong);
    says(
        &stranger.ends_with(5, &["node", "list"])?,
        &["--token-file"],
    )?;
    for usage in [
        &["node", "lsit"][..],
        &["node", "list", "--url=ftp://x"],
        &["node", "drain", "node-1", "--wait=61s"],
    ] {
        let ran = bascule.ends_with(64, usage)?;
        ensure!(ran.stdout.is_empty(), "{ran:#?}");
    }
    // Port 1 of loopback is nobody's.
    bascule.ends_with(69, &["node", "list", "--url=http://127.0.0.1:1"])?;
    a_node_that_stands_still_is_waited_for_in_vain(&cluster, &bascule).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_stands_still_is_unreachable_within_seconds() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let control = cluster.control.as_ref().context("a control plane")?;
    let start = Instant::now();

    control.signal(Signal::Stop)?;
    let ran = bascule.ends_with(69, &["node", "list"]);
    control.signal(Signal::Continue)?;

    says(&ran?, &["does not answer: timed out"])?;
    let waited = start.elapsed();
    ensure!(waited < Duration::from_secs(15), "{waited:?}");
    Ok(())
}

async fn a_node_that_stands_still_is_waited_for_in_vain(
    cluster: &Cluster,
    bascule: &Bascule,
) -> Result<()> {
    let node = cluster.nodes.get(1).context("two nodes")?;
    let late = [&create("late", "/late")[..], &["--wait=300ms"]].concat();

    node.process.signal(Signal::Stop)?;
    let ran = bascule.ends_with(75, &late);
    node.process.signal(Signal::Continue)?;

    says(&ran?, &["on 1/2 nodes after 300 ms: waiting for node-1"])?;
    // The change stays, as it was told.
    cluster.in_sync().await?;
    ensure!(get(cluster.balancer()?, "/late").await?.status == 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dev_that_is_interrupted_before_it_is_up_ends_with_130() -> Result<()> {
    let home = tempfile::Builder::new().prefix("bascule-dev-").tempdir()?;
    // A Python that never says that it is there: nothing can be deployed, so dev cannot be up.
    let python = executable(home.path(), "#!/bin/sh\nexec sleep 60\n")?;
    let args = [
        "dev".to_owned(),
        home.path().join("hello").display().to_string(),
        "--port=0".to_owned(),
        "--console-port=0".to_owned(),
        format!("--python={python}"),
    ];
    let state = home.path().display().to_string();
    let environment = [("XDG_STATE_HOME".to_owned(), state)];
    let mut dev =
        Process::start_with("dev", &binary("bascule")?, &args, home.path(), &environment)?;
    // By the time that its control plane runs, it listens for signals.
    let ready = home.path().join("hello/.bascule/controlplane.ready");
    dev.ready(&ready).await?;

    dev.signal(Signal::Interrupt)?;

    let status = dev.wait().await?;
    ensure!(status.code() == Some(130), "{status}: {}", dev.log());
    ensure!(dev.log().contains("interrupted"), "{}", dev.log());
    Ok(())
}

fn executable(folder: &Path, text: &str) -> Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("python-that-hangs");
    std::fs::write(&file, text)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700))?;
    Ok(file.display().to_string())
}
