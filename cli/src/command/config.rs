//! `bascule config`: what the files say, what the control plane has, and the way from one to the other.
//!
//! Invariant: nothing is sent that does not read well here, and nothing is deleted without `--prune` and a yes.

mod apply;
mod export;
mod validate;

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, Call, Reply};
use crate::args::{ConfigCommand, Global};
use crate::config::document::{Document, FileFault, collect};
use crate::config::kinds::Kinds;
use crate::config::{answer, source};
use crate::context::Target;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// Ten thousand objects take seconds; a control plane that needs longer than this is not at work on them.
const WORK: Duration = Duration::from_mins(1);
/// What the control plane takes.
const BODY_BYTES_MAX: usize = 8 << 20;

pub(crate) async fn run(
    command: ConfigCommand,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let api = || Api::new(Target::find(global)?);
    match command {
        ConfigCommand::Export { output: target } => {
            export::run(target.as_deref(), &api()?, output).await
        }
        ConfigCommand::Diff { files, prune } => apply::diff(&files, &prune, &api()?, output).await,
        ConfigCommand::Apply(args) => apply::run(&args, &api()?, output).await,
        ConfigCommand::Validate { files, offline } => {
            let api = if offline { None } else { Some(api()?) };
            validate::run(&files, api.as_ref(), output).await
        }
    }
}

/// The control plane's tables of fields; of one that is older than they are, those that are built in.
async fn kinds_of(api: &Api) -> Result<Kinds, Failure> {
    match api.send(Method::GET, "/kinds", Call::default()).await {
        Ok(reply) => serde_json::from_slice(&reply.body).map_err(|error| {
            Failure::Failed(format!("the tables of fields cannot be read: {error}"))
        }),
        Err(Failure::Problem(problem)) if problem.status == 404 => Ok(Kinds::built_in()),
        Err(failure) => Err(failure),
    }
}

/// The objects of the files; else every fault has been told.
fn read(files: &Path, kinds: &Kinds, output: &Output) -> Result<Document, Failure> {
    let sources = source::read(files, kinds)?;
    collect(&sources, kinds).map_err(|faults| told(&faults, output))
}

/// One line for each, or JSON.
fn told(faults: &[FileFault], output: &Output) -> Failure {
    if output.json {
        let shown = |fault: &FileFault| {
            json!({"file": fault.file, "line": fault.line, "column": fault.column,
                   "detail": fault.text})
        };
        let items: Vec<_> = faults.iter().map(shown).collect();
        output.value(&json!({ "errors": items }));
    } else {
        for fault in faults {
            let mark = output.paint(Paint::Red, "✗");
            output.complaint(&crate::printable::line(&format!("{mark} {fault}")));
        }
    }
    Failure::Said
}

fn body(document: &Document) -> Result<Vec<u8>, Failure> {
    let body = document.body().to_string().into_bytes();
    if body.len() > BODY_BYTES_MAX {
        let text = format!(
            "the objects are larger than {} MiB together: apply them in parts",
            BODY_BYTES_MAX >> 20
        );
        return Err(Failure::Failed(text));
    }
    Ok(body)
}

/// Asks for a change; what is refused is told with the places of the files.
async fn post(document: &Document, call: Call<'_>, api: &Api) -> Result<Reply, Failure> {
    let call = Call { work: WORK, ..call };
    match api.send(Method::POST, "/config", call).await {
        Err(Failure::Problem(problem)) => {
            Err(Failure::Problem(Box::new(document.located(*problem))))
        }
        other => other,
    }
}

/// Data: each difference and effect, or the whole answer as JSON.
fn show(answer: &Value, kinds: &Kinds, output: &Output) {
    if output.json {
        return output.value(answer);
    }
    if output.quiet {
        let items = answer.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let part = |name: &str| crate::output::field(item, name);
            let line = format!("{} {}", part("/kind"), part("/name"));
            output.data(&crate::printable::line(&line));
        }
        return;
    }
    for line in answer::lines(answer, kinds, output) {
        output.data(&line);
    }
}
