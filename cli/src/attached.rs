//! A child that must not outlive us. Between fork and exec only unsafe code could run, so we start
//! ourselves first: this file asks the kernel for a signal when the parent dies, then becomes the program. The process id
//! stays the same. Invariant: when the parent has died already, the program is never started.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::args::AttachedArgs;
use crate::failure::Failure;

/// Returns only when it fails.
pub(crate) fn become_program(args: &AttachedArgs) -> Failure {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        return Failure::io("asking for a signal at the parent's end", &error.into());
    }
    // The parent may have died before the line above.
    if getppid()
        .map(Pid::as_raw_nonzero)
        .map(std::num::NonZeroI32::get)
        != Some(args.parent)
    {
        return Failure::Failed("the parent has ended".to_owned());
    }
    let Some((program, rest)) = args.program.split_first() else {
        return Failure::Usage("no program".to_owned());
    };
    let error = Command::new(program).args(rest).exec();
    Failure::io(&format!("starting {}", program.display()), &error)
}
