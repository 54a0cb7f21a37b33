//! One line per request, from the nodes' access logs. A balanced request is in two logs, the balancer's (with `upstream`) and
//! the member's: the member's line is shown, and the balancer's only when no member told of it (then nobody answered).
//! Pure; time comes in. Invariant: a flood of requests costs at most [`LINES_PER_SECOND`] lines, and what is left out is counted.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::applied::readable;
use crate::output::{Output, Paint};
use crate::printable;

/// Nodes hand their lines over ten times a second; the member's comes at most this much after the balancer's.
const HOLD: Duration = Duration::from_millis(300);
/// More than a person can read.
const LINES_PER_SECOND: u32 = 50;
/// Lines held and ids remembered; under a flood the oldest go.
const REMEMBERED_MAX: usize = 4096;

/// The fields of an access-log line that are shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) code: u16,
    pub(crate) duration_s: f64,
    pub(crate) cid: String,
    pub(crate) service: String,
    pub(crate) upstream: Option<String>,
}

#[derive(Debug)]
pub(crate) struct RequestLog {
    /// Versions of the services that are live.
    pub(crate) versions: HashMap<String, u64>,
    held: VecDeque<(Instant, Line)>,
    told: HashSet<String>,
    told_order: VecDeque<String>,
    second: Instant,
    shown: u32,
    left_out: BTreeMap<u16, u64>,
}

// === impl RequestLog ===

impl RequestLog {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            versions: HashMap::new(),
            held: VecDeque::new(),
            told: HashSet::new(),
            told_order: VecDeque::new(),
            second: now,
            shown: 0,
            left_out: BTreeMap::new(),
        }
    }

    /// Takes a line of an access log; gives what is to be shown now.
    pub(crate) fn take(&mut self, json: &str, now: Instant, output: &Output) -> Option<String> {
        let line: Line = serde_json::from_str(json).ok()?;
        if line.path.starts_with("/zato/ping") {
            return None;
        }
        if line.upstream.is_none() {
            self.remember(line.cid.clone());
            return self.show(&line, output);
        }
        if !self.told.contains(&line.cid) {
            if self.held.len() >= REMEMBERED_MAX {
                self.held.pop_front();
            }
            self.held.push_back((now + HOLD, line));
        }
        None
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let held = self.held.front().map(|(due, _)| *due);
        let summary = (!self.left_out.is_empty()).then(|| self.second + Duration::from_secs(1));
        held.into_iter().chain(summary).min()
    }

    /// What has become due: balancer lines that no member has told of, and the count of what was left out.
    pub(crate) fn tick(&mut self, now: Instant, output: &Output) -> Vec<String> {
        let mut lines = Vec::new();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.shown = 0;
            lines.extend(self.summary(output));
        }
        while self.held.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, line)) = self.held.pop_front() else {
                break;
            };
            if !self.told.contains(&line.cid) {
                lines.extend(self.show(&line, output));
            }
        }
        lines
    }

    fn show(&mut self, line: &Line, output: &Output) -> Option<String> {
        if self.shown >= LINES_PER_SECOND {
            *self.left_out.entry(line.code).or_default() += 1;
            return None;
        }
        self.shown += 1;
        Some(line.render(self.versions.get(&line.service).copied(), output))
    }

    fn summary(&mut self, output: &Output) -> Option<String> {
        let all: u64 = self.left_out.values().sum();
        if all == 0 {
            return None;
        }
        let codes: Vec<String> = std::mem::take(&mut self.left_out)
            .iter()
            .map(|(code, count)| format!("{count} × {code}"))
            .collect();
        Some(output.paint(
            Paint::Dim,
            &format!("… {all} more requests: {}", codes.join(", ")),
        ))
    }

    fn remember(&mut self, cid: String) {
        if self.told_order.len() >= REMEMBERED_MAX
            && let Some(oldest) = self.told_order.pop_front()
        {
            self.told.remove(&oldest);
        }
        if self.told.insert(cid.clone()) {
            self.told_order.push_back(cid);
        }
    }
}

// === impl Line ===

impl Line {
    /// `200 GET /hello  hello.greet v1  1.4 ms  01KAP3…`.
    fn render(&self, version: Option<u64>, output: &Output) -> String {
        let paint = match self.code {
            ..400 => Paint::Green,
            400..500 => Paint::Yellow,
            _ => Paint::Red,
        };
        let code = output.paint(paint, &self.code.to_string());
        let service = match version {
            Some(version) => format!("{} v{version}", printable::line(&self.service)),
            None if self.service.is_empty() => "–".to_owned(),
            None => printable::line(&self.service).into_owned(),
        };
        let took = readable(self.duration_s * 1000.0);
        let cid = output.paint(Paint::Dim, &printable::line(&self.cid));
        let request = format!("{} {}", self.method, self.path);
        let request = printable::line(&request);
        format!("{code} {request}  {service}  {took}  {cid}")
    }
}
