//! `bascule config validate`.

use std::path::Path;

use serde_json::json;

use super::{body, kinds_of, post, read};
use crate::api::{Api, Call};
use crate::config::kinds::Kinds;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// Without `api`, or when it does not answer, by the tables that are built in.
pub(super) async fn run(files: &Path, api: Option<&Api>, output: &Output) -> Result<(), Failure> {
    let (kinds, api) = match api {
        None => (Kinds::built_in(), None),
        Some(api) => match kinds_of(api).await {
            Ok(kinds) => (kinds, Some(api)),
            Err(Failure::Unreachable { url, .. }) => {
                let text = format!("the control plane at {url} does not answer");
                output.talk(&format!(
                    "{text}: the files are checked by the tables of this version"
                ));
                (Kinds::built_in(), None)
            }
            Err(failure) => return Err(failure),
        },
    };
    let document = read(files, &kinds, output)?;
    if let Some(api) = api {
        let call = Call {
            query: vec![("dry_run", "true".to_owned())],
            body: Some(body(&document)?),
            ..Call::default()
        };
        post(&document, call, api).await?;
    }
    let objects = document.objects.len();
    if output.json {
        let by = if api.is_some() {
            "control plane"
        } else {
            "tables"
        };
        output.value(&json!({ "objects": objects, "checked_by": by, "errors": [] }));
    }
    let check = output.paint(Paint::Green, "✓");
    let by = if api.is_some() {
        "the control plane would take them"
    } else {
        "whether what they name exists, only a control plane can say"
    };
    output.talk(&format!("{check} {objects} objects are valid; {by}"));
    Ok(())
}
