//! What a write's answer says about the nodes: applied by all, by some, refused by one. Pure.
//! Invariant: "applied" is printed only when every node that counts has said so.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Applied {
    pub(crate) generation: u64,
    pub(crate) complete: bool,
    pub(crate) took_ms: Option<f64>,
    pub(crate) nodes: Vec<NodeApplied>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeApplied {
    pub(crate) node: String,
    pub(crate) state: String,
    pub(crate) refusals: Option<Vec<Refusal>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    pub(crate) object: String,
    pub(crate) field: String,
    pub(crate) reason: String,
}

// === impl Applied ===

impl Applied {
    /// From a write's answer; `None` when it carries nothing of the kind.
    pub(crate) fn from_answer(answer: &Value) -> Option<Self> {
        Self::deserialize(answer.get("applied")?).ok()
    }

    /// Nodes that run the generation, of those that are there.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let applied = self
            .nodes
            .iter()
            .filter(|node| node.state == "applied")
            .count();
        let there = self
            .nodes
            .iter()
            .filter(|node| node.state != "away")
            .count();
        (applied, there)
    }

    /// `r7 applied on 2/2 nodes in 12 ms`, or why not.
    pub(crate) fn describe(&self, waited: Option<Duration>) -> Result<String, Failure> {
        let number = self.generation;
        if let Some(text) = self.refusal() {
            return Err(Failure::Failed(format!("r{number} was refused by {text}")));
        }
        let Some(waited) = waited else {
            return Ok(format!("r{number} is made"));
        };
        let (applied, there) = self.counts();
        if !self.complete {
            let late: Vec<&str> = self
                .nodes
                .iter()
                .filter(|node| node.state != "applied" && node.state != "away")
                .map(|node| node.node.as_str())
                .collect();
            let who = if late.is_empty() {
                String::new()
            } else {
                format!(": waiting for {}", late.join(", "))
            };
            let waited = readable(waited.as_secs_f64() * 1000.0);
            let text = format!("r{number} is on {applied}/{there} nodes after {waited}{who}");
            return Err(Failure::NotApplied(text));
        }
        let took = self
            .took_ms
            .map(|ms| format!(" in {}", readable(ms)))
            .unwrap_or_default();
        let away = self.nodes.len() - there;
        let away = if away == 0 {
            String::new()
        } else {
            format!(" ({away} away)")
        };
        Ok(format!(
            "r{number} applied on {applied}/{there} nodes{took}{away}"
        ))
    }

    fn refusal(&self) -> Option<String> {
        let node = self.nodes.iter().find(|node| node.state == "rejected")?;
        let reasons: Vec<String> = node
            .refusals
            .iter()
            .flatten()
            .map(Refusal::to_string)
            .collect();
        Some(format!("{}: {}", node.node, reasons.join("; ")))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.object.is_empty() || self.field.is_empty() {
            ""
        } else {
            "."
        };
        write!(f, "{}{dot}{} {}", self.object, self.field, self.reason)
    }
}

/// Milliseconds as a person reads them: `1.4 ms`, `43 ms`, `2.1 s`.
pub(crate) fn readable(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn describe(applied: &Value) -> Result<String, Failure> {
        let applied = Applied::from_answer(&json!({ "applied": applied })).unwrap();
        applied.describe(Some(Duration::from_secs(5)))
    }

    #[test]
    fn a_complete_generation_names_its_nodes_and_its_time() {
        let nodes = json!([{"node":"a","state":"applied","ack_us":9,"refusals":[]},{"node":"b","state":"applied"}]);
        let text =
            describe(&json!({"generation":7,"complete":true,"took_ms":12,"nodes":nodes})).unwrap();
        assert_eq!(text, "r7 applied on 2/2 nodes in 12 ms");
        let nodes = json!([{"node":"a","state":"applied"},{"node":"b","state":"away"}]);
        let text = describe(&json!({"generation":8,"complete":true,"took_ms":1.25,"nodes":nodes}))
            .unwrap();
        assert_eq!(text, "r8 applied on 1/1 nodes in 1.2 ms (1 away)");
    }

    #[test]
    fn a_late_node_is_a_time_out_and_a_refusing_one_a_failure() {
        let nodes = json!([{"node":"a","state":"applied"},{"node":"b","state":"pending"}]);
        let late = describe(&json!({"generation":7,"complete":false,"nodes":nodes})).unwrap_err();
        assert!(matches!(late, Failure::NotApplied(_)));
        assert_eq!(
            late.to_string(),
            "r7 is on 1/2 nodes after 5.0 s: waiting for b"
        );
        let refusals =
            json!([{"object":"channel orders","field":"path","reason":"is odd","core":1}]);
        let nodes = json!([{"node":"b","state":"rejected","refusals":refusals}]);
        let refused =
            describe(&json!({"generation":7,"complete":false,"nodes":nodes})).unwrap_err();
        assert!(matches!(refused, Failure::Failed(_)));
        assert_eq!(
            refused.to_string(),
            "r7 was refused by b: channel orders.path is odd"
        );
    }

    #[test]
    fn an_answer_without_waiting_says_that_the_generation_is_made() {
        let answer = json!({"applied":{"generation":3,"complete":false}});
        assert_eq!(
            Applied::from_answer(&answer)
                .unwrap()
                .describe(None)
                .unwrap(),
            "r3 is made"
        );
        assert!(Applied::from_answer(&json!({})).is_none());
    }
}
