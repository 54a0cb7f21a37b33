//! The running development session: saved files become deploys, logs become lines. It refuses to decide what is worth
//! a deploy (`saves.rs`) and what a log line is (`logs.rs`). Invariant: every deploy ends in a line that tells its outcome,
//! but for one whose place a later one took.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::channels::{self, Channel};
use super::deploy::{self, Outcome};
use super::follow::{Followed, Followers};
use super::processes::{Event, Processes};
use super::project::Project;
use super::requests::RequestLog;
use super::saves::{Save, Saves};
use super::start::Cluster;
use super::try_line::try_line;
use super::watch::{Debounce, Watch};
use super::{logs, say};
use crate::applied::readable;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// A node that ends sooner than this after its start would only end again.
const RESTART_AFTER: Duration = Duration::from_secs(3);
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// Paths that wait while a deploy runs. A save is a handful of events; when more come, all files are looked at anyway.
const PATHS_MAX: usize = 1024;

pub(crate) struct Session<'a> {
    project: &'a Project,
    cluster: Cluster,
    output: &'a Output,
    channels: Vec<Channel>,
    /// Channels wait for services that are not deployed yet.
    channels_wait: bool,
    saves: Saves,
    /// Files whose import takes long.
    followers: Followers,
    requests: RequestLog,
    debounce: Debounce,
    watch: Watch,
    paths: mpsc::Receiver<PathBuf>,
    started: HashMap<String, Instant>,
}

// === impl Session ===

impl<'a> Session<'a> {
    pub(crate) fn new(
        project: &'a Project,
        cluster: Cluster,
        output: &'a Output,
    ) -> Result<Self, Failure> {
        let (sender, paths) = mpsc::channel(PATHS_MAX);
        let now = Instant::now();
        Ok(Self {
            // Watching begins before the first deploy, so that no save is missed.
            watch: Watch::start(project, sender)?,
            project,
            cluster,
            output,
            channels: Vec::new(),
            channels_wait: false,
            saves: Saves::default(),
            followers: Followers::default(),
            requests: RequestLog::new(now),
            debounce: Debounce::default(),
            paths,
            started: HashMap::new(),
        })
    }

    pub(crate) async fn deploy_all(&mut self) -> Result<(), Failure> {
        for file in self.project.service_files()? {
            self.deploy(&file).await?;
        }
        self.read_channels().await
    }

    pub(crate) async fn run(
        &mut self,
        processes: &mut Processes,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<(), Failure> {
        loop {
            let due = self
                .debounce
                .next_due()
                .into_iter()
                .chain(self.requests.next_due())
                .min();
            // An hour is as good as never, and needs no second kind of branch.
            let due = due.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                Some(event) = events.recv() => self.event(event, processes)?,
                Some(path) = self.paths.recv() => self.touched(path)?,
                Some(followed) = self.followers.next() => self.decided(followed).await,
                () = tokio::time::sleep_until(due.into()) => self.due().await?,
            }
        }
    }

    fn event(&mut self, event: Event, processes: &mut Processes) -> Result<(), Failure> {
        let now = Instant::now();
        match event {
            Event::Access(line) => {
                if let Some(line) = self.requests.take(&line, now, self.output) {
                    self.output.data(&line);
                }
            }
            Event::Log(name, line) => {
                if let Some(line) = logs::render(&name, &line, self.output) {
                    self.output.talk(&line);
                }
            }
            Event::Ended(name, how) => {
                let text = format!("{name} has ended ({how})");
                let lived = self.started.insert(name.clone(), now);
                let is_loop = lived.is_some_and(|at| now.duration_since(at) < RESTART_AFTER);
                if is_loop || name == "control plane" {
                    let why = processes.last_words(&name);
                    return Err(Failure::Failed(format!("{text}: {why}")));
                }
                self.output.talk(
                    &self
                        .output
                        .paint(Paint::Yellow, &format!("{text}, starting it again")),
                );
                self.cluster.restart(&name, processes)?;
            }
        }
        Ok(())
    }

    fn touched(&mut self, path: PathBuf) -> Result<(), Failure> {
        let is_folder = path == self.project.services_folder() && path.is_dir();
        if is_folder {
            self.watch.folder(&path)?;
        }
        let has_missed = self.watch.take_missed();
        if has_missed {
            self.debounce.touched(self.project.config(), Instant::now());
        }
        if is_folder || has_missed {
            for file in self.project.service_files()? {
                self.debounce.touched(file, Instant::now());
            }
        }
        if self.project.is_service_file(&path) || path == self.project.config() {
            self.debounce.touched(path, Instant::now());
        }
        Ok(())
    }

    async fn due(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        for line in self.requests.tick(now, self.output) {
            self.output.data(&line);
        }
        for path in self.debounce.take_due(now) {
            let done = if path == self.project.config() {
                self.read_channels().await
            } else {
                self.deploy(&path).await
            };
            // A fault of one file or a short absence of the control plane does not end the session.
            if let Err(failure) = done {
                self.output.failure(&failure);
            }
        }
        Ok(())
    }

    async fn deploy(&mut self, path: &Path) -> Result<(), Failure> {
        let short = self.project.short(path);
        let Ok(save) = Save::read(path) else {
            if self.saves.gone(path) {
                let text = format!("{short} is gone; its services stay deployed");
                self.output.talk(&self.output.paint(Paint::Yellow, &text));
            }
            return Ok(());
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

    async fn decided(&mut self, followed: Followed) {
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

    async fn read_channels(&mut self) -> Result<(), Failure> {
        match std::fs::read_to_string(self.project.config()) {
            Ok(text) => match channels::parse(&text) {
                Ok(channels) => self.channels = channels,
                Err(failure) => {
                    self.output.failure(&failure);
                    return Ok(());
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.channels.clear(),
            Err(error) => return Err(Failure::io("reading bascule.toml", &error)),
        }
        self.apply_channels().await
    }

    async fn apply_channels(&mut self) -> Result<(), Failure> {
        let outcome = channels::apply(&self.cluster.api, &self.channels).await?;
        self.channels_wait = !outcome.failures.is_empty();
        if !outcome.changed.is_empty() {
            say(
                self.output,
                &format!("channels {}", outcome.changed.join(", ")),
            );
        }
        for (name, failure) in &outcome.failures {
            self.output.data(&format!(
                "{} channel {name}",
                self.output.paint(Paint::Red, "✗")
            ));
            self.output.failure(failure);
        }
        Ok(())
    }

    /// Asked after the first deploy: only then the workers run, and the nodes know their Python.
    pub(crate) async fn nodes(&self) -> Result<(), Failure> {
        for node in self.cluster.nodes().await? {
            let text = |pointer| crate::output::field(&node, pointer);
            let python = text("/python");
            let mut line = format!("node {} · {}", text("/name"), text("/address"));
            if !python.is_empty() {
                let (ready, total) = (text("/workers/ready"), text("/workers/total"));
                line = format!("{line} · {ready}/{total} workers · Python {python}");
            }
            say(self.output, &line);
        }
        Ok(())
    }

    pub(crate) fn banner(&self, took: &str) {
        let url = &self.cluster.url;
        let line = |name: &str, text: &str| {
            self.output.data(&format!(
                "  {} {text}",
                self.output.paint(Paint::Bold, &format!("{name:<9}"))
            ));
        };
        let channel = self
            .channels
            .iter()
            .find(|c| c.takes_get() && !c.path.contains('{'));
        let channel = channel.or(self.channels.first());
        let path = channel.map_or("/zato/ping", |channel| channel.path.as_str());
        self.output.data("");
        line("api", &format!("{url}{path}"));
        let once = if self.cluster.console.contains("?setup=") {
            "    (one-time link, valid 10 min)"
        } else {
            ""
        };
        line("console", &format!("{}{once}", self.cluster.console));
        line("try", &try_line(url, channel));
        if let Some(file) = self.saves.first() {
            line(
                "edit",
                &format!("{} – saved changes go live", file.display()),
            );
        }
        self.output.data("");
        self.output.talk(
            &self
                .output
                .paint(Paint::Dim, &format!("ready in {took} · Ctrl-C stops")),
        );
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
