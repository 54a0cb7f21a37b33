//! The configuration as files: out of one cluster, changed by hand, and back.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use bascule_tests::Cluster;
use bascule_tests::command::{Bascule, Ran};
use bascule_tests::http::get;
use serde_json::Value;

const CHANNELS: &str = "\
# Channels of the CRM.

channels:
  # Whoever asks gets it back.
  - name: crm.echo
    path: /crm/echo # as the partners have it
    service: bascule.echo
  - name: crm.ping
    path: /crm/ping
    service: bascule.ping
    method: GET
  - name: erp.echo
    path: /erp
    service: bascule.echo
";

async fn cluster() -> Result<(Cluster, Bascule)> {
    let cluster = Cluster::usual().await?;
    fs::write(cluster.folder().join("all.yaml"), CHANNELS)?;
    let bascule = Bascule::of(&cluster);
    Ok((cluster, bascule))
}

fn says(ran: &Ran, parts: &[&str]) -> Result<()> {
    for part in parts {
        let is_said = ran.stderr.contains(part) || ran.stdout.contains(part);
        ensure!(is_said, "{part:?} is missing: {ran:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_compared_applied_and_exported_without_a_difference() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let file = cluster.folder().join("all.yaml");

    let diff = bascule.ends_with(2, &["config", "diff", "all.yaml"])?;
    says(
        &diff,
        &["+ channel crm.echo", "    path: /crm/echo", "3 new"],
    )?;
    let dry = bascule.ends_with(0, &["config", "apply", "all.yaml", "--dry-run"])?;
    says(&dry, &["dry run: 3 new"])?;
    ensure!(get(cluster.balancer()?, "/crm/echo").await?.status == 404);

    let args = ["config", "apply", "all.yaml", "--why", "release 12"];
    let applied = bascule.ends_with(0, &args)?;
    says(&applied, &["✓ 3 new · r", "on 2/2 nodes"])?;
    ensure!(get(cluster.balancer()?, "/crm/echo").await?.status == 200);

    let audit = cluster.api.get("/audit?page_size=1").await?;
    let why = audit.pointer("/items/0/why").and_then(Value::as_str);
    ensure!(why == Some("release 12"), "{audit}");

    // Nothing is different, so nothing is written, and nobody's comments go.
    says(
        &bascule.ends_with(0, &["config", "diff", "all.yaml"])?,
        &["nothing is different"],
    )?;
    says(
        &bascule.ends_with(0, &["config", "apply", "all.yaml"])?,
        &["nothing is different"],
    )?;
    let export = ["config", "export", "-o", "all.yaml"];
    says(
        &bascule.ends_with(0, &export)?,
        &["0 files written, 1 left as they are"],
    )?;
    ensure!(fs::read_to_string(&file)? == CHANNELS);

    bascule.ends_with(0, &["channel", "delete", "erp.echo", "-y"])?;
    bascule.ends_with(0, &export)?;
    let rest = CHANNELS
        .split("  - name: erp")
        .next()
        .context("before erp")?;
    ensure!(
        fs::read_to_string(&file)? == rest,
        "{}",
        fs::read_to_string(&file)?
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_holds_a_file_for_each_object_and_is_applied_as_one() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    bascule.ends_with(0, &["config", "apply", "all.yaml"])?;
    bascule.ends_with(0, &["config", "export", "-o", "config/"])?;
    let folder = cluster.folder().join("config/channels");
    let echo = fs::read_to_string(folder.join("crm.echo.yaml"))?;
    ensure!(
        echo == "name: crm.echo\npath: /crm/echo\nservice: bascule.echo\n",
        "{echo}"
    );
    bascule.ends_with(0, &["config", "diff", "config"])?;

    fs::write(
        folder.join("crm.echo.yaml"),
        echo.replace("/crm/echo", "/crm/say") + "# Moved.\n",
    )?;
    fs::remove_file(folder.join("crm.ping.yaml"))?;
    let diff = bascule.ends_with(2, &["config", "diff", "config"])?;
    says(
        &diff,
        &[
            "path: /crm/echo → /crm/say",
            "no longer takes any method /crm/echo",
            "1 changed",
        ],
    )?;
    bascule.ends_with(0, &["config", "apply", "config"])?;
    ensure!(get(cluster.balancer()?, "/crm/say").await?.status == 200);
    // What a file does not mention stays, and comes back with the next export.
    ensure!(get(cluster.balancer()?, "/crm/ping").await?.status == 200);
    bascule.ends_with(0, &["config", "export", "-o", "config"])?;
    ensure!(folder.join("crm.ping.yaml").exists());
    ensure!(fs::read_to_string(folder.join("crm.echo.yaml"))?.ends_with("# Moved.\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_deletes_inside_its_scope_and_needs_a_yes() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    bascule.ends_with(0, &["config", "apply", "all.yaml"])?;
    let only = "channels: [{name: crm.echo, path: /crm/echo, service: bascule.echo}]\n";
    fs::write(cluster.folder().join("crm.yaml"), only)?;
    let prune = ["config", "apply", "crm.yaml", "--prune", "--scope", "crm."];

    let unasked = bascule.ends_with(64, &prune)?;
    says(
        &unasked,
        &[
            "- channel crm.ping",
            "deleting channel crm.ping needs --yes",
        ],
    )?;
    ensure!(get(cluster.balancer()?, "/crm/ping").await?.status == 200);
    let diff = [
        &["config", "diff", "crm.yaml"],
        prune.get(3..).context("four")?,
    ]
    .concat();
    says(
        &bascule.ends_with(2, &diff)?,
        &["- channel crm.ping", "goes away", "1 deleted"],
    )?;

    let pruned = bascule.ends_with(0, &[&prune[..], &["--yes"]].concat())?;
    says(&pruned, &["✓ 1 deleted · r"])?;
    ensure!(get(cluster.balancer()?, "/crm/ping").await?.status == 404);
    ensure!(get(cluster.balancer()?, "/erp").await?.status == 200);
    bascule.ends_with(0, &diff)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_file_is_told_with_its_lines_and_changes_nothing() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let write = |text: &str| fs::write(cluster.folder().join("bad.yaml"), text);
    let validate = ["config", "validate", "bad.yaml"];

    write("channels:\n  - name: a\n    path: /a\n    servce: bascule.echo\n    path: /b\n")?;
    says(
        &bascule.ends_with(1, &validate)?,
        &["bad.yaml:5:5: the key 'path' is there twice"],
    )?;
    write("channels:\n  - name: a\n    path: /a\n    servce: bascule.echo\n")?;
    for args in [
        &validate[..],
        &["config", "apply", "bad.yaml"],
        &["config", "diff", "bad.yaml"],
    ] {
        says(
            &bascule.ends_with(1, args)?,
            &["bad.yaml:4:5: servce is not a field; service?"],
        )?;
    }
    // What only the control plane knows has its line, too.
    write(
        "channels:\n  - name: good\n    path: /good\n    service: bascule.echo\n  - name: a\n    path: a\n    service: not.there\n",
    )?;
    says(
        &bascule.ends_with(1, &validate)?,
        &["bad.yaml:6:5: channels a path: "],
    )?;
    write("channels:\n  - name: a\n    path: /a\n    service: not.there\n")?;
    says(
        &bascule.ends_with(1, &validate)?,
        &["bad.yaml:4:5: channels a service: service not.there is in no live package"],
    )?;
    // Alone, the tables say what they can.
    says(
        &bascule.ends_with(0, &["config", "validate", "--offline", "bad.yaml"])?,
        &["1 objects are valid"],
    )?;
    ensure!(
        bascule
            .ends_with(0, &["channel", "list"])?
            .stdout
            .is_empty()
    );
    bascule.ends_with(1, &["config", "diff", "absent.yaml"])?;
    bascule.ends_with(64, &["config", "apply", "all.yaml", "--prune"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_never_exported_and_stays_when_a_file_is_applied() -> Result<()> {
    let (cluster, bascule) = cluster().await?;
    let text = "security:\n  - {name: CRM, type: basic_auth, username: crm, password: s3cret}\n  \
                - {name: ERP, type: basic_auth, username: erp, password: $ERP_PASSWORD}\n";
    fs::write(cluster.folder().join("secrets.yaml"), text)?;
    bascule.ends_with(0, &["config", "apply", "secrets.yaml"])?;
    let exported = bascule.ends_with(0, &["config", "export"])?.stdout;
    ensure!(!exported.contains("s3cret"), "{exported}");
    ensure!(exported.contains("password: $ERP_PASSWORD"), "{exported}");
    fs::write(
        cluster.folder().join("out.yaml"),
        exported.replace("username: crm", "username: crm2"),
    )?;
    let diff = bascule
        .ends_with(2, &["config", "diff", "out.yaml", "--json"])?
        .json()?;
    let fields = diff
        .pointer("/items/0/fields")
        .and_then(Value::as_array)
        .context("fields")?;
    ensure!(
        fields.len() == 1 && fields[0]["pointer"] == "/username",
        "{diff}"
    );
    ensure!(!diff.to_string().contains("s3cret"));
    Ok(())
}
