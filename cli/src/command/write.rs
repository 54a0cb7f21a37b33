//! What all writes share: saying what the nodes did.

use std::time::Duration;

use serde_json::Value;

use crate::applied::Applied;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// Says what came of a write: JSON as it came, or `✓ <what> · r7 applied on 2/2 nodes in 12 ms`.
pub(crate) fn report(
    output: &Output,
    what: &str,
    answer: &Value,
    wait: Option<Duration>,
) -> Result<(), Failure> {
    if output.json {
        output.value(answer);
    }
    let Some(applied) = Applied::from_answer(answer) else {
        output.talk(&format!("{} {what}", output.paint(Paint::Green, "✓")));
        return Ok(());
    };
    let how = applied.describe(wait)?;
    output.talk(&format!(
        "{} {what} · {how}",
        output.paint(Paint::Green, "✓")
    ));
    Ok(())
}
