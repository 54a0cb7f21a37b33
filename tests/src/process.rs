//! One child process: started from the build folder, its log kept, ended by its id.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::eventually;

/// A running binary of ours.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a process is told.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Kill,
    Terminate,
    Interrupt,
    Stop,
    Continue,
}

/// Where the binaries of this build are: the folder above the test's own executable.
///
/// # Errors
/// When the binary is not there, naming the command that builds it.
pub fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("a test lives two folders deep")?;
    let path = folder.join(name);
    if !path.exists() {
        bail!(
            "{} is missing: run `cargo build --workspace --bins` first",
            path.display()
        );
    }
    Ok(path)
}

// === impl Process ===

impl Process {
    /// Starts `binary` with its stderr in `folder/<name>.log` and its stdout in `folder/<name>.out`.
    pub fn start(name: &str, binary: &Path, args: &[String], folder: &Path) -> Result<Self> {
        Self::start_with(name, binary, args, folder, &[])
    }

    /// As [`Process::start`], with environment variables added.
    pub fn start_with(
        name: &str,
        binary: &Path,
        args: &[String],
        folder: &Path,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let append = |path: &Path| File::options().create(true).append(true).open(path);
        let child = Command::new(binary)
            .args(args)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(append(&folder.join(format!("{name}.out")))?)
            .stderr(append(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote to stderr so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal_pid(self.child.id(), signal)
    }

    /// SIGKILL, and wait until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        eventually("the process has ended", || {
            let status = self.child.try_wait().map_err(anyhow::Error::from);
            async move { status?.context("it still runs") }
        })
        .await
    }

    /// Waits for its ready file and reads it; fails at once when the process ends before.
    pub async fn ready(&mut self, file: &Path) -> Result<serde_json::Value> {
        eventually("the ready file is there", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                // A panic, not an error: an error would be asked again for nothing.
                end_story(&self.name, status, &self.log());
            }
            async {
                let text = std::fs::read_to_string(file).context("not there yet")?;
                Ok(serde_json::from_str(&text)?)
            }
        })
        .await
    }
}

#[expect(
    clippy::panic,
    reason = "ends the story with the log of the process that failed"
)]
fn end_story(name: &str, status: ExitStatus, log: &str) {
    let from = log.lines().count().saturating_sub(15);
    let tail: Vec<&str> = log.lines().skip(from).collect();
    panic!(
        "{name} ended with {status} before it was ready:\n{}",
        tail.join("\n")
    );
}

/// Sends a signal to a process that a story knows by id (a worker, for example).
pub fn signal_pid(pid: u32, signal: Signal) -> Result<()> {
    let name = match signal {
        Signal::Kill => "KILL",
        Signal::Terminate => "TERM",
        Signal::Interrupt => "INT",
        Signal::Stop => "STOP",
        Signal::Continue => "CONT",
    };
    // `kill` of coreutils instead of a syscall crate: the stories need no `unsafe` and no new edge.
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()?;
    if !status.success() {
        bail!("kill -{name} {pid} ended with {status}");
    }
    Ok(())
}

/// The ids of the children of `pid`, from /proc.
pub fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| {
            line.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, so that a node can take its workers along; then without mercy.
        let already_gone = matches!(self.child.try_wait(), Ok(Some(_)));
        if !already_gone {
            for child in children(self.child.id()) {
                drop(signal_pid(child, Signal::Kill));
            }
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
