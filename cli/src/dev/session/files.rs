//! Service files of the running session: each save that is due becomes a deploy, and each deploy a line. It refuses to
//! know of channels, but that some may wait for a service. Invariant: what ends a deploy of one file ends no other's.

use std::path::Path;
use std::time::Instant;

use super::{Session, WAIT};
use crate::applied::readable;
use crate::dev::deploy::{self, Outcome};
use crate::dev::follow::Followed;
use crate::dev::saves::Save;
use crate::dev::say;
use crate::failure::Failure;
use crate::file::Unreadable;
use crate::output::Paint;

// === impl Session ===

impl Session<'_> {
    pub(super) async fn deploy(&mut self, path: &Path) -> Result<(), Failure> {
        let short = self.project.short(path);
        let save = match Save::read(path).await {
            Ok(save) => save,
            Err(Unreadable::Absent) => {
                if self.saves.gone(path) {
                    let text = format!("{short} is gone; its services stay deployed");
                    self.output.talk(&self.output.paint(Paint::Yellow, &text));
                }
                return Ok(());
            }
            Err(why) => {
                let mark = self.output.paint(Paint::Red, "✗");
                self.output.data(&format!("{mark} {short} {why}"));
                return Ok(());
            }
        };
        if !self.saves.is_due(path, &save) {
            return Ok(());
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let start = Instant::now();
        let source = save.source.clone();
        self.saves.sent(path, save);
        let outcome = match deploy::deploy(&self.cluster.api, name, source, Some(WAIT)).await {
            Err(failure @ Failure::Problem(_)) => {
                self.output
                    .data(&format!("{} {short}", self.output.paint(Paint::Red, "✗")));
                self.output.failure(&failure);
                return Ok(());
            }
            other => other?,
        };
        self.followers.forget(path);
        if is_done(&outcome) {
            self.saves.accepted(path);
        }
        if let Outcome::Checking(checking) = &outcome {
            let package = checking.answer.get("package").cloned();
            let package = package.unwrap_or_default();
            self.followers
                .follow(&self.cluster.api, path, start, package);
        }
        self.told(&short, outcome, start);
        if self.channels_wait {
            self.apply_channels().await?;
        }
        Ok(())
    }

    pub(super) async fn decided(&mut self, followed: Followed) {
        let is_undone = match &followed.verdict {
            Ok(outcome) => outcome.as_ref().is_some_and(|outcome| !is_done(outcome)),
            Err(_) => true,
        };
        if is_undone {
            self.saves.failed(&followed.path);
        }
        match followed.verdict {
            Ok(Some(outcome)) => {
                let short = self.project.short(&followed.path);
                self.told(&short, outcome, followed.start);
            }
            // Another content of the file took its place, and its deploy tells of it.
            Ok(None) => {}
            Err(failure) => self.output.failure(&failure),
        }
        if self.channels_wait
            && let Err(failure) = self.apply_channels().await
        {
            self.output.failure(&failure);
        }
    }

    /// `✓ hello.py v2 live on 2/2 nodes in 43 ms`, or what is wrong with the file.
    fn told(&mut self, short: &str, outcome: Outcome, start: Instant) {
        let took = readable(start.elapsed().as_secs_f64() * 1000.0);
        match outcome {
            Outcome::Live(live) => {
                for service in &live.services {
                    self.requests.versions.insert(service.clone(), live.version);
                }
                let what = format!("{short} v{}", live.version);
                if live.applied.nodes.is_empty() {
                    say(self.output, &format!("{what} live, unchanged"));
                    return;
                }
                if let Err(failure) = live.applied.describe(Some(WAIT)) {
                    self.output.failure(&failure);
                    return;
                }
                let (applied, there) = live.applied.counts();
                say(
                    self.output,
                    &format!("{what} live on {applied}/{there} nodes in {took}"),
                );
            }
            Outcome::Checking(checking) => {
                self.output.talk(&checking.what(short, start.elapsed()));
            }
            Outcome::Refused(refused) => {
                refused
                    .lines(short, self.output)
                    .iter()
                    .for_each(|line| self.output.data(line));
            }
        }
    }
}

/// Whether the nodes run it or are importing it, so that saving the same again could change nothing.
fn is_done(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Live(live) => live.applied.describe(Some(WAIT)).is_ok(),
        Outcome::Checking(_) => true,
        Outcome::Refused(_) => false,
    }
}
