//! What a session says once it is up: its nodes, and the addresses to go on with. It owns no state.

use serde_json::Value;

use super::Session;
use crate::dev::say;
use crate::dev::try_line::try_line;
use crate::failure::Failure;
use crate::output::{Paint, field};

// === impl Session ===

impl Session<'_> {
    /// Asked after the first deploy: only then the workers run, and the nodes know their Python.
    pub(crate) async fn nodes(&self) -> Result<(), Failure> {
        for node in self.cluster.nodes().await? {
            say(self.output, &node_line(&node));
        }
        Ok(())
    }

    pub(crate) fn banner(&self, took: &str) {
        let url = &self.cluster.url;
        let line = |name: &str, text: &str| {
            self.output.data(&format!(
                "  {} {text}",
                self.output.paint(Paint::Bold, &format!("{name:<9}"))
            ));
        };
        let channel = self
            .channels
            .iter()
            .find(|c| c.takes_get() && !c.path.contains('{'));
        let channel = channel.or(self.channels.first());
        let path = channel.map_or("/zato/ping", |channel| channel.path.as_str());
        self.output.data("");
        line("api", &format!("{url}{path}"));
        let once = if self.cluster.console.contains("?setup=") {
            "    (one-time link, valid 10 min)"
        } else {
            ""
        };
        line("console", &format!("{}{once}", self.cluster.console));
        line("try", &try_line(url, channel));
        if let Some(file) = self.saves.first() {
            line(
                "edit",
                &format!("{} – saved changes go live", file.display()),
            );
        }
        self.output.data("");
        self.output.talk(
            &self
                .output
                .paint(Paint::Dim, &format!("ready in {took} · Ctrl-C stops")),
        );
    }
}

/// `node dev-1 · 127.0.0.1:4711 · 2/2 workers · Python 3.12`; what the node has not reported yet is left out.
fn node_line(node: &Value) -> String {
    let text = |pointer| field(node, pointer);
    let mut line = format!("node {} · {}", text("/name"), text("/address"));
    // None are known before the node's first report, which follows its connection by a moment.
    let total = text("/workers/total");
    if !["", "0"].contains(&total.as_str()) {
        line = format!("{line} · {}/{total} workers", text("/workers/ready"));
    }
    let python = text("/python");
    if !python.is_empty() {
        line = format!("{line} · Python {python}");
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn workers_are_counted_once_the_node_has_reported() {
        let line = |total| {
            let workers = json!({"ready": total, "total": total});
            node_line(&json!({"name": "n", "address": "a:1", "python": "3.12", "workers": workers}))
        };
        assert_eq!(line(2), "node n · a:1 · 2/2 workers · Python 3.12");
        assert_eq!(line(0), "node n · a:1 · Python 3.12");
        assert_eq!(
            node_line(&json!({"name": "n", "address": "a:1"})),
            "node n · a:1"
        );
    }
}
