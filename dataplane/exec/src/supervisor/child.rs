//! One worker process: its sockets, its environment, its end.
//!
//! Owns the child until it is reaped. Invariants: no descriptor of the node but the child's own ends is inherited; the
//! child is signalled only while it is not reaped, so its pid cannot be another's.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{net::UnixStream, process::CommandExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    io::{FdFlags, fcntl_setfd},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open},
    thread::{CpuSet, sched_setaffinity},
};

use super::SupervisorConfig;

/// What `-m bascule._worker` does, without the working folder in `sys.path`: a file there, as a service's `selectors.py`,
/// must not shadow a module of the worker. `PYTHONSAFEPATH` would do it from Python 3.11 on only, and would reach the
/// programs that services start. Nothing but built-in modules may be imported before the entry is gone.
const START: &str = "\
import sys
if sys.path[:1] == ['']:
    del sys.path[0]
import runpy
runpy.run_module('bascule._worker', run_name='__main__', alter_sys=True)
";

/// Other threads that spawn between "close-on-exec off" and `exec` would pass a worker's ends to a stranger, and the
/// worker would never see the end of its control socket. Within this crate the lock prevents that.
#[expect(
    clippy::disallowed_types,
    reason = "spawning is rare and off the request path"
)]
static SPAWNING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A process and this side's ends of its descriptors.
#[derive(Debug)]
pub(crate) struct WorkerChild {
    child: Child,
    pid: Pid,
    exit: OwnedFd,
}

/// What a fresh process comes with.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) child: WorkerChild,
    pub(crate) control: UnixStream,
    /// One per core, in order.
    pub(crate) cores: Vec<UnixStream>,
    /// Its stdout and stderr.
    pub(crate) output: OwnedFd,
}

// === impl WorkerChild ===

impl WorkerChild {
    pub(crate) fn spawn(
        config: &SupervisorConfig,
        python_path: &Path,
        seat: usize,
    ) -> io::Result<Spawned> {
        let (control, control_end) = pair()?;
        let (cores, core_ends): (Vec<_>, Vec<_>) = (0..config.cores)
            .map(|_| pair())
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        let (output, output_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let core_fds: Vec<String> = core_ends
            .iter()
            .map(|end| end.as_raw_fd().to_string())
            .collect();

        let mut command = Command::new(&config.python);
        command
            .args(["-c", START, "--control-fd"])
            .arg(control_end.as_raw_fd().to_string())
            .arg("--core-fds")
            .arg(core_fds.join(","))
            .env("PYTHONPATH", python_path_with(python_path))
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            // The node's stdout is its access log: what services print goes to the log.
            .stdout(Stdio::from(output_end.try_clone()?))
            .stderr(Stdio::from(output_end))
            .process_group(0);
        for (name, _) in std::env::vars_os() {
            if is_own_variable(&name) {
                command.env_remove(name);
            }
        }

        let child = {
            let _alone = SPAWNING
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            for end in core_ends.iter().chain([&control_end]) {
                fcntl_setfd(end, FdFlags::empty())?;
            }
            let child = command.spawn();
            drop((control_end, core_ends));
            child?
        };
        let child = Self::adopt(child, config, seat)?;
        control.set_nonblocking(true)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        Ok(Spawned {
            child,
            control,
            cores,
            output,
        })
    }

    fn adopt(mut child: Child, config: &SupervisorConfig, seat: usize) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        place(pid, config, seat);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(exit) => Ok(Self { child, pid, exit }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Every thread that it has, to the CPU of another seat.
    pub(crate) fn move_to(&self, config: &SupervisorConfig, seat: usize) {
        if config.worker_cpus.is_empty() {
            return;
        }
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        for thread in threads.into_iter().flatten().flatten() {
            let id = thread.file_name().to_str().and_then(|id| id.parse().ok());
            if let Some(id) = id.and_then(Pid::from_raw) {
                place(id, config, seat);
            }
        }
    }

    /// Readable once the process has ended.
    pub(crate) fn exit_fd(&self) -> BorrowedFd<'_> {
        self.exit.as_fd()
    }

    pub(crate) fn terminate(&self) {
        if let Err(error) = kill_process(self.pid, Signal::TERM) {
            tracing::warn!(pid = self.pid(), %error, "a worker cannot be terminated");
        }
    }

    /// The whole process group: a child that a service forked holds copies of the sockets.
    pub(crate) fn kill(&self) {
        if let Err(error) = kill_process_group(self.pid, Signal::KILL) {
            tracing::warn!(pid = self.pid(), %error, "a worker cannot be killed");
        }
    }

    /// How it ended, once it has. What it left in its process group is ended before the pid is given back.
    pub(crate) fn reap(&mut self) -> Option<ExitStatus> {
        if !self.has_ended() {
            return None;
        }
        kill_process_group(self.pid, Signal::KILL).ok();
        self.child.wait().ok()
    }

    fn has_ended(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.exit, PollFlags::IN)];
        matches!(
            poll(
                &mut fds,
                Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 0
                })
            ),
            Ok(1)
        )
    }
}

/// Tokens and addresses of the node come in such variables; services have no business with them. What is meant for
/// the workers says so.
fn is_own_variable(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"BASCULE_") && !name.starts_with(b"BASCULE_WORKER_")
}

/// From outside, because code between `fork` and `exec` would be unsafe: the interpreter's first instructions run free.
/// A worker on another CPU is slower, not wrong.
fn place(pid: Pid, config: &SupervisorConfig, seat: usize) {
    let place = seat.checked_rem(config.worker_cpus.len());
    let wanted = place.and_then(|place| config.worker_cpus.get(place).copied());
    if let Some(cpu) = wanted.filter(|cpu| *cpu < CpuSet::MAX_CPU) {
        let mut cpus = CpuSet::new();
        cpus.set(cpu);
        if let Err(error) = sched_setaffinity(Some(pid), &cpus) {
            tracing::warn!(cpu, %error, "a worker cannot be kept on its CPU");
        }
    }
}

fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    Ok((UnixStream::from(ours), theirs))
}

fn python_path_with(first: &Path) -> OsString {
    let mut path = first.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PYTHONPATH").filter(|rest| !rest.is_empty()) {
        path.push(":");
        path.push(rest);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_keeps_its_own_variables_to_itself() {
        assert!(is_own_variable(OsStr::new("BASCULE_CLUSTER_TOKEN_FILE")));
        assert!(!is_own_variable(OsStr::new("BASCULE_WORKER_CALLS")));
        assert!(!is_own_variable(OsStr::new("PATH")));
    }
}
