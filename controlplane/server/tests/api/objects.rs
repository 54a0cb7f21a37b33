//! Every kind of object, by its examples: a kind that joins the list is tested without a line here.

use axum::http::HeaderMap;
use cp_model::kind::{KINDS, Kind};
use cp_model::object::{HIDDEN, HIDDEN_CHANGED};
use cp_model::schema::Type;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::plane::{Answer, Plane};

/// In every secret that the tests send, and in nothing else.
const MARK: &str = "hush";
const ANY: [(&str, &str); 1] = [("if-match", "*")];

type Fields = Map<String, Value>;

/// A plane that hears every answer.
struct Heard {
    plane: Plane,
    told: Vec<String>,
    _folder: TempDir,
}

/// An object that an example says, with secrets that can be told from everything else.
struct Example {
    kind: &'static Kind,
    fields: Fields,
}

impl Heard {
    async fn new() -> Self {
        let (plane, folder) = Plane::new().await;
        Self {
            plane,
            told: Vec::new(),
            _folder: folder,
        }
    }

    async fn call(&mut self, what: &str, body: Value) -> Answer {
        let answer = self.plane.call_with(what, &ANY, body).await;
        let headers = |headers: &HeaderMap| format!("{headers:?}");
        self.told.push(format!(
            "{what} {} {}",
            headers(&answer.headers),
            answer.body
        ));
        answer
    }

    async fn get(&mut self, path: &str) -> Value {
        let what = format!("GET /api/v1/{path}");
        self.call(&what, Value::Null).await.expect(200).body
    }

    async fn create(&mut self, example: &Example) -> Value {
        let what = format!("POST /api/v1/{}", example.kind.plural);
        let mut made = self
            .call(&what, example.fields.clone().into())
            .await
            .expect(201)
            .body;
        made[example.kind.name].take()
    }

    fn assert_no_secret_was_told(&self) {
        for told in &self.told {
            assert!(!told.contains(MARK), "{told}");
        }
    }
}

impl Example {
    fn name(&self) -> &str {
        self.fields["name"].as_str().unwrap()
    }

    fn path(&self) -> String {
        // Names may hold spaces; all else in the examples stands in a URL as it is.
        format!("{}/{}", self.kind.plural, self.name().replace(' ', "%20"))
    }

    fn secrets(&self) -> Vec<&'static str> {
        let fields = self.kind.fields.iter();
        let is_set = |name: &&str| self.fields.contains_key(*name);
        let secret = fields.filter(|field| matches!(field.kind, Type::Secret { .. }));
        secret.map(|field| field.name).filter(is_set).collect()
    }

    fn without_secrets(&self) -> Fields {
        let secrets = self.secrets();
        let mut fields = self.fields.clone();
        fields.retain(|name, _| !secrets.contains(&name.as_str()));
        fields
    }

    /// Its kind and name, as a user of another object is named.
    fn user(&self) -> String {
        format!("{} {}", self.kind.name, self.name())
    }
}

/// In an order in which each names only what is there.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for kind in KINDS {
        for text in kind.examples {
            let mut example = Example {
                kind,
                fields: serde_json::from_str(text).unwrap(),
            };
            for secret in example.secrets() {
                let value = format!("{}-{MARK}", example.fields[secret].as_str().unwrap());
                example.fields.insert(secret.to_owned(), value.into());
            }
            examples.push(example);
        }
    }
    examples
}

async fn all_created() -> (Heard, Vec<Example>) {
    let mut plane = Heard::new().await;
    let examples = examples();
    for example in &examples {
        plane.create(example).await;
    }
    (plane, examples)
}

/// A change of something that every kind has: a switch, else a number, else the name.
fn patch_of(kind: &Kind, shown: &Value) -> Value {
    let values = || {
        kind.fields
            .iter()
            .map(|field| (field.name, &shown[field.name]))
    };
    let switch = values().find_map(|(name, value)| Some((name, json!(!value.as_bool()?))));
    let number = values().find_map(|(name, value)| Some((name, json!(value.as_i64()? + 1))));
    let renamed = format!("{}-2", shown["name"].as_str().unwrap());
    let (name, value) = switch.or(number).unwrap_or(("name", renamed.into()));
    json!({ name: value })
}

#[tokio::test]
async fn objects_of_every_kind_are_made_shown_changed_listed_and_removed() {
    let (mut plane, examples) = all_created().await;
    for example in &examples {
        let shown = plane.get(&example.path()).await;
        assert_shown(example, &shown);
        changed_and_put_back(&mut plane, example, &shown).await;
    }
    for kind in KINDS {
        let page = plane.get(&format!("{}?page_size=1000", kind.plural)).await;
        let items = page["items"].as_array().unwrap().iter();
        let listed: Vec<_> = items.map(|item| item["name"].as_str().unwrap()).collect();
        let of_kind = examples.iter().filter(|one| one.kind.name == kind.name);
        let mut names: Vec<_> = of_kind.map(Example::name).collect();
        names.sort_unstable();
        assert_eq!(listed, names);
    }
    for example in examples.iter().rev() {
        let path = format!("/api/v1/{}", example.path());
        plane
            .call(&format!("DELETE {path}"), Value::Null)
            .await
            .expect(200);
        plane
            .call(&format!("GET {path}"), Value::Null)
            .await
            .expect(404);
    }
    plane.assert_no_secret_was_told();
}

/// What was given is there, and what was not given is its default.
fn assert_shown(example: &Example, shown: &Value) {
    let given = example.without_secrets();
    for (name, value) in &given {
        let is_whole = !value.is_object() && !value.is_array();
        assert!(!is_whole || shown[name] == *value, "{name}: {shown}");
    }
    for field in example.kind.fields {
        let is_given = given.contains_key(field.name);
        if let (false, Some(value)) = (is_given, shown.get(field.name)) {
            assert_eq!(Some(value), field.default_value().as_ref(), "{shown}");
        }
    }
    assert_eq!(shown["secrets_set"], json!(example.secrets()), "{shown}");
}

async fn changed_and_put_back(plane: &mut Heard, example: &Example, shown: &Value) {
    let (kind, path) = (example.kind, example.path());
    let what = format!("POST /api/v1/{}", kind.plural);
    let again = plane.call(&what, example.fields.clone().into()).await;
    let again = again.expect(409);
    assert_eq!(again.body["errors"][0]["pointer"], "/name", "{path}");

    let patch = patch_of(kind, shown);
    let what = format!("PATCH /api/v1/{path}");
    let mut changed = plane.call(&what, patch.clone()).await.expect(200).body;
    let changed = changed[kind.name].take();
    for (name, value) in patch.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{path}");
    }
    assert_ne!(changed["etag"], shown["etag"], "{path}");
    assert_eq!(changed["id"], shown["id"], "{path}");

    // A replacement that says nothing of a secret leaves it alone.
    let now = changed["name"].as_str().unwrap().replace(' ', "%20");
    let what = format!("PUT /api/v1/{}/{now}", kind.plural);
    let whole = example.without_secrets().into();
    let replaced = plane.call(&what, whole).await.expect(200).body;
    let replaced = &replaced[kind.name];
    assert_eq!(replaced["secrets_set"], shown["secrets_set"], "{path}");
    for field in kind.fields {
        assert_eq!(replaced[field.name], shown[field.name], "{path}");
    }
}

#[tokio::test]
async fn no_secret_comes_back_from_history_or_audit() {
    let (mut plane, examples) = all_created().await;
    let with_secrets: Vec<_> = examples
        .iter()
        .filter(|one| !one.secrets().is_empty())
        .collect();
    assert!(with_secrets.len() > 5, "there are secrets to be told");
    let full = plane.get("cluster").await["generation"].as_u64().unwrap();
    for example in &with_secrets {
        let changed = example.secrets().into_iter().map(|secret| {
            let value = format!("{}-2", example.fields[secret].as_str().unwrap());
            (secret.to_owned(), value.into())
        });
        let patch: Fields = changed.collect();
        let what = format!("PATCH /api/v1/{}", example.path());
        let changed = plane.call(&what, patch.into()).await.expect(200).body;
        let generation = changed["generation"].as_u64().unwrap();

        let event = plane.get("audit?page_size=1").await["items"][0].take();
        let diff = plane.get(&format!("generations/{generation}/diff")).await;
        let fields = diff["items"][0]["fields"].as_array().unwrap();
        for secret in example.secrets() {
            assert_eq!(event["before"][secret], HIDDEN);
            assert_eq!(event["after"][secret], HIDDEN_CHANGED);
            let pointer = format!("/{secret}");
            let told = fields
                .iter()
                .find(|field| field["pointer"] == pointer.as_str())
                .unwrap();
            assert_eq!(
                (&told["before"], &told["after"]),
                (&json!(HIDDEN), &json!(HIDDEN))
            );
        }
        assert_eq!(fields.len(), example.secrets().len(), "{diff}");
    }
    for example in examples.iter().rev() {
        let what = format!("DELETE /api/v1/{}", example.path());
        plane.call(&what, Value::Null).await.expect(200);
    }
    let what = format!("POST /api/v1/generations/{full}/restore");
    plane.call(&what, Value::Null).await.expect(200);
    for example in &with_secrets {
        let restored = plane.get(&example.path()).await;
        assert_eq!(
            restored["secrets_set"],
            json!(example.secrets()),
            "{restored}"
        );
    }
    let newest = plane.get("cluster").await["generation"].as_u64().unwrap();
    for generation in 2..=newest {
        plane.get(&format!("generations/{generation}/diff")).await;
    }
    plane
        .get(&format!("generations/{newest}/diff?from=1"))
        .await;
    plane.get("generations?page_size=1000").await;
    plane.get("audit?page_size=1000").await;
    plane.assert_no_secret_was_told();
}

#[tokio::test]
async fn what_others_use_stays_and_they_are_named() {
    let (mut plane, examples) = all_created().await;
    let uses = |used: &Example| -> Vec<String> {
        let names = |user: &&Example| {
            let (_, spec) = user.kind.parse(user.fields.clone()).unwrap();
            let references = spec.references(user.kind);
            let is =
                |one: &cp_model::Reference| one.kind == used.kind.name && one.name == used.name();
            references.iter().any(is)
        };
        let mut users: Vec<_> = examples.iter().filter(names).collect();
        users.sort_by_key(|user| (user.kind.name, user.name().as_bytes().to_vec()));
        users.into_iter().map(Example::user).collect()
    };
    let mut used_kinds = Vec::new();
    for example in &examples {
        let users = uses(example);
        if users.is_empty() {
            continue;
        }
        used_kinds.push(example.kind.name);
        let what = format!("DELETE /api/v1/{}", example.path());
        let refused = plane.call(&what, Value::Null).await.expect(409);
        assert_eq!(refused.body["users"], json!(users), "{what}");
        let what = format!("PATCH /api/v1/{}", example.path());
        plane
            .call(&what, json!({"name": "another"}))
            .await
            .expect(409);
        plane.get(&example.path()).await;
    }
    used_kinds.dedup();
    assert_eq!(used_kinds, ["security", "backend", "listener", "job"]);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_with_its_place() {
    let mut plane = Heard::new().await;
    let body = json!({"name": "partners", "members": ["nobody"]});
    let refused = plane.call("POST /api/v1/groups", body).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/members/0");

    for example in examples().iter().filter(|one| one.kind.name == "security") {
        plane.create(example).await;
    }
    let body = json!({"name": "partners", "members": ["company CA"]});
    let refused = plane.call("POST /api/v1/groups", body).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/members/0");
    refused.detail_has("security company CA is of type tls_ca");

    let body = json!({"name": "partners", "members": ["partner key"]});
    plane.call("POST /api/v1/groups", body).await.expect(201);
    let body = json!({"type": "tls_client", "key": null, "subject": "CN=a"});
    let refused = plane
        .call("PATCH /api/v1/security/partner%20key", body)
        .await
        .expect(409);
    assert_eq!(refused.body["users"], json!(["group partners"]));
}

#[tokio::test]
async fn a_definition_may_become_one_of_another_type() {
    let mut plane = Heard::new().await;
    let made = json!({"name": "a", "type": "basic_auth", "username": "u", "password": MARK});
    plane.call("POST /api/v1/security", made).await.expect(201);
    let body = json!({"type": "api_key", "key": "hush-key"});
    let refused = plane
        .call("PATCH /api/v1/security/a", body.clone())
        .await
        .expect(400);
    refused.detail_has("password: is only for type basic_auth | jwt");
    // A whole new one says nothing of the old password, which goes with its type.
    let replaced = plane
        .call("PUT /api/v1/security/a", body)
        .await
        .expect(200)
        .body;
    assert_eq!(replaced["security"]["secrets_set"], json!(["key"]));
    plane.assert_no_secret_was_told();
}

#[tokio::test]
async fn an_unknown_field_is_refused_with_the_nearest_name() {
    let mut plane = Heard::new().await;
    for example in examples() {
        let field = example.kind.fields[0].name;
        let misspelt = format!("{field}s");
        let mut fields = example.fields.clone();
        fields.insert(misspelt.clone(), "x".into());
        let what = format!("POST /api/v1/{}", example.kind.plural);
        let refused = plane.call(&what, fields.into()).await.expect(400);
        let error = &refused.body["errors"][0];
        assert_eq!(error["pointer"], format!("/{misspelt}"));
        assert_eq!(error["detail"], format!("is not a field; {field}?"));
    }
    plane.assert_no_secret_was_told();
}
