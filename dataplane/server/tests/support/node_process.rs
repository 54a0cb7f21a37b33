//! A node as a child process whose log is read line by line; ended with the test, whatever happens.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) struct NodeProcess {
    child: Child,
    stderr: BufReader<ChildStderr>,
    log: String,
}

fn command(flags: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bascule-dataplane"));
    command
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Exit code and stderr of a node that ends by itself.
pub(crate) fn run_to_end(flags: &[String]) -> (i32, String) {
    let output = command(flags).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

impl NodeProcess {
    pub(crate) fn start(flags: &[String]) -> Self {
        let mut child = command(flags).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            log: String::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log line with this message, come or yet to come; fails with the whole log when the
    /// process ends first.
    pub(crate) fn wait_for(&mut self, message: &str) -> serde_json::Value {
        loop {
            let lines = self
                .log
                .lines()
                .flat_map(serde_json::from_str::<serde_json::Value>);
            if let Some(line) = lines.into_iter().find(|line| line["msg"] == message) {
                return line;
            }
            let read = self.stderr.read_line(&mut self.log).unwrap();
            assert!(
                read > 0,
                "the node ended before it said {message:?}:\n{}",
                self.log
            );
        }
    }

    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    pub(crate) fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// The exit code; the rest of the log is read first, so that the process never waits for us.
    pub(crate) fn wait(&mut self) -> i32 {
        while self.stderr.read_line(&mut self.log).unwrap() > 0 {}
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // Ended already, or ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
