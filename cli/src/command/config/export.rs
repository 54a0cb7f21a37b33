//! `bascule config export`.

use std::path::Path;

use reqwest::Method;

use super::{WORK, kinds_of, told};
use crate::api::{Api, Call};
use crate::config::tree;
use crate::config::write::{self, Object, Refusal, Written};
use crate::failure::Failure;
use crate::output::{Output, Paint};

pub(super) async fn run(target: Option<&Path>, api: &Api, output: &Output) -> Result<(), Failure> {
    let kinds = kinds_of(api).await?;
    let call = Call {
        work: WORK,
        ..Call::default()
    };
    let answer = api.send(Method::GET, "/config", call).await?.json()?;
    if output.json && target.is_none() {
        output.value(&answer);
        return Ok(());
    }
    let objects = tree::of_answer(&answer, &kinds);
    save(target, &objects, &kinds, output)
}

/// To stdout, a file or a folder.
pub(super) fn save(
    target: Option<&Path>,
    objects: &[Object],
    kinds: &crate::config::kinds::Kinds,
    output: &Output,
) -> Result<(), Failure> {
    let Some(target) = target.filter(|target| *target != Path::new("-")) else {
        output.text(&write::text(objects, kinds));
        return Ok(());
    };
    let written = if is_folder(target) {
        write::folder(target, objects, kinds)
    } else {
        write::file(target, objects, kinds)
    };
    let written = written.map_err(|refusal| match refusal {
        Refusal::Faults(faults) => {
            let failure = told(&faults, output);
            let text = format!(
                "{} cannot be read, so it is left as it is",
                target.display()
            );
            output.complaint(&text);
            failure
        }
        Refusal::Failed(failure) => failure,
    })?;
    tell(target, objects.len(), &written, output);
    Ok(())
}

fn is_folder(target: &Path) -> bool {
    target.is_dir() || target.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn tell(target: &Path, objects: usize, written: &Written, output: &Output) {
    for path in &written.removed {
        output.talk(&format!(
            "{} is removed: its objects are gone",
            path.display()
        ));
    }
    for comment in &written.lost {
        output.talk(&format!(
            "{} {comment}",
            output.paint(Paint::Yellow, "lost comment:")
        ));
    }
    let (files, unchanged) = (written.files.len(), written.unchanged);
    let check = output.paint(Paint::Green, "✓");
    let unchanged = match unchanged {
        0 => String::new(),
        unchanged => format!(", {unchanged} left as they are"),
    };
    output.talk(&format!(
        "{check} {objects} objects in {} · {files} files written{unchanged}",
        target.display()
    ));
}
