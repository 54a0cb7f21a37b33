//! A deployed file whose import takes longer than a person is kept waiting: asked for until it is live or refused.
//! It owns no printing. Invariant: it only reads, so that following a file never deploys it again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};

use super::deploy::{Live, Outcome, Refused, live_version};
use super::session::WAIT;
use crate::api::{Api, Call};
use crate::failure::Failure;
use crate::output::field;
use crate::problem::Problem;

const POLL: Duration = Duration::from_millis(250);
/// Beyond the control plane's own limit for a trial (30 s), so that its verdict is what is told.
const FOLLOW_MAX: Duration = Duration::from_secs(45);

/// A file whose import has ended, and when its deploy began.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) path: PathBuf,
    pub(super) start: Instant,
    /// `None` when another content of the file took its place.
    pub(super) verdict: Result<Option<Outcome>, Failure>,
}

/// One follower per file, that of its newest content.
#[derive(Debug, Default)]
pub(super) struct Followers {
    running: JoinSet<Followed>,
    files: HashMap<PathBuf, AbortHandle>,
}

// === impl Followers ===

impl Followers {
    pub(super) fn follow(&mut self, api: &Api, path: &Path, start: Instant, package: Value) {
        self.forget(path);
        let (api, at) = (api.clone(), path.to_owned());
        let follower = self.running.spawn(async move {
            Followed {
                path: at,
                start,
                verdict: verdict(&api, &package).await,
            }
        });
        self.files.insert(path.to_owned(), follower);
    }

    /// An earlier content matters no more.
    pub(super) fn forget(&mut self, path: &Path) {
        if let Some(follower) = self.files.remove(path) {
            follower.abort();
        }
    }

    /// The next that ends; `None` when nothing is followed. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Option<Followed> {
        loop {
            match self.running.join_next().await? {
                Ok(followed) => {
                    self.files.remove(&followed.path);
                    return Some(followed);
                }
                // One that was forgotten; others may still come.
                Err(_aborted) => {}
            }
        }
    }
}

/// How it ended; `None` when another version of the file took its place.
async fn verdict(api: &Api, package: &Value) -> Result<Option<Outcome>, Failure> {
    let path = format!("/packages/{}", field(package, "/id"));
    let until_decided = async {
        loop {
            let package = get(api, &path).await?;
            if field(&package, "/state") != "checking" {
                return Ok(package);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let decided = tokio::time::timeout(FOLLOW_MAX, until_decided).await;
    let package = decided.unwrap_or_else(|_elapsed| {
        let text = format!(
            "{} is not tried yet: is a node connected?",
            field(package, "/file")
        );
        Err(Failure::NotApplied(text))
    })?;
    Ok(match field(&package, "/state").as_str() {
        "live" => Some(Outcome::Live(live(api, package).await?)),
        "refused" => {
            let serving = live_version(api, &field(&package, "/file")).await;
            let problem = Problem {
                title: "refused".to_owned(),
                package: Some(package),
                ..Problem::default()
            };
            Some(Outcome::Refused(Refused::new(problem, serving)))
        }
        _ => None,
    })
}

/// Live in the control plane: now the nodes, as a write that waits would tell of them.
async fn live(api: &Api, package: Value) -> Result<Live, Failure> {
    let generation = get(api, "/cluster").await?.get("generation").cloned();
    let path = format!("/generations/{}", generation.clone().unwrap_or_default());
    let deadline = Instant::now() + WAIT;
    loop {
        let nodes = get(api, &path).await?.get("nodes").cloned();
        let is_pending = |node: &Value| field(node, "/state") == "pending";
        let items = nodes.as_ref().and_then(Value::as_array);
        let is_complete = !items.into_iter().flatten().any(is_pending);
        // What is still pending when the time is up is told as that.
        if is_complete || Instant::now() >= deadline {
            let applied =
                json!({"generation": generation, "complete": is_complete, "nodes": nodes});
            return Ok(Live::new(json!({"package": package, "applied": applied})));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn get(api: &Api, path: &str) -> Result<Value, Failure> {
    api.send(Method::GET, path, Call::default()).await?.json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tests::{block_on, server};
    use crate::dev::deploy::tests::plain;

    fn follow(answers: Vec<(u16, &'static str)>) -> Option<Outcome> {
        let (api, _requests) = server(answers);
        block_on(verdict(&api, &json!({"id": "p1"}))).unwrap()
    }

    #[test]
    fn a_slow_import_is_followed_until_every_node_runs_it() {
        let outcome = follow(vec![
            (200, r#"{"id":"p1","state":"checking"}"#),
            (
                200,
                r#"{"id":"p1","state":"live","version":3,"services":["s"]}"#,
            ),
            (200, r#"{"generation":7}"#),
            (
                200,
                r#"{"number":7,"nodes":[{"node":"a","state":"pending"}]}"#,
            ),
            (
                200,
                r#"{"number":7,"nodes":[{"node":"a","state":"applied"}]}"#,
            ),
        ]);
        let Some(Outcome::Live(live)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!((live.version, live.services), (3, vec!["s".to_owned()]));
        assert_eq!(live.applied.counts(), (1, 1));
        let said = live.applied.describe(Some(WAIT)).unwrap();
        assert_eq!(said, "r7 applied on 1/1 nodes");
    }

    #[test]
    fn a_late_refusal_is_told_with_what_goes_on_serving() {
        let outcome = follow(vec![
            (
                200,
                r#"{"id":"p1","file":"a.py","state":"refused","error":{"line":4,"message":"late"}}"#,
            ),
            (
                200,
                r#"{"items":[{"file":"a.py","state":"live","version":2}]}"#,
            ),
        ]);
        let Some(Outcome::Refused(refused)) = outcome else {
            panic!("{outcome:?}");
        };
        let lines = refused.lines("a.py", &plain());
        assert_eq!(lines, ["✗ a.py:4 late – still serving v2"]);
    }

    #[test]
    fn a_file_that_is_saved_again_is_followed_in_its_newest_content_only() {
        let retired = (200, r#"{"id":"p2","state":"retired"}"#);
        let (api, requests) = server(vec![retired]);
        let path = Path::new("a.py");
        block_on(async {
            let mut followers = Followers::default();
            let package = |id: &str| json!({ "id": id });
            followers.follow(&api, path, Instant::now(), package("p1"));
            followers.follow(&api, path, Instant::now(), package("p2"));
            let followed = followers.next().await.unwrap();
            assert_eq!(followed.path, path);
            assert!(matches!(followed.verdict, Ok(None)));
            assert!(followers.next().await.is_none());
        });
        assert!(requests.recv().unwrap().contains("/packages/p2"));
    }

    #[test]
    fn a_file_that_was_replaced_meanwhile_has_no_verdict() {
        assert!(follow(vec![(200, r#"{"id":"p1","state":"retired"}"#)]).is_none());
    }
}
