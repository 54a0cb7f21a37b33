//! The children of `bascule dev`: started, heard, stopped, each by its own process id. They are in process groups of
//! their own, so that Ctrl-C reaches us alone and we stop them in order; and the kernel ends them when we die
//! (`attached.rs`). Invariant: after [`Processes::stop`] none is left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// Lines that wait to be shown; beyond that the children wait, and nodes drop log lines by themselves.
pub(crate) const EVENTS_MAX: usize = 1024;
/// A process that is not ready after this long will not be.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// Ready files are looked for this often: cheaper than a start is long.
const READY_POLL: Duration = Duration::from_millis(4);

/// What the children say and do.
#[derive(Debug)]
pub(crate) enum Event {
    /// A line on stdout: the access log.
    Access(String),
    /// A line on stderr.
    Log(String, String),
    Ended(String, String),
}

#[derive(Debug)]
pub(crate) struct Processes {
    running: Vec<Process>,
    events: mpsc::Sender<Event>,
    own: PathBuf,
    folder: PathBuf,
}

#[derive(Debug)]
struct Process {
    name: String,
    /// 0 once it has ended: a number that may belong to another process by then is never signalled.
    pid: Arc<AtomicI32>,
    heard: Arc<Mutex<Heard>>,
    waiter: JoinHandle<()>,
}

/// What is kept of a child's stderr.
#[derive(Debug, Default)]
struct Heard {
    last_line: String,
    setup_link: Option<String>,
}

// === impl Processes ===

impl Processes {
    /// Children run in `folder`, so that services find their own files.
    pub(crate) fn new(folder: &Path, events: mpsc::Sender<Event>) -> Result<Self, Failure> {
        let own = std::env::current_exe()
            .map_err(|error| Failure::io("finding this program's own file", &error))?;
        Ok(Self {
            running: Vec::new(),
            events,
            own,
            folder: folder.to_owned(),
        })
    }

    /// A binary beside our own.
    pub(crate) fn binary(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.own.with_file_name(name);
        if path.is_file() {
            return Ok(path);
        }
        Err(Failure::Failed(format!(
            "{} is missing: build it with `cargo build -p {name}`",
            path.display()
        )))
    }

    /// Starts `binary` under `name`.
    pub(crate) fn start(
        &mut self,
        name: &str,
        binary: &Path,
        args: Vec<OsString>,
    ) -> Result<(), Failure> {
        let mut child = Command::new(&self.own)
            .arg("attached")
            .arg(format!("--parent={}", std::process::id()))
            .arg("--")
            .arg(binary)
            .args(args)
            .current_dir(&self.folder)
            .env_remove("BASCULE_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::io(&format!("starting {name}"), &error))?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or(0);
        let (pid, heard) = (
            Arc::new(AtomicI32::new(pid)),
            Arc::new(Mutex::new(Heard::default())),
        );
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(access_lines(stdout, self.events.clone()));
        }
        let logs = child.stderr.take().map(|stderr| {
            tokio::spawn(log_lines(
                stderr,
                name.to_owned(),
                Arc::clone(&heard),
                self.events.clone(),
            ))
        });
        let (events, ended, own_name) = (self.events.clone(), Arc::clone(&pid), name.to_owned());
        let waiter = tokio::spawn(async move {
            let status = child.wait().await;
            ended.store(0, Ordering::Relaxed);
            // Its last words come before its end.
            if let Some(logs) = logs {
                logs.await.ok();
            }
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            events.send(Event::Ended(own_name, how)).await.ok();
        });
        self.running.retain(|process| process.name != name);
        self.running.push(Process {
            name: name.to_owned(),
            pid,
            heard,
            waiter,
        });
        Ok(())
    }

    /// Waits for the file that a process writes when it serves.
    pub(crate) async fn ready(&self, name: &str, file: &Path) -> Result<Value, Failure> {
        let wait = async {
            loop {
                if let Ok(bytes) = tokio::fs::read(file).await
                    && let Ok(value) = serde_json::from_slice(&bytes)
                {
                    return Ok(value);
                }
                if self.has_ended(name) {
                    let text = format!("{name} did not start");
                    return Err(Failure::Failed(self.with_reason(name, text)));
                }
                tokio::time::sleep(READY_POLL).await;
            }
        };
        tokio::time::timeout(READY_TIMEOUT, wait)
            .await
            .unwrap_or_else(|_elapsed| {
                let text = format!("{name} is not ready after {READY_TIMEOUT:?}");
                Err(Failure::Failed(self.with_reason(name, text)))
            })
    }

    fn named(&self, name: &str) -> Option<&Process> {
        self.running.iter().find(|process| process.name == name)
    }

    fn has_ended(&self, name: &str) -> bool {
        self.named(name)
            .is_none_or(|process| process.waiter.is_finished())
    }

    /// What happened to a process, with the reason when it has said one at last.
    pub(crate) fn with_reason(&self, name: &str, text: String) -> String {
        let line = self
            .named(name)
            .map(|process| lock(&process.heard).last_line.clone());
        match line.as_deref().and_then(reason) {
            Some(reason) => format!("{text}: {reason}"),
            None => text,
        }
    }

    /// The console's one-time link, when the process has printed one.
    pub(crate) fn setup_link(&self, name: &str) -> Option<String> {
        lock(&self.named(name)?.heard).setup_link.clone()
    }

    /// Asks all to end, and ends those that have not after `grace`, or at once when `hurry` is done.
    pub(crate) async fn stop(&mut self, grace: Duration, hurry: impl Future<Output = ()>) {
        self.signal(Signal::TERM);
        let all = async {
            for process in &mut self.running {
                (&mut process.waiter).await.ok();
            }
        };
        tokio::select! {
            () = all => {}
            () = tokio::time::sleep(grace) => {}
            () = hurry => {}
        }
        self.signal(Signal::KILL);
        for process in &mut self.running {
            if !process.waiter.is_finished() {
                (&mut process.waiter).await.ok();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        for process in &self.running {
            if let Some(pid) = Pid::from_raw(process.pid.load(Ordering::Relaxed)) {
                // It may have ended in between; then there is nothing to do.
                kill_process(pid, signal).ok();
            }
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn access_lines(stdout: impl AsyncRead + Unpin, events: mpsc::Sender<Event>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Nobody listens while we stop; read on, so that the child never waits for us.
        events.send(Event::Access(line)).await.ok();
    }
}

async fn log_lines(
    stderr: impl AsyncRead + Unpin,
    name: String,
    heard: Arc<Mutex<Heard>>,
    events: mpsc::Sender<Event>,
) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.trim().is_empty() {
            continue;
        }
        let link = setup_link(&line);
        let is_link = link.is_some();
        {
            let mut heard = lock(&heard);
            heard.setup_link = link.or_else(|| heard.setup_link.take());
            heard.last_line.clone_from(&line);
        }
        if !is_link {
            events.send(Event::Log(name.clone(), line)).await.ok();
        }
    }
}

/// A log line that is no error tells of its day, and not of an end. What is no log line at all is a panic, or of Python.
fn reason(line: &str) -> Option<String> {
    let Ok(log @ Value::Object(_)) = serde_json::from_str::<Value>(line) else {
        return (!line.is_empty()).then(|| line.to_owned());
    };
    let text = |name: &str| {
        let nested = log.get("fields").and_then(|fields| fields.get(name));
        log.get(name).or(nested).and_then(Value::as_str)
    };
    if !text("level").is_some_and(|level| level.eq_ignore_ascii_case("error")) {
        return None;
    }
    let message = text("msg").or(text("message"))?;
    Some(match text("error") {
        Some(error) => format!("{message}: {error}"),
        None => message.to_owned(),
    })
}

/// The link in a line like `console http://127.0.0.1:8081/?setup=CODE (10 min)`.
fn setup_link(line: &str) -> Option<String> {
    let is_end = |c: char| c.is_whitespace() || "\"'()<>,".contains(c);
    line.split(is_end)
        .find(|word| word.starts_with("http://") && word.contains("?setup="))
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_or_a_panic_is_the_reason_of_an_end() {
        for chatter in [
            r#"{"level":"INFO","msg":"published"}"#,
            r#"{"level":"WARN","fields":{"message":"package refused"}}"#,
            "",
        ] {
            assert_eq!(reason(chatter), None, "{chatter}");
        }
        let own = r#"{"level":"ERROR","msg":"cannot listen","error":"in use"}"#;
        assert_eq!(reason(own).unwrap(), "cannot listen: in use");
        let nested = r#"{"level":"error","fields":{"message":"lost"}}"#;
        assert_eq!(reason(nested).unwrap(), "lost");
        let panic = "thread 'main' panicked";
        assert_eq!(reason(panic).unwrap(), panic);
    }

    #[test]
    fn the_setup_link_is_found_in_plain_and_json_lines() {
        let wanted = Some("http://127.0.0.1:8081/?setup=9f2c".to_owned());
        assert_eq!(
            setup_link("console http://127.0.0.1:8081/?setup=9f2c (10 min)"),
            wanted
        );
        assert_eq!(
            setup_link(r#"{"msg":"console","url":"http://127.0.0.1:8081/?setup=9f2c"}"#),
            wanted
        );
        assert_eq!(setup_link("listening on http://127.0.0.1:8081/"), None);
    }
}
