//! `bascule service`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use super::confirm::confirm;
use super::write;
use crate::api::{Api, Call, encode};
use crate::applied::readable;
use crate::args::{ServiceCommand, Wait};
use crate::dev::deploy::{self, Outcome, PACKAGE_BYTES_MAX};
use crate::dev::undeploy;
use crate::failure::Failure;
use crate::file;
use crate::output::{Output, Paint, field};
use crate::problem::Problem;

const COLUMNS: [&str; 7] = ["name", "file", "version", "req/s", "p50", "p99", "channels"];

/// The control plane's own time for a service that is invoked by hand.
const INVOKE_MAX: Duration = Duration::from_secs(30);

pub(crate) async fn run(
    command: ServiceCommand,
    api: &Api,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ServiceCommand::List { all } => {
            let mut items = api.list("/services").await?;
            items.retain(|item| all || item.get("built_in") != Some(&Value::Bool(true)));
            output.list(&items, &COLUMNS, row);
            Ok(())
        }
        ServiceCommand::Get { name } => {
            output.object(&api.named("service", &name).await?.json()?);
            Ok(())
        }
        ServiceCommand::Deploy { files, wait } => deploy_all(&files, &wait, api, output).await,
        ServiceCommand::Delete { name, yes, wait } => {
            delete(&name, yes, &wait, (api, output)).await
        }
        ServiceCommand::Invoke {
            name,
            data,
            content_type,
        } => {
            let data = data.map(|data| read_data(&data)).transpose()?;
            invoke(&name, data, content_type, (api, output)).await
        }
    }
}

/// Deploys one file after the other; a refused one does not keep the others back.
async fn deploy_all(
    files: &[PathBuf],
    wait: &Wait,
    api: &Api,
    output: &Output,
) -> Result<(), Failure> {
    let mut last = Ok(());
    for file in files {
        let outcome = deploy_one(file, wait, api, output).await;
        if let (Err(failure), true) = (&outcome, files.len() > 1) {
            output.failure(failure);
            last = Err(Failure::Said);
        } else {
            last = last.and(outcome);
        }
    }
    last
}

async fn deploy_one(path: &Path, wait: &Wait, api: &Api, output: &Output) -> Result<(), Failure> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let source = file::read(path, PACKAGE_BYTES_MAX)
        .map_err(|why| Failure::unreadable(&path.display().to_string(), &why))?
        .bytes;
    let start = Instant::now();
    match deploy::deploy(api, name, source, wait.time()).await? {
        Outcome::Live(live) => {
            let ms = start.elapsed().as_secs_f64() * 1000.0;
            write::report(output, &live.what(name), &live.answer, wait.time())?;
            let services = live.services.join(", ");
            output.talk(&output.paint(
                Paint::Dim,
                &format!("  {services} · {} in all", readable(ms)),
            ));
            if output.quiet && !output.json {
                live.services
                    .iter()
                    .for_each(|service| output.data(service));
            }
            Ok(())
        }
        Outcome::Checking(checking) => {
            if output.json {
                output.value(&checking.answer);
            }
            Err(Failure::NotApplied(checking.what(name, start.elapsed())))
        }
        Outcome::Refused(refused) => {
            if output.json {
                output.value(&refused.package);
            }
            let display = path.display().to_string();
            for line in refused.lines(&display, output) {
                output.complaint(&line);
            }
            Err(Failure::Said)
        }
    }
}

async fn delete(
    name: &str,
    is_said: bool,
    wait: &Wait,
    (api, output): (&Api, &Output),
) -> Result<(), Failure> {
    // A path as it is given to deploy; the cluster knows the file without its folder.
    let file = Path::new(name).file_name().and_then(|file| file.to_str());
    let deployed = undeploy::find(api, file.unwrap_or(name)).await?;
    let file = &deployed.file;
    let services = match deployed.services.join(", ") {
        services if services.is_empty() => "without services".to_owned(),
        services => services,
    };
    confirm(&format!("{file} ({services})"), is_said)?;
    let answer = undeploy::undeploy(api, &deployed, wait.time()).await?;
    let what = format!("{file} is deleted ({services})");
    write::report(output, &what, &answer, wait.time())
}

async fn invoke(
    name: &str,
    data: Option<Vec<u8>>,
    content_type: Option<String>,
    (api, output): (&Api, &Output),
) -> Result<(), Failure> {
    let guessed = match &data {
        Some(bytes) if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err() => {
            "text/plain"
        }
        _ => "application/json",
    };
    let content_type = content_type.as_deref().unwrap_or(guessed);
    let body = Some(data.unwrap_or_default());
    let call = Call {
        body,
        content_type: Some(content_type),
        work: INVOKE_MAX,
        ..Call::default()
    };
    let path = format!("/services/{}:invoke", encode(name));
    let reply = api.raw(Method::POST, &path, call).await?;
    let Some(node) = reply.header("x-bascule-node") else {
        // No node has run it: this is the control plane's own answer.
        return match reply.status {
            404 => Err(api.not_found("service", name).await),
            status => Err(Failure::Problem(Box::new(Problem::parse(
                status,
                &reply.body,
            )))),
        };
    };
    output.bytes(&reply.body);
    let took = reply
        .header("x-bascule-duration-us")
        .and_then(|us| us.parse::<f64>().ok());
    let took = took.map(|us| readable(us / 1000.0)).unwrap_or_default();
    let cid = reply.header("x-request-id").unwrap_or_default();
    let paint = if reply.status < 400 {
        Paint::Green
    } else {
        Paint::Red
    };
    let status = output.paint(paint, &reply.status.to_string());
    output.talk(&format!("{status} {name} on {node}  {took}  {cid}"));
    if reply.status < 400 {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

/// Text as it stands, `@FILE`, or `-` for stdin.
fn read_data(data: &str) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    if data == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        return read
            .map(|_| bytes)
            .map_err(|error| Failure::io("reading stdin", &error));
    }
    match data.strip_prefix('@') {
        Some(file) => {
            std::fs::read(file).map_err(|error| Failure::io(&format!("reading {file}"), &error))
        }
        None => Ok(data.as_bytes().to_vec()),
    }
}

fn row(service: &Value) -> Vec<String> {
    let number = |pointer: &str| service.pointer(pointer).and_then(Value::as_f64);
    let time = |pointer: &str| {
        number(pointer)
            .map(|us| readable(us / 1000.0))
            .unwrap_or_default()
    };
    let version = field(service, "/version");
    vec![
        field(service, "/name"),
        field(service, "/file"),
        if version.is_empty() {
            version
        } else {
            format!("v{version}")
        },
        number("/stats/requests_per_second")
            .map(|rate| format!("{rate:.1}"))
            .unwrap_or_default(),
        time("/stats/p50_us"),
        time("/stats/p99_us"),
        field(service, "/channels"),
    ]
}
