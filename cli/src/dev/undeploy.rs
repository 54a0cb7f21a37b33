//! Taking a service file back. Used by `bascule service delete`, and by `bascule dev` for a file that has another name now.
//! It refuses to guess: a name is that of a file or of a service, exactly. Invariant: when it is done, nothing of the file
//! is live or on its way.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::api::{Api, Call};
use crate::failure::Failure;
use crate::output::field;
use crate::suggest;

/// A file that is deployed or on its way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deployed {
    pub(crate) file: String,
    /// What its live package answers to.
    pub(crate) services: Vec<String>,
    /// Packages that wait for their trial, then the live one: in the other order a trial could end in between.
    ids: Vec<String>,
}

/// What is deployed of the file of this name, or of the file that declares the service of this name.
pub(crate) async fn find(api: &Api, name: &str) -> Result<Deployed, Failure> {
    let packages = api.list("/packages").await?;
    Deployed::named(&packages, name).ok_or_else(|| {
        let known: Vec<String> = packages.iter().flat_map(names).collect();
        let near = suggest::nearest(name, known.iter().map(String::as_str));
        Failure::NotFound {
            what: "service",
            name: name.to_owned(),
            near: near.map(ToOwned::to_owned),
        }
    })
}

/// The answer to the last of its packages.
pub(crate) async fn undeploy(
    api: &Api,
    deployed: &Deployed,
    wait: Option<Duration>,
) -> Result<Value, Failure> {
    let mut answer = Value::Null;
    for id in &deployed.ids {
        let call = Call {
            wait,
            ..Call::default()
        };
        let path = format!("/packages/{id}");
        answer = api.send(Method::DELETE, &path, call).await?.json()?;
    }
    Ok(answer)
}

/// The channels that lead to its services, and so keep it.
pub(crate) async fn channels(api: &Api, deployed: &Deployed) -> Result<Vec<String>, Failure> {
    let mut channels = api.list("/channels").await?;
    channels.retain(|channel| deployed.services.contains(&field(channel, "/service")));
    Ok(channels
        .iter()
        .map(|channel| field(channel, "/name"))
        .collect())
}

fn is_there(package: &Value) -> bool {
    ["live", "checking"].contains(&field(package, "/state").as_str())
}

fn services(package: &Value) -> impl Iterator<Item = String> {
    let services = package.get("services").and_then(Value::as_array);
    let services = services.into_iter().flatten().filter_map(Value::as_str);
    services.map(ToOwned::to_owned)
}

/// By what a package that is there can be named.
fn names(package: &Value) -> Vec<String> {
    if !is_there(package) {
        return Vec::new();
    }
    std::iter::once(field(package, "/file"))
        .chain(services(package))
        .collect()
}

// === impl Deployed ===

impl Deployed {
    fn named(packages: &[Value], name: &str) -> Option<Self> {
        let is_named = |package: &&Value| names(package).iter().any(|known| known == name);
        let file = field(packages.iter().find(is_named)?, "/file");
        let is_ours = |package: &&Value| is_there(package) && field(package, "/file") == file;
        let (live, waiting): (Vec<&Value>, Vec<&Value>) = packages
            .iter()
            .filter(is_ours)
            .partition(|package| field(package, "/state") == "live");
        Some(Self {
            file,
            services: live.iter().flat_map(|package| services(package)).collect(),
            ids: waiting
                .iter()
                .chain(&live)
                .map(|package| field(package, "/id"))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_or_a_service_with_all_that_is_on_its_way() {
        let packages = [
            json!({"id": "4", "file": "b.py", "state": "live", "services": ["s.c"]}),
            json!({"id": "3", "file": "a.py", "state": "live", "services": ["s.a", "s.b"]}),
            json!({"id": "2", "file": "a.py", "state": "checking", "services": []}),
            json!({"id": "1", "file": "a.py", "state": "retired", "services": ["s.old"]}),
        ];
        let wanted = Deployed {
            file: "a.py".into(),
            services: vec!["s.a".into(), "s.b".into()],
            ids: vec!["2".into(), "3".into()],
        };
        for name in ["a.py", "s.a", "s.b"] {
            assert_eq!(
                Deployed::named(&packages, name).as_ref(),
                Some(&wanted),
                "{name}"
            );
        }
        for absent in ["s.old", "s.", "c.py", ""] {
            assert_eq!(Deployed::named(&packages, absent), None, "{absent}");
        }
    }
}
