//! The table's requests, put to REST.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ask::{Ask, Etag, How, Id, List, Page, Show, What};
use super::outcome::Outcome;
use crate::plane::{ADMIN, Answer, Plane, answer, request};

pub(crate) struct ByRest<'a> {
    plane: &'a Plane,
    etag: String,
    next_page_token: String,
    package_id: String,
}

impl<'a> ByRest<'a> {
    pub(crate) fn new(plane: &'a Plane) -> Self {
        Self {
            plane,
            etag: String::new(),
            next_page_token: String::new(),
            package_id: String::new(),
        }
    }

    pub(crate) async fn ask(&mut self, ask: &Ask) -> Outcome {
        let answer = match &ask.what {
            What::List(list, page) => self.list(*list, *page).await,
            What::Show(show) => self.show(*show).await,
            What::Diff { from, to } => {
                let query = from.map_or_else(String::new, |from| format!("?from={from}"));
                self.get(&format!("generations/{to}/diff{query}")).await
            }
            What::Invoke {
                name,
                body,
                timeout_ms,
            } => {
                return self.invoke(name, body, *timeout_ms).await;
            }
            what => self.change(what, ask.how).await,
        };
        self.outcome(&ask.what, ask.how, answer)
    }

    async fn get(&self, path: &str) -> Answer {
        self.plane
            .call(&format!("GET /api/v1/{path}"), Value::Null)
            .await
    }

    async fn list(&self, list: List, page: Page) -> Answer {
        let query = match page {
            Page::First => String::new(),
            Page::Size(size) => format!("?page_size={size}"),
            Page::Next(size) => format!("?page_size={size}&page_token={}", self.next_page_token),
            Page::Token(token) => format!("?page_token={token}"),
        };
        self.get(&format!("{}{query}", list.path())).await
    }

    async fn show(&self, show: Show) -> Answer {
        let path = match show {
            Show::Cluster => "cluster".to_owned(),
            Show::Object(kind, name) => format!("{}/{name}", List::Objects(kind).path()),
            Show::Generation(number) => format!("generations/{number}"),
            Show::Node(name) => format!("nodes/{name}"),
            Show::Service(name) => format!("services/{name}"),
            Show::Package(id) => format!("packages/{}", self.id(id)),
            Show::Source(id) => format!("packages/{}/source", self.id(id)),
        };
        self.get(&path).await
    }

    /// Method, path, version and body of a change.
    fn change_of(&self, what: &What) -> (&'static str, String, Etag, Value) {
        let object =
            |kind: &'static str, name: &str| format!("{}/{name}", List::Objects(kind).path());
        let none = Etag::Missing;
        match what {
            What::Create { kind, name, spec } => {
                let mut body = spec.clone();
                body["name"] = json!(name);
                ("POST", List::Objects(kind).path(), none, body)
            }
            What::Update {
                kind,
                name,
                etag,
                patch,
                ..
            } => ("PATCH", object(kind, name), *etag, patch.clone()),
            What::Replace {
                kind,
                name,
                etag,
                spec,
            } => ("PUT", object(kind, name), *etag, spec.clone()),
            What::Delete { kind, name, etag } => ("DELETE", object(kind, name), *etag, Value::Null),
            What::Restore { number } => (
                "POST",
                format!("generations/{number}/restore"),
                none,
                Value::Null,
            ),
            What::NodeUpdate {
                name,
                etag,
                state,
                weight,
            } => (
                "PATCH",
                format!("nodes/{name}"),
                *etag,
                json!({"state": state, "weight": weight}),
            ),
            What::NodeVerb { name, verb } => {
                ("POST", format!("nodes/{name}:{verb}"), none, Value::Null)
            }
            What::NodeDelete { name, etag } => {
                ("DELETE", format!("nodes/{name}"), *etag, Value::Null)
            }
            What::Deploy { file, source } => {
                ("POST", format!("packages?file={file}"), none, json!(source))
            }
            What::Undeploy { id } => (
                "DELETE",
                format!("packages/{}", self.id(*id)),
                none,
                Value::Null,
            ),
            what => panic!("{what:?} is no change"),
        }
    }

    async fn change(&self, what: &What, how: How) -> Answer {
        let (method, path, etag, body) = self.change_of(what);
        let mut query = Vec::new();
        if let Some(wait_s) = how.wait_s {
            query.push(format!("wait=applied&timeout={wait_s}s"));
        }
        if how.is_dry_run {
            query.push("dry_run=true".to_owned());
        }
        let mark = if path.contains('?') { "&" } else { "?" };
        let mut request = request(&format!("{method} /api/v1/{path}{mark}{}", query.join("&")))
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", "application/json")
            .header("bascule-why", how.why);
        if let Some(key) = how.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(etag) = self.etag(etag) {
            request = request.header("if-match", etag);
        }
        let body = match body {
            Value::Null => String::new(),
            Value::String(source) => source,
            body => body.to_string(),
        };
        answer(self.plane.send(request.body(body.into()).unwrap()).await).await
    }

    async fn invoke(&self, name: &str, body: &str, timeout_ms: Option<u64>) -> Outcome {
        let query = timeout_ms.map_or_else(String::new, |ms| format!("?timeout_ms={ms}"));
        let request = request(&format!("POST /api/v1/services/{name}:invoke{query}"))
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", "text/plain");
        let request = request.body(body.to_owned().into()).unwrap();
        let answered = answer(self.plane.send(request).await).await;
        if answered.header("x-bascule-node").is_empty() {
            return error(&answered);
        }
        let duration_us: u64 = answered.header("x-bascule-duration-us").parse().unwrap();
        Outcome::ok(json!({
            "status": answered.status.as_u16(),
            "content_type": answered.header("content-type"),
            "body": answered.body,
            "node": answered.header("x-bascule-node"),
            "duration_us": duration_us,
        }))
    }

    fn outcome(&mut self, what: &What, how: How, answer: Answer) -> Outcome {
        if answer.status.as_u16() >= 400 {
            let error = error(&answer);
            // A message has only one field for the name of what it asks for.
            return match what {
                What::Show(Show::Service(_)) => error.called("service", "name"),
                _ => error,
            };
        }
        if !answer.header("etag").is_empty() {
            answer.header("etag").clone_into(&mut self.etag);
        }
        let is_late = answer.status.as_u16() == 202;
        let mut value = answer.body;
        if let What::List(..) = what {
            let next = value["next_page_token"].as_str().unwrap_or_default();
            next.clone_into(&mut self.next_page_token);
        }
        match what {
            What::List(List::Objects(_), _) => each(&mut value["items"], parted),
            What::Show(Show::Object(..)) => parted(&mut value),
            What::Create { kind, .. }
            | What::Update { kind, .. }
            | What::Replace { kind, .. }
            | What::Delete { kind, .. } => {
                let mut object = value[kind].take();
                value.as_object_mut().unwrap().remove(*kind);
                parted(&mut object);
                value["object"] = object;
            }
            What::Deploy { .. } => {
                value["package"]["id"]
                    .as_str()
                    .unwrap()
                    .clone_into(&mut self.package_id);
            }
            _ => {}
        }
        if let Some(applied) = value.get_mut("applied") {
            applied["timed_out"] = (is_late && how.wait_s.is_some()).into();
            if how.wait_s.is_none() {
                applied["nodes"] = Value::Null;
            }
            // Only some of the answers have it.
            value["is_dry_run"] = how.is_dry_run.into();
        }
        Outcome::ok(value)
    }

    fn id(&self, id: Id) -> &str {
        match id {
            Id::Last => &self.package_id,
            Id::Text(text) => text,
        }
    }

    fn etag(&self, etag: Etag) -> Option<&str> {
        match etag {
            Etag::Missing => None,
            Etag::Any => Some("*"),
            Etag::Last => Some(&self.etag),
            Etag::Text(text) => Some(text),
        }
    }
}

fn each(items: &mut Value, change: impl Fn(&mut Value)) {
    items.as_array_mut().unwrap().iter_mut().for_each(change);
}

/// An object with its fields under `spec`.
fn parted(object: &mut Value) {
    let Value::Object(fields) = object else {
        return;
    };
    let mut own = serde_json::Map::new();
    for name in [
        "name",
        "id",
        "etag",
        "created_at",
        "changed_at",
        "secrets_set",
    ] {
        let value = fields.remove(name).unwrap();
        own.insert(name.to_owned(), value);
    }
    own.insert("spec".to_owned(), std::mem::take(fields).into());
    *object = own.into();
}

fn error(answer: &Answer) -> Outcome {
    let body = &answer.body;
    let kind = body["type"].as_str().unwrap();
    let kind = match kind.rsplit_once('/') {
        Some((_, kind)) => kind,
        None => body["title"].as_str().unwrap(),
    };
    let class = kind.to_uppercase().replace(['-', ' '], "_");
    let pointers = body["errors"].as_array().unwrap().iter();
    let fields = pointers.map(|error| {
        error["pointer"]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .to_owned()
    });
    let fields: BTreeSet<_> = fields.collect();
    Outcome::error(class, fields, body["detail"].clone())
}
