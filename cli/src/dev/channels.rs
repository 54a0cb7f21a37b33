//! The channels of `bascule.toml`: read strictly, then made or changed through the API. Channels that are only in the
//! cluster are left alone. Invariants: an unknown key is an error that names the key that was probably meant; a channel
//! counts as changed only when every connected node runs it.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;

use super::session::WAIT;
use crate::api::{Api, Call, encode};
use crate::applied::Applied;
use crate::failure::Failure;
use crate::suggest;

const KEYS: [&str; 8] = [
    "name",
    "path",
    "method",
    "service",
    "data_format",
    "timeout_ms",
    "body_bytes_max",
    "is_active",
];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Empty: any.
    #[serde(default)]
    pub(crate) method: String,
    pub(crate) service: String,
    /// `json`, which is also the default, as of `bascule channel create`; empty or `raw`: bytes as they come.
    #[serde(default = "json")]
    pub(crate) data_format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body_bytes_max: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_active: Option<bool>,
}

/// What came of the channels.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Names of channels that are made or changed, and live.
    pub(crate) changed: Vec<String>,
    /// What the control plane refused, and what it took and the nodes do not run.
    pub(crate) failures: Vec<(String, Failure)>,
}

/// Reads the file as it is on the disk.
pub(crate) fn parse_bytes(bytes: &[u8]) -> Result<Vec<Channel>, Failure> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Failure::Failed(format!("bascule.toml is not UTF-8: {error}")))?;
    parse(text)
}

/// Reads the file's text.
pub(crate) fn parse(text: &str) -> Result<Vec<Channel>, Failure> {
    let failed = |message: String| Failure::Failed(format!("bascule.toml: {message}"));
    let table: Table =
        toml::from_str(text).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
    check(&table, &["channel"], "the file").map_err(failed)?;
    let Some(channels) = table.get("channel") else {
        return Ok(Vec::new());
    };
    let Some(items) = channels.as_array() else {
        return Err(failed(
            "channels are written as [[channel]], with two brackets".to_owned(),
        ));
    };
    let mut parsed: Vec<Channel> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = match item.get("name").and_then(toml::Value::as_str) {
            Some(name) => format!("channel '{name}'"),
            None => format!("channel {}", index + 1),
        };
        if let Some(table) = item.as_table() {
            check(table, &KEYS, &place).map_err(failed)?;
        }
        let mut channel: Channel = item
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| failed(format!("{place}: {}", error.message())))?;
        channel.method.make_ascii_uppercase();
        // The API's word for raw is the empty one.
        if channel.data_format == "raw" {
            channel.data_format.clear();
        }
        if parsed.iter().any(|earlier| earlier.name == channel.name) {
            return Err(failed(format!("{place} is there twice")));
        }
        parsed.push(channel);
    }
    Ok(parsed)
}

fn json() -> String {
    "json".to_owned()
}

fn check(table: &Table, known: &[&str], place: &str) -> Result<(), String> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let known = known.iter().copied();
    let hint = match suggest::nearest(key, known.clone()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
    };
    Err(format!("{place} has an unknown key '{key}' – {hint}"))
}

/// Makes what is missing, changes what differs.
pub(crate) async fn apply(api: &Api, wanted: &[Channel]) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    if wanted.is_empty() {
        return Ok(outcome);
    }
    let present = api.list("/channels").await?;
    for channel in wanted {
        let current = present
            .iter()
            .find(|item| item.get("name").and_then(Value::as_str) == Some(&channel.name));
        let done = match current {
            None => write(api, Method::POST, "/channels", (channel, None)).await,
            Some(current) if channel.differs_from(current) => {
                let path = format!("/channels/{}", encode(&channel.name));
                let etag = crate::command::etag(current);
                write(api, Method::PATCH, &path, (channel, etag)).await
            }
            Some(_) => continue,
        };
        match done {
            Ok(()) => outcome.changed.push(channel.name.clone()),
            Err(failure @ (Failure::Problem(_) | Failure::NotApplied(_) | Failure::Failed(_))) => {
                outcome.failures.push((channel.name.clone(), failure));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(outcome)
}

async fn write(
    api: &Api,
    method: Method,
    path: &str,
    (channel, if_match): (&Channel, Option<String>),
) -> Result<(), Failure> {
    let body = serde_json::to_vec(channel)
        .map_err(|error| Failure::Failed(format!("writing channel {}: {error}", channel.name)))?;
    let call = Call {
        wait: Some(WAIT),
        body: Some(body),
        if_match,
        ..Call::default()
    };
    let answer = api.send(method, path, call).await?.json()?;
    // An answer that tells of no node is not taken for one that tells of all.
    let applied = Applied::from_answer(&answer).unwrap_or_default();
    applied.describe(Some(WAIT)).map(drop)
}

// === impl Channel ===

impl Channel {
    /// What is not written in the file is not compared: it is the cluster's to decide.
    fn differs_from(&self, current: &Value) -> bool {
        let Ok(Value::Object(wanted)) = serde_json::to_value(self) else {
            return true;
        };
        wanted
            .iter()
            .any(|(key, value)| current.get(key) != Some(value))
    }

    pub(crate) fn takes_get(&self) -> bool {
        self.method.is_empty() || self.method == "GET"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::tests::{block_on, server};

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn channels_are_read_with_their_defaults() {
        let text = "[[channel]]\nname='a'\npath='/a'\nservice='s'\nmethod='get'\n";
        let channels = parse(text).unwrap();
        assert_eq!(
            (channels[0].method.as_str(), channels[0].timeout_ms),
            ("GET", None)
        );
        assert_eq!(channels[0].data_format, "json");
        for raw in ["raw", ""] {
            let channel = parse(&format!("{text}data_format='{raw}'\n")).unwrap();
            assert_eq!(channel[0].data_format, "");
        }
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn unknown_keys_name_the_near_one() {
        let base = "[[channel]]\nname='a'\npath='/a'\nservice='s'\n";
        let wrong = refusal(&format!("{base}timout_ms=5\n"));
        assert_eq!(
            wrong,
            "bascule.toml: channel 'a' has an unknown key 'timout_ms' – did you mean 'timeout_ms'?"
        );
        assert!(refusal("[[chanel]]\n").contains("did you mean 'channel'?"));
        assert!(refusal("zzz=1\n").contains("known are channel"));
    }

    #[test]
    fn what_is_missing_or_malformed_is_said_with_its_place() {
        assert!(refusal("[[channel]]\nname='a'\n").contains("channel 'a': missing field `path`"));
        assert!(refusal("[channel]\nname='a'\n").contains("[[channel]]"));
        assert!(refusal("[[channel]\n").contains("line 1"));
        let twice = "[[channel]]\nname='a'\npath='/a'\nservice='s'\n".repeat(2);
        assert!(refusal(&twice).contains("twice"));
    }

    #[test]
    fn only_what_the_file_says_is_compared() {
        let channel = parse("[[channel]]\nname='a'\npath='/a'\nservice='s'\n")
            .unwrap()
            .remove(0);
        let mut current = json!({"name":"a","path":"/a","service":"s","method":"","data_format":"json","timeout_ms":9,"etag":"1"});
        assert!(!channel.differs_from(&current));
        current["path"] = json!("/b");
        assert!(channel.differs_from(&current));
    }

    /// What comes of one channel that is missing, when its write is answered so.
    fn applied(status: u16, applied: &'static str) -> Outcome {
        let channels = parse("[[channel]]\nname='a'\npath='/a'\nservice='s'\n").unwrap();
        let (api, requests) = server(vec![(200, r#"{"items":[]}"#), (status, applied)]);
        let outcome = block_on(apply(&api, &channels)).unwrap();
        requests.recv().unwrap();
        let asked = requests.recv().unwrap();
        assert!(
            asked.contains("/channels?wait=applied&timeout=5s"),
            "{asked}"
        );
        outcome
    }

    #[test]
    fn a_channel_that_every_node_runs_is_changed() {
        let outcome = applied(
            201,
            r#"{"applied":{"generation":7,"complete":true,"nodes":[{"node":"n","state":"applied"}]}}"#,
        );
        assert_eq!(outcome.changed, ["a"]);
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    }

    #[test]
    fn a_channel_that_a_node_does_not_run_is_not_said_to_be_live() {
        let late = r#"{"applied":{"generation":7,"nodes":[{"node":"n","state":"pending"}]}}"#;
        let refused = r#"{"applied":{"generation":7,"nodes":[{"node":"n","state":"rejected",
            "refusals":[{"object":"channel a","field":"path","reason":"is odd"}]}]}}"#;
        for (status, answer, wanted) in [
            (202, late, "r7 is on 0/1 nodes after 5.0 s: waiting for n"),
            (201, refused, "r7 was refused by n: channel a.path is odd"),
        ] {
            let outcome = applied(status, answer);
            assert!(outcome.changed.is_empty(), "{outcome:?}");
            let (name, failure) = &outcome.failures[0];
            assert_eq!((name.as_str(), failure.to_string().as_str()), ("a", wanted));
        }
    }

    #[test]
    fn the_example_is_valid() {
        assert_eq!(
            parse(include_str!("example/bascule.toml")).unwrap()[0].service,
            "hello.greet"
        );
    }
}
