//! Service files of the running session: each save that is due becomes a deploy, and each deploy a line. It refuses to
//! know of channels, but that some may wait for a service. Invariant: what ends a deploy of one file ends no other's.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Session, WAIT};
use crate::applied::readable;
use crate::dev::deploy::{self, Outcome};
use crate::dev::follow::Followed;
use crate::dev::saves::Save;
use crate::dev::{say, undeploy};
use crate::failure::Failure;
use crate::file::Unreadable;
use crate::output::Paint;

// === impl Session ===

impl Session<'_> {
    /// Deploys what was saved together. Files that are gone and channels come last, and wait while more is on its way: another
    /// file may be the same under a new name, and a channel may lead to a service that was saved with it.
    pub(super) async fn burst(&mut self, paths: Vec<PathBuf>) {
        for path in paths.iter().filter(|path| !path.exists()) {
            self.saves.gone(path);
        }
        let config = self.project.config();
        let is_last = |path: &PathBuf| *path == config || self.saves.is_orphan(path);
        let (last, first): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(is_last);
        for path in first {
            let deployed = self.deploy(&path).await;
            self.told_failure(deployed);
        }
        for path in last {
            if !self.debounce.is_idle() {
                self.debounce.touched(path, Instant::now());
            } else if path == config {
                let read = self.read_channels().await;
                self.told_failure(read);
            } else {
                self.tell_gone(&path);
            }
        }
    }

    /// A fault of one file or a short absence of the control plane does not end the session.
    fn told_failure(&self, done: Result<(), Failure>) {
        if let Err(failure) = done {
            self.output.failure(&failure);
        }
    }

    fn tell_gone(&mut self, path: &Path) {
        if !self.saves.tell(path) {
            return;
        }
        let (short, name) = (self.project.short(path), file_name(path));
        let text = format!(
            "{short} is gone; its services stay deployed (`bascule service delete {name}` takes them back)"
        );
        self.output.talk(&self.output.paint(Paint::Yellow, &text));
    }

    pub(super) async fn deploy(&mut self, path: &Path) -> Result<(), Failure> {
        let short = self.project.short(path);
        let save = match Save::read(path).await {
            Ok(save) => save,
            Err(Unreadable::Absent) => {
                self.saves.gone(path);
                self.tell_gone(path);
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
        let start = Instant::now();
        let source = save.source.clone();
        self.saves.sent(path, save);
        let outcome = match self.send(file_name(path), &source).await {
            Err(failure @ (Failure::Problem(_) | Failure::Renamed { .. })) => {
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

    /// Deploys it. When the only thing against it is that its services are those of a file that is gone, that file is taken
    /// back for it. The nodes have imported the new one by then, so that it does not fail after that.
    async fn send(&mut self, name: &str, source: &[u8]) -> Result<Outcome, Failure> {
        loop {
            let sent = deploy::deploy(&self.cluster.api, name, source.to_owned(), Some(WAIT)).await;
            let owner = match &sent {
                Err(Failure::Problem(problem)) => problem.owner(),
                _ => None,
            };
            // Each turn has one orphan less.
            match owner.and_then(|owner| self.saves.orphan(owner)) {
                Some(orphan) => self.take_back(&orphan, name).await?,
                None => return sent,
            }
        }
    }

    async fn take_back(&mut self, orphan: &Path, name: &str) -> Result<(), Failure> {
        let (api, owner) = (&self.cluster.api, file_name(orphan));
        let deployed = undeploy::find(api, owner).await?;
        let channels = undeploy::channels(api, &deployed).await?;
        if !channels.is_empty() {
            self.saves.tell(orphan);
            // Once they are deleted by hand, the next deploy makes those of bascule.toml again.
            self.channels_wait = true;
            return Err(Failure::Renamed {
                file: name.to_owned(),
                owner: owner.to_owned(),
                channels,
            });
        }
        undeploy::undeploy(api, &deployed, Some(WAIT)).await?;
        self.saves.adopted(orphan);
        let services = deployed.services.join(", ");
        let text = format!("{owner} is {name} now: {services}");
        self.output.talk(&self.output.paint(Paint::Yellow, &text));
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

/// By which the cluster knows the file.
fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// Whether the nodes run it or are importing it, so that saving the same again could change nothing.
fn is_done(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Live(live) => live.applied.describe(Some(WAIT)).is_ok(),
        Outcome::Checking(_) => true,
        Outcome::Refused(_) => false,
    }
}
