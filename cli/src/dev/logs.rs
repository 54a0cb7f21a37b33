//! What of the children's logs a person sees: warnings, errors, what is no log line at all (a panic), and what
//! services log themselves. Pure. Invariant: nothing that is an error is hidden, but what the session says better.

use serde_json::{Map, Value};

use crate::output::{Output, Paint};
use crate::printable;

/// Fields that the line's start shows already, or that say nothing on one machine.
const KNOWN: [&str; 9] = [
    "ts",
    "timestamp",
    "level",
    "msg",
    "message",
    "target",
    "node",
    "fields",
    "pid",
];

/// The session's own line on the same refusal has the place, the error and the traceback.
const SAID: (&str, &str) = ("control plane", "package refused");

/// The line as it is shown, or `None` when it is not worth it.
pub(crate) fn render(process: &str, line: &str, output: &Output) -> Option<String> {
    if line.trim().is_empty() {
        return None;
    }
    let Ok(Value::Object(log)) = serde_json::from_str::<Value>(line) else {
        let line = printable::line(line);
        return Some(format!("{} {line}", output.paint(Paint::Dim, process)));
    };
    let nested = log.get("fields").and_then(Value::as_object);
    let get = |name: &str| {
        log.get(name)
            .or_else(|| nested?.get(name))
            .and_then(Value::as_str)
    };
    let level = get("level").unwrap_or("INFO").to_ascii_uppercase();
    let paint = match level.as_str() {
        "ERROR" | "CRITICAL" | "FATAL" => Paint::Red,
        "WARN" | "WARNING" => Paint::Yellow,
        // A service's own line is what its author wants to see.
        _ if get("service").is_some() => Paint::Dim,
        _ => return None,
    };
    let message = get("msg").or_else(|| get("message")).unwrap_or_default();
    if process == SAID.0 && message == SAID.1 {
        return None;
    }
    // The rest of a message of several lines stands below, with the whole of it.
    let first = printable::line(message.lines().next().unwrap_or_default());
    let mut text = format!(
        "{} {} {first}",
        output.paint(paint, &printable::line(&level)),
        output.paint(Paint::Dim, process)
    );
    for (name, value) in log.iter().chain(nested.into_iter().flatten()) {
        if !KNOWN.contains(&name.as_str()) {
            text.push_str(&shown(name, value));
        }
    }
    text.push_str(&traceback(&log));
    Some(text)
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains('\n') => String::new(),
        Value::String(text) => printable::line(&format!(" {name}={text}")).into_owned(),
        other => printable::line(&format!(" {name}={other}")).into_owned(),
    }
}

/// Texts of several lines stand below, indented.
fn traceback(log: &Map<String, Value>) -> String {
    let long = log
        .values()
        .filter_map(Value::as_str)
        .filter(|text| text.contains('\n'));
    long.flat_map(str::lines)
        .flat_map(|line| ["\n    ".into(), printable::line(line)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::deploy::tests::plain;

    fn show(line: &str) -> Option<String> {
        render("dev-1", line, &plain())
    }

    #[test]
    fn warnings_services_and_panics_are_shown_and_chatter_is_not() {
        assert_eq!(show(r#"{"level":"INFO","msg":"started"}"#), None);
        assert_eq!(show(""), None);
        let warning =
            show(r#"{"ts":"T","level":"WARN","msg":"worker died","target":"x","worker":3}"#);
        assert_eq!(warning.unwrap(), "WARN dev-1 worker died worker=3");
        let nested =
            show(r#"{"level":"error","fields":{"message":"lost","peer":"a"},"target":"x"}"#);
        assert_eq!(nested.unwrap(), "ERROR dev-1 lost peer=a");
        let own = show(r#"{"level":"INFO","msg":"greeting","service":"hello.greet"}"#);
        assert_eq!(own.unwrap(), "INFO dev-1 greeting service=hello.greet");
        assert_eq!(
            show("thread 'main' panicked").unwrap(),
            "dev-1 thread 'main' panicked"
        );
    }

    #[test]
    fn a_refusal_is_not_said_twice() {
        let line = r#"{"level":"WARN","target":"cp_publish::deploy::coordinator","msg":"package refused","file":"a.py"}"#;
        let show = |process| render(process, line, &plain());
        assert_eq!(show("control plane"), None);
        assert!(show("dev-1").is_some());
    }

    #[test]
    fn what_a_service_says_does_not_reach_the_terminal_as_commands() {
        let line = show(
            r#"{"level":"INFO","msg":"\u001b[2J\u0007a\rb","service":"s\u001b[m","traceback":"T\n\u001b]0;x\u0007\tz"}"#,
        );
        assert_eq!(
            line.unwrap(),
            "INFO dev-1 \\x1b[2J\\x07a\\rb service=s\\x1b[m\n    T\n    \\x1b]0;x\\x07\tz"
        );
        assert_eq!(show("raw \x1b[2J").unwrap(), "dev-1 raw \\x1b[2J");
        let forged = show(r#"{"level":"ERROR","msg":"a\n✓ forged"}"#).unwrap();
        assert_eq!(forged, "ERROR dev-1 a\n    a\n    ✓ forged");
    }

    #[test]
    fn a_traceback_keeps_its_lines() {
        let line =
            show(r#"{"level":"ERROR","msg":"failed","traceback":"Traceback\n  File"}"#).unwrap();
        assert_eq!(line, "ERROR dev-1 failed\n    Traceback\n      File");
    }
}
