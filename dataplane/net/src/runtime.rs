//! The runtime of a core: a monoio ring built the way that measured best, or its epoll driver.
//!
//! Refuses to start without saying which driver runs and why. Invariant: everything of a core runs
//! inside one `block_on` on one thread.

use std::io;

use io_uring::IoUring;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder, time::TimeDriver};

/// Ring entries: operations submitted per system call at most. 1,024 connections with one operation
/// each fit without a flush in between.
const RING_ENTRIES: u32 = 1024;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// The ring when the kernel has it, else epoll.
    #[default]
    Auto,
    /// The ring or an error.
    IoUring,
    /// Epoll.
    Legacy,
}

/// What runs, and when it is not the ring, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The ring.
    IoUring,
    /// Epoll, with the reason.
    Legacy(String),
}

/// A core's runtime could not be built.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The ring was demanded and the kernel refused it.
    #[error("io_uring is not available")]
    IoUring(#[source] io::Error),
    /// Not even epoll could be set up.
    #[error("the epoll driver could not be set up")]
    Legacy(#[source] io::Error),
}

/// Runs `main` to its end on this thread. `main` gets the driver that was chosen.
pub fn block_on<T, F>(
    choice: DriverChoice,
    main: impl FnOnce(Driver) -> F,
) -> Result<T, RuntimeError>
where
    F: Future<Output = T>,
{
    if choice == DriverChoice::Legacy {
        return block_on_legacy(main(Driver::Legacy("asked for".into())));
    }
    // `detect_uring` probes the operations that monoio uses; a ring alone is not enough.
    let probed = probe();
    match probed.and_then(|()| ring()) {
        Ok(mut runtime) => Ok(runtime.block_on(main(Driver::IoUring))),
        Err(error) if choice == DriverChoice::IoUring => Err(RuntimeError::IoUring(error)),
        Err(error) => block_on_legacy(main(Driver::Legacy(format!("io_uring: {error}")))),
    }
}

/// Keeps this thread on one CPU.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set)?;
    Ok(())
}

fn probe() -> io::Result<()> {
    // Building a small ring tells the kernel's reason (seccomp: EPERM, sysctl: EPERM, old: ENOSYS).
    IoUring::new(8)?;
    if monoio::utils::detect_uring() {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel lacks an operation we need",
        ))
    }
}

fn ring() -> io::Result<monoio::Runtime<TimeDriver<IoUringDriver>>> {
    // COOP_TASKRUN: completions are handled when we enter the kernel anyway, not by interrupting us;
    // measured 16.0 -> 10.9 µs per request. DEFER_TASKRUN gained nothing on top.
    let mut builder = IoUring::builder();
    builder.setup_coop_taskrun().setup_single_issuer();
    let with_flags = build(builder);
    // Kernels before 6.0 do not know SINGLE_ISSUER, before 5.19 not COOP_TASKRUN.
    with_flags.or_else(|_| build(IoUring::builder()))
}

fn build(builder: io_uring::Builder) -> io::Result<monoio::Runtime<TimeDriver<IoUringDriver>>> {
    RuntimeBuilder::<IoUringDriver>::new()
        .uring_builder(builder)
        .with_entries(RING_ENTRIES)
        .enable_timer()
        .build()
}

fn block_on_legacy<T>(main: impl Future<Output = T>) -> Result<T, RuntimeError> {
    let mut runtime = RuntimeBuilder::<LegacyDriver>::new()
        .enable_timer()
        .build()
        .map_err(RuntimeError::Legacy)?;
    Ok(runtime.block_on(main))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legacy_driver_runs_and_says_why() {
        let driver = block_on(DriverChoice::Legacy, |driver| async move { driver }).unwrap();
        assert_eq!(driver, Driver::Legacy("asked for".into()));
    }

    #[test]
    fn auto_always_runs() {
        assert_eq!(block_on(DriverChoice::Auto, |_| async { 7 }).unwrap(), 7);
    }
}
