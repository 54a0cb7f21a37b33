//! What a story needs from the machine and may lack.

use std::io::Write as _;

use anyhow::{Result, bail};

/// Ends a story whose means are missing: skipped, and said, on a person's machine; a failure in CI, where a
/// check that silently does nothing would look like a promise kept.
///
/// # Errors
/// When the environment variable `CI` is set.
pub fn skip(reason: &str) -> Result<()> {
    if std::env::var_os("CI").is_some() {
        bail!("cannot be checked here: {reason}");
    }
    writeln!(std::io::stderr(), "skipped: {reason}")?;
    Ok(())
}
