//! `bascule config diff` and `bascule config apply`.

use std::path::Path;
use std::time::Duration;

use super::{body, kinds_of, post, read, show};
use crate::api::{Api, Call, Reply};
use crate::args::{ConfigApply, Prune};
use crate::command::confirm::confirm;
use crate::command::write;
use crate::config::answer;
use crate::config::document::Document;
use crate::config::kinds::Kinds;
use crate::failure::Failure;
use crate::output::Output;

/// More than these are counted.
const NAMED_MAX: usize = 5;

pub(super) async fn diff(
    files: &Path,
    prune: &Prune,
    api: &Api,
    output: &Output,
) -> Result<(), Failure> {
    let kinds = kinds_of(api).await?;
    let document = read(files, &kinds, output)?;
    let answer = would(&document, prune, api).await?.json()?;
    show(&answer, &kinds, output);
    let counts = answer::counts(&answer);
    output.talk(&counts.to_string());
    if counts.is_nothing() {
        Ok(())
    } else {
        Err(Failure::Different)
    }
}

pub(super) async fn run(args: &ConfigApply, api: &Api, output: &Output) -> Result<(), Failure> {
    let kinds = kinds_of(api).await?;
    let document = read(&args.files, &kinds, output)?;
    if args.dry_run {
        let answer = would(&document, &args.prune, api).await?.json()?;
        show(&answer, &kinds, output);
        output.talk(&format!("dry run: {}", answer::counts(&answer)));
        return Ok(());
    }
    let seen = if args.prune.prune {
        agreed(&document, args, (&kinds, api), output).await?
    } else {
        None
    };
    let how = How {
        if_match: seen,
        why: args.why.clone(),
        wait: args.wait.time(),
    };
    apply(&document, &args.prune, how, (&kinds, api), output).await
}

/// How a change is asked for.
#[derive(Debug)]
pub(super) struct How {
    /// The generation that was seen.
    pub(super) if_match: Option<String>,
    pub(super) why: Option<String>,
    pub(super) wait: Option<Duration>,
}

/// Makes the change and says what came of it.
pub(super) async fn apply(
    document: &Document,
    prune: &Prune,
    how: How,
    (kinds, api): (&Kinds, &Api),
    output: &Output,
) -> Result<(), Failure> {
    let call = Call {
        query: query(prune, false),
        wait: how.wait,
        body: Some(body(document)?),
        if_match: how.if_match,
        why: how.why,
        ..Call::default()
    };
    let answer = post(document, call, api).await?.json()?;
    let counts = answer::counts(&answer);
    if !output.json {
        show(&answer, kinds, output);
    }
    // Nothing was made that nodes could be waited for.
    let wait = if counts.is_nothing() { None } else { how.wait };
    if counts.is_nothing() && !output.json {
        output.talk(&counts.to_string());
        return Ok(());
    }
    write::report(output, &counts.to_string(), &answer, wait)
}

/// Shows what would be deleted and asks; the answer holds on the generation that was shown only.
async fn agreed(
    document: &Document,
    args: &ConfigApply,
    (kinds, api): (&Kinds, &Api),
    output: &Output,
) -> Result<Option<String>, Failure> {
    let reply = would(document, &args.prune, api).await?;
    let answer = reply.json()?;
    let deleted = answer::deleted(&answer);
    if !deleted.is_empty() && !args.yes {
        if !output.json {
            for line in answer::lines(&answer, kinds, output) {
                output.talk(&line);
            }
        }
        confirm(&named(&deleted), false)?;
    }
    Ok(reply.header("etag").map(ToOwned::to_owned))
}

fn named(deleted: &[String]) -> String {
    let shown = deleted.get(..NAMED_MAX).unwrap_or(deleted).join(", ");
    match deleted.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

async fn would(document: &Document, prune: &Prune, api: &Api) -> Result<Reply, Failure> {
    let call = Call {
        query: query(prune, true),
        body: Some(body(document)?),
        ..Call::default()
    };
    post(document, call, api).await
}

fn query(prune: &Prune, is_dry_run: bool) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    if is_dry_run {
        query.push(("dry_run", "true".to_owned()));
    }
    if let (true, Some(scope)) = (prune.prune, &prune.scope) {
        query.push(("prune", "true".to_owned()));
        query.push(("scope", scope.clone()));
    }
    query
}
