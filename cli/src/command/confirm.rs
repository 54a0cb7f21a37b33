//! The question before something is deleted. Invariant: nothing is deleted that was not asked for by `--yes` or by a
//! person at a terminal: a script that has meant it says so.

use std::io::{IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Asks a person whether to delete `what`, unless it has been said already.
pub(crate) fn confirm(what: &str, is_said: bool) -> Result<(), Failure> {
    if is_said {
        return Ok(());
    }
    let mut stderr = std::io::stderr();
    // A question that nobody sees would wait for an answer that nobody gives.
    if !std::io::stdin().is_terminal() || !stderr.is_terminal() {
        let text = format!("deleting {what} needs --yes where nobody can be asked");
        return Err(Failure::Usage(text));
    }
    write!(stderr, "Delete {what}? [y/N] ")
        .and_then(|()| stderr.flush())
        .ok();
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("reading the answer", &error))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Failed("nothing was deleted".to_owned()))
    }
}
