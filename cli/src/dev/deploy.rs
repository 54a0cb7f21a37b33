//! Deploying one service file and telling the truth about it. Used by `bascule dev` and by
//! `bascule service deploy`. Invariant: "live" is said only when the control plane says that the nodes run it.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::api::{Api, Call};
use crate::applied::{Applied, readable};
use crate::failure::Failure;
use crate::output::{Output, Paint, field};
use crate::printable;
use crate::problem::Problem;

/// The control plane's own limit, by the same name. To be kept here: it answers 413 while the rest is still being sent,
/// which then may be lost with the connection.
pub(crate) const PACKAGE_BYTES_MAX: u64 = 4 << 20;

/// As long as the control plane has a file tried that nobody waits for.
const TRIAL_MAX: Duration = Duration::from_secs(40);

#[derive(Debug)]
pub(crate) enum Outcome {
    Live(Live),
    /// Stored, and the time to wait was up before the nodes had imported it, or none was there to try it.
    Checking(Checking),
    Refused(Refused),
}

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) answer: Value,
    pub(crate) version: u64,
    pub(crate) services: Vec<String>,
    pub(crate) applied: Applied,
}

#[derive(Debug)]
pub(crate) struct Checking {
    pub(crate) answer: Value,
    /// Whether a node is connected, which then is importing it.
    pub(crate) is_being_tried: bool,
}

/// What the nodes said against it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) package: Value,
    line: u64,
    message: String,
    traceback: String,
    node: String,
    /// The version that goes on serving.
    serving: Option<u64>,
}

/// Stores the file, has it tried by every node, and waits for the nodes when asked to.
pub(crate) async fn deploy(
    api: &Api,
    file: &str,
    source: Vec<u8>,
    wait: Option<Duration>,
) -> Result<Outcome, Failure> {
    let call = Call {
        query: vec![("file", file.to_owned())],
        wait,
        work: TRIAL_MAX,
        body: Some(source),
        content_type: Some("text/x-python; charset=utf-8"),
        ..Call::default()
    };
    let reply = api.raw(Method::POST, "/packages", call).await?;
    if reply.status >= 400 {
        let problem = Problem::parse(reply.status, &reply.body);
        if problem.status != 422 || problem.package.is_none() {
            return Err(Failure::Problem(Box::new(problem)));
        }
        let serving = live_version(api, file).await;
        return Ok(Outcome::Refused(Refused::new(problem, serving)));
    }
    let answer = reply.json()?;
    if field(&answer, "/package/state") == "checking" {
        return Ok(Outcome::Checking(Checking::new(answer)));
    }
    Ok(Outcome::Live(Live::new(answer)))
}

pub(super) async fn live_version(api: &Api, file: &str) -> Option<u64> {
    let packages = api.list("/packages").await.ok()?;
    let live = packages
        .iter()
        .find(|package| field(package, "/file") == file && field(package, "/state") == "live");
    live?.get("version")?.as_u64()
}

// === impl Checking ===

impl Checking {
    pub(crate) fn new(answer: Value) -> Self {
        let applied = Applied::from_answer(&answer).unwrap_or_default();
        Self {
            is_being_tried: applied.counts().1 > 0,
            answer,
        }
    }

    /// `slow.py is being imported and not live after 5.0 s`.
    pub(crate) fn what(&self, file: &str, waited: Duration) -> String {
        if self.is_being_tried {
            let waited = readable(waited.as_secs_f64() * 1000.0);
            format!("{file} is still being imported by the nodes after {waited}, and not live yet")
        } else {
            format!("{file} is stored and not tried yet: no node is connected")
        }
    }
}

// === impl Live ===

impl Live {
    pub(super) fn new(answer: Value) -> Self {
        let services = answer
            .pointer("/package/services")
            .and_then(Value::as_array);
        let services = services.into_iter().flatten().filter_map(Value::as_str);
        Self {
            version: answer
                .pointer("/package/version")
                .and_then(Value::as_u64)
                .unwrap_or(1),
            services: services.map(ToOwned::to_owned).collect(),
            applied: Applied::from_answer(&answer).unwrap_or_default(),
            answer,
        }
    }

    /// `hello.py v2 is live`.
    pub(crate) fn what(&self, file: &str) -> String {
        format!("{file} v{} is live", self.version)
    }
}

// === impl Refused ===

impl Refused {
    pub(super) fn new(problem: Problem, serving: Option<u64>) -> Self {
        let package = problem.package.unwrap_or_default();
        let own = field(&package, "/error/traceback");
        let message = field(&package, "/error/message");
        Self {
            line: package
                .pointer("/error/line")
                .and_then(Value::as_u64)
                .unwrap_or(0),
            message: if message.is_empty() {
                problem.detail.unwrap_or(problem.title)
            } else {
                message
            },
            traceback: problem.traceback.unwrap_or(own),
            node: field(&package, "/error/node"),
            serving,
            package,
        }
    }

    /// `✗ services/hello.py:9 NameError: name 'nmae' is not defined – still serving v1`, then the traceback.
    pub(crate) fn lines(&self, file: &str, output: &Output) -> Vec<String> {
        let place = if self.line == 0 {
            file.to_owned()
        } else {
            format!("{file}:{}", self.line)
        };
        let serving = match self.serving {
            Some(version) => format!("still serving v{version}"),
            None => "not deployed".to_owned(),
        };
        let mut lines = vec![format!(
            "{} {} {} – {serving}",
            output.paint(Paint::Red, "✗"),
            output.paint(Paint::Bold, &place),
            printable::lines(&self.message)
        )];
        lines.extend(
            self.traceback
                .trim_end()
                .lines()
                .map(|line| format!("    {}", printable::line(line))),
        );
        if !self.node.is_empty() {
            lines.push(output.paint(
                Paint::Dim,
                &format!("    on {}", printable::line(&self.node)),
            ));
        }
        lines
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::args::{Colour, Global};

    pub(in crate::dev) fn plain() -> Output {
        Output::new(&Global {
            url: None,
            token_file: None,
            json: false,
            quiet: false,
            color: Colour::Never,
        })
    }

    #[test]
    fn a_slow_import_is_not_taken_for_an_absence_of_nodes() {
        let checking = |nodes: Value| {
            let answer =
                json!({"package":{"state":"checking"},"applied":{"generation":3,"nodes":nodes}});
            Checking::new(answer).what("a.py", Duration::from_secs(5))
        };
        let tried = checking(json!([{"node":"n1","state":"applied"},{"node":"n2","state":"away"}]));
        assert_eq!(
            tried,
            "a.py is still being imported by the nodes after 5.0 s, and not live yet"
        );
        for nodes in [json!([]), json!([{"node":"n1","state":"away"}])] {
            assert!(checking(nodes).contains("no node is connected"));
        }
    }

    #[test]
    fn a_refusal_names_file_line_and_what_goes_on_serving() {
        let body = br#"{"title":"Unprocessable","detail":"import failed","package":{"error":
            {"node":"dev-1","file":"hello.py","line":9,"message":"NameError: nmae","traceback":"Traceback\n  x\n"}}}"#;
        let refused = Refused::new(Problem::parse(422, body), Some(1));
        assert_eq!(
            refused.lines("services/hello.py", &plain()),
            [
                "✗ services/hello.py:9 NameError: nmae – still serving v1",
                "    Traceback",
                "      x",
                "    on dev-1",
            ]
        );
        let body = br#"{"package":{"error":{"message":"a\u001b[2J","traceback":"\u0007b"}}}"#;
        let refused = Refused::new(Problem::parse(422, body), None);
        assert_eq!(
            refused.lines("a.py", &plain()),
            ["✗ a.py a\\x1b[2J – not deployed", "    \\x07b"]
        );
        let body = br#"{"detail":"import failed","package":{}}"#;
        let refused = Refused::new(Problem::parse(422, body), None);
        assert_eq!(
            refused.lines("a.py", &plain()),
            ["✗ a.py import failed – not deployed"]
        );
    }
}
