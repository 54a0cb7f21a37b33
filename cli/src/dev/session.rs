//! The running development session: saved files become deploys, logs become lines. It refuses to decide what is worth
//! a deploy (`saves.rs`) and what a log line is (`logs.rs`). Invariant: every deploy ends in a line that tells its outcome,
//! but for one whose place a later one took.

mod files;
mod welcome;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::channels::{self, Channel};
use super::follow::Followers;
use super::ignored::Ignored;
use super::processes::{Event, Processes};
use super::project::Project;
use super::requests::RequestLog;
use super::saves::Saves;
use super::start::Cluster;
use super::watch::{Debounce, Watch};
use super::{logs, say};
use crate::failure::Failure;
use crate::file::{self, Unreadable};
use crate::output::{Output, Paint};

/// A node that ends sooner than this after its start would only end again.
const RESTART_AFTER: Duration = Duration::from_secs(3);
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// Thousands of channels; what is larger is another file by mistake.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
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
    ignored: Ignored,
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
            ignored: Ignored::default(),
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
        for path in self.project.all_files() {
            self.tell_ignored(&path);
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
                    return Err(Failure::Failed(processes.with_reason(&name, text)));
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
        if self.project.is_other_folder(&path) {
            // A folder that is gone again has nothing to be told of.
            self.watch.folder(&path).ok();
            for file in self.project.all_files() {
                self.tell_ignored(&file);
            }
        }
        if self.project.is_service_file(&path) || path == self.project.config() {
            self.debounce.touched(path, Instant::now());
        } else {
            self.tell_ignored(&path);
        }
        Ok(())
    }

    fn tell_ignored(&mut self, path: &Path) {
        if let Some(line) = self.ignored.line(self.project, path) {
            self.output.talk(&self.output.paint(Paint::Yellow, &line));
        }
    }

    async fn due(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        for line in self.requests.tick(now, self.output) {
            self.output.data(&line);
        }
        let paths = self.debounce.take_due(now);
        self.burst(paths).await;
        Ok(())
    }

    async fn read_channels(&mut self) -> Result<(), Failure> {
        let read = file::read_aside(self.project.config(), CONFIG_BYTES_MAX).await;
        let channels = match read {
            Ok(contents) => channels::parse_bytes(&contents.bytes),
            Err(Unreadable::Absent) => Ok(Vec::new()),
            Err(why) => Err(Failure::unreadable("bascule.toml", &why)),
        };
        match channels {
            Ok(channels) => self.channels = channels,
            // The channels that are there stay; a saved file that reads again changes them.
            Err(failure) => {
                self.output.failure(&failure);
                return Ok(());
            }
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
}
