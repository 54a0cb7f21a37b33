//! What a session says once it is up: its nodes, and the addresses to go on with. It owns no state.

use super::Session;
use crate::dev::say;
use crate::dev::try_line::try_line;
use crate::failure::Failure;
use crate::output::Paint;

// === impl Session ===

impl Session<'_> {
    /// Asked after the first deploy: only then the workers run, and the nodes know their Python.
    pub(crate) async fn nodes(&self) -> Result<(), Failure> {
        for node in self.cluster.nodes().await? {
            let text = |pointer| crate::output::field(&node, pointer);
            let python = text("/python");
            let mut line = format!("node {} · {}", text("/name"), text("/address"));
            if !python.is_empty() {
                let (ready, total) = (text("/workers/ready"), text("/workers/total"));
                line = format!("{line} · {ready}/{total} workers · Python {python}");
            }
            say(self.output, &line);
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
