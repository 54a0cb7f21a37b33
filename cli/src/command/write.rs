//! What all writes share: the query that asks to wait, and saying what the nodes did.

use std::time::Duration;

use serde_json::Value;

use crate::applied::Applied;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// `?wait=applied&timeout=5s`.
pub(crate) fn query(wait: Option<Duration>) -> Vec<(&'static str, String)> {
    wait.map_or_else(Vec::new, |time| {
        vec![("wait", "applied".to_owned()), ("timeout", timeout(time))]
    })
}

fn timeout(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{}s", time.as_secs())
    } else {
        format!("{}ms", time.as_millis())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_asked_for_in_the_unit_that_keeps_it_exact() {
        let text = |ms| query(Some(Duration::from_millis(ms)))[1].1.clone();
        assert_eq!(
            (text(5000), text(250)),
            ("5s".to_owned(), "250ms".to_owned())
        );
        assert!(query(None).is_empty());
    }
}
