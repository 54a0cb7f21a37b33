//! Files that are right, files that are wrong, and files that are written anew.

mod round_trip;
mod told;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::document::{Document, FileFault, collect};
use super::kinds::{Field, Kind, Kinds, Names, Presence, Type};
use super::source::{self, Source};
use super::write::{self, Object, Refusal, Written};
use super::{answer, tree};
use crate::problem::Problem;

fn source(name: &str, folder: Option<&str>, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        path: None,
        text: text.to_owned(),
        folder: folder.map(ToOwned::to_owned),
    }
}

fn of_text(text: &str) -> Result<Document, Vec<FileFault>> {
    collect(&[source("f.yaml", None, text)], &Kinds::built_in())
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    let faults = of_text(text).expect_err(text);
    faults.iter().map(ToString::to_string).collect()
}

fn channel(name: &str, more: &Value) -> Object {
    let mut fields = json!({"name": name, "path": format!("/{name}"), "service": "a.b"});
    let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) else {
        panic!("objects");
    };
    fields.extend(more.clone());
    let kinds = Kinds::built_in();
    let kind = kinds.of_plural("channels").unwrap();
    ("channels".to_owned(), tree::complete(kind, fields))
}

#[test]
fn a_file_of_several_documents_is_read_as_one() {
    let document = of_text(
        "channels:\n  - {name: a, path: /a, service: s.a}\n---\n\
         channels:\n  - {name: b, path: /b, service: s.b}\nsettings:\njobs: []\n",
    )
    .unwrap();
    let wanted = json!({"channels": [
        {"name": "a", "path": "/a", "service": "s.a"},
        {"name": "b", "path": "/b", "service": "s.b"},
    ]});
    assert_eq!(document.body(), wanted);
}

#[test]
fn every_fault_is_told_with_its_line_and_what_was_meant() {
    let told = faults(
        "chanels: []\nchannel: []\nchannels:\n  - name: a\n    path: /a\n    servce: s.a\n    timeout_ms: 0\n  \
         - name: Bad Name\n    path: /b\n    service: s.b\n    method: GTE\n    is_active: yes\n  - 7\n  - path: /c\n    \
         service: c\nsettings: {}\n",
    );
    let wanted = [
        "f.yaml:1:1: chanels is not a kind of objects; channels?",
        "f.yaml:2:1: channel is not a kind of objects; channels?",
        "f.yaml:4:5: service is needed",
        "f.yaml:6:5: servce is not a field; service?",
        "f.yaml:7:5: timeout_ms must be a whole number, 1 to 3600000",
        "f.yaml:8:5: name must be 1 to 63 of a-z, 0-9 and ._- with a letter or digit first",
        "f.yaml:11:5: method must be empty | GET | POST | PUT | PATCH | DELETE | HEAD | OPTIONS",
        "f.yaml:12:5: is_active must be true or false",
        "f.yaml:13:5: a channel must be a map of its fields",
        "f.yaml:14:5: name is needed for a channel",
        "f.yaml:16:1: settings must be a list",
    ];
    assert_eq!(told, wanted);
    assert_eq!(
        faults("- a\n"),
        ["f.yaml:1:1: must be lists of objects by kind, for example channels:"]
    );
    assert_eq!(faults("a: [\n").len(), 1);
}

#[test]
fn an_object_is_there_once_in_all_files() {
    let object = "name: a\npath: /a\nservice: s.a\n";
    let sources = [
        source(
            "all.yaml",
            None,
            "channels:\n- {name: a, path: /b, service: s.b}\n",
        ),
        source("channels/a.yaml", Some("channels"), object),
    ];
    let told = collect(&sources, &Kinds::built_in()).unwrap_err();
    assert_eq!(
        told[0].to_string(),
        "channels/a.yaml:1:1: channels a is there twice, first in all.yaml:2"
    );
}

#[test]
fn a_field_of_another_type_of_object_is_told_and_not_asked_for() {
    let told = faults(
        "outgoing:\n  - {name: a, type: rest, host: http://a, engine: mysql}\n  - {name: b, type: sql}\n",
    );
    let wanted = [
        "f.yaml:2:43: engine is only for type sql",
        "f.yaml:3:5: engine is needed",
        "f.yaml:3:5: db_name is needed",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_setting_has_a_value_of_its_own_type() {
    let told =
        faults("settings:\n  - {name: audit_days, value: 0}\n  - {name: auto_revert, value: on}\n");
    let wanted = [
        "f.yaml:2:24: value must be a whole number, 1 to 3650",
        "f.yaml:3:25: value must be true or false",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn what_a_text_is_the_table_says_and_references_stay_as_they_are() {
    let document = of_text(
        "listeners:\n  - {name: a, address: '0.0.0.0:1', tls: {certificates: [x], version_min: 1.2}}\n\
         security:\n  - {name: b, type: basic_auth, username: 007, password: $CRM_PASSWORD}\n  \
         - {name: c, type: api_key, key: file:/run/secrets/c}\n  - {name: d, type: api_key}\n",
    )
    .unwrap();
    let body = document.body();
    assert_eq!(body["listeners"][0]["tls"]["version_min"], "1.2");
    assert_eq!(body["security"][0]["username"], "007");
    assert_eq!(body["security"][0]["password"], "$CRM_PASSWORD");
    assert_eq!(body["security"][1]["key"], "file:/run/secrets/c");
}

#[test]
fn a_refusal_of_the_control_plane_gets_the_places_of_the_files() {
    let document = of_text("channels:\n  - {name: a, path: /a, service: s.a}\n  - name: b\n    path: /b\n    service: s.b\n").unwrap();
    let body = br#"{"type":"t","detail":"channels/1/service: unknown",
        "errors":[{"pointer":"/channels/1/service","detail":"unknown"}]}"#;
    let problem = document.located(Problem::parse(422, body));
    assert_eq!(
        problem.to_string(),
        "the control plane refuses the files (422)\n  f.yaml:5:5: channels b service: unknown"
    );
    let elsewhere = br#"{"type":"t","detail":"channel old is used by job x"}"#;
    let problem = document.located(Problem::parse(409, elsewhere));
    assert_eq!(problem.to_string(), "channel old is used by job x (409)");
}

#[test]
fn defaults_are_left_out_and_the_order_is_that_of_the_table() {
    let objects = [
        channel("a", &json!({"method": "GET", "is_active": false})),
        channel("b", &json!({})),
        (
            "settings".to_owned(),
            json!({"name": "audit_days", "value": 9})
                .as_object()
                .cloned()
                .unwrap(),
        ),
        (
            "moons".to_owned(),
            json!({"phase": 1, "name": "m"})
                .as_object()
                .cloned()
                .unwrap(),
        ),
    ];
    let wanted = "channels:\n  - name: a\n    path: /a\n    service: a.b\n    method: GET\n    is_active: false\n  \
                  - name: b\n    path: /b\n    service: a.b\nsettings:\n  - name: audit_days\n    value: 9\nmoons:\n  \
                  - name: m\n    phase: 1\n";
    assert_eq!(write::text(&objects, &Kinds::built_in()), wanted);
    assert_eq!(write::text(&[], &Kinds::built_in()), "{}\n");
}

fn write_file(path: &Path, objects: &[Object]) -> Written {
    match write::file(path, objects, &Kinds::built_in()) {
        Ok(written) => written,
        Err(refusal) => panic!("{refusal:?}"),
    }
}

fn write_folder(path: &Path, objects: &[Object]) -> Written {
    match write::folder(path, objects, &Kinds::built_in()) {
        Ok(written) => written,
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_file_that_says_the_same_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.yaml");
    let own = "# Ours.\nchannels: [{service: a.b, path: /b, name: b, timeout_ms: 30_000},   {name: a, path: /a, service: a.b}]\n"
        .replace("30_000", "30000");
    fs::write(&path, &own).unwrap();
    let objects = [channel("a", &json!({})), channel("b", &json!({}))];
    let written = write_file(&path, &objects);
    assert_eq!((written.files.len(), written.unchanged), (0, 1));
    assert_eq!(fs::read_to_string(&path).unwrap(), own);
}

#[test]
fn a_file_that_is_written_anew_keeps_comments_and_defaults_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.yaml");
    let before = "# Ours.\n\nchannels:\n  # The first.\n  - name: a # a\n    path: /a\n    service: a.b\n    \
                  # As agreed.\n    timeout_ms: 30000\n  # Gone soon.\n  - {name: old, path: /old, service: a.b}\n";
    fs::write(&path, before).unwrap();
    let objects = [
        channel("a", &json!({"method": "GET"})),
        channel("b", &json!({})),
    ];
    let written = write_file(&path, &objects);
    assert_eq!(written.lost, ["# Gone soon."]);
    let wanted = "# Ours.\n\nchannels:\n  # The first.\n  - name: a # a\n    path: /a\n    service: a.b\n    method: GET\n    \
                  # As agreed.\n    timeout_ms: 30000\n  - name: b\n    path: /b\n    service: a.b\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
    assert_eq!(write_file(&path, &objects).unchanged, 1);
}

#[test]
fn a_secret_that_only_the_file_holds_stays_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.yaml");
    let before =
        "security:\n  - name: a\n    type: basic_auth\n    username: a\n    password: s3cret\n";
    fs::write(&path, before).unwrap();
    let security = |more: &Value| {
        let mut fields = json!({"name": "a", "type": "basic_auth", "username": "a", "realm": "Bascule",
                                "is_active": true});
        let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) else {
            panic!("objects");
        };
        fields.extend(more.clone());
        [("security".to_owned(), fields.clone())]
    };
    assert_eq!(write_file(&path, &security(&json!({}))).unchanged, 1);
    write_file(&path, &security(&json!({"username": "b"})));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, before.replace("username: a", "username: b"));
    write_file(&path, &security(&json!({"password": "$NEW"})));
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("password: $NEW")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.yaml");
    for bad in ["channels: [\n", "chanels: []\n"] {
        fs::write(&path, bad).unwrap();
        let refusal = write::file(&path, &[channel("a", &json!({}))], &Kinds::built_in());
        assert!(matches!(refusal, Err(Refusal::Faults(_))), "{refusal:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
}

#[test]
fn in_a_folder_an_object_stays_where_it_is_and_a_new_one_gets_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("channels")).unwrap();
    fs::create_dir_all(at("team")).unwrap();
    fs::write(
        at("channels/a.yaml"),
        "# A.\nname: a\npath: /a # where\nservice: a.b\n",
    )
    .unwrap();
    fs::write(
        at("channels/gone.yaml"),
        "name: gone\npath: /gone\nservice: a.b\n",
    )
    .unwrap();
    fs::write(
        at("team/own.yaml"),
        "# Team.\n\nchannels:\n  - name: t\n    path: /t\n    service: a.b\n",
    )
    .unwrap();
    fs::write(at("notes.txt"), "not ours").unwrap();

    let objects = [
        channel("a", &json!({"path": "/a2"})),
        channel("b", &json!({})),
        channel("t", &json!({"method": "PUT"})),
        (
            "security".to_owned(),
            json!({"name": "CRM: key?", "type": "tls_client", "subject": "CN=a"})
                .as_object()
                .cloned()
                .unwrap(),
        ),
    ];
    let written = write_folder(folder.path(), &objects);
    assert_eq!(written.removed, [at("channels/gone.yaml")]);
    let text = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert_eq!(
        text("channels/a.yaml"),
        "# A.\nname: a\npath: /a2 # where\nservice: a.b\n"
    );
    assert_eq!(text("channels/b.yaml"), "name: b\npath: /b\nservice: a.b\n");
    assert_eq!(
        text("team/own.yaml"),
        "# Team.\n\nchannels:\n  - name: t\n    path: /t\n    service: a.b\n    method: PUT\n"
    );
    assert_eq!(
        text("security/CRM%3A key%3F.yaml"),
        "name: \"CRM: key?\"\ntype: tls_client\nsubject: CN=a\n"
    );

    let again = write_folder(folder.path(), &objects);
    assert_eq!((again.files.len(), again.unchanged), (0, 4));
    let sources = source::read(folder.path(), &Kinds::built_in()).unwrap();
    assert_eq!(sources.len(), 4);
}

#[test]
fn names_that_look_alike_to_a_file_system_get_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let security = |name: &str| {
        let fields = json!({"name": name, "type": "tls_client", "subject": "CN=a"});
        ("security".to_owned(), fields.as_object().cloned().unwrap())
    };
    let long = "ü".repeat(100);
    let objects = [
        security("../x"),
        security(".hidden"),
        security(&format!("{}a", "ü".repeat(99))),
        security(&long),
    ];
    // A slash is no part of a name; were there one, it would not leave the folder.
    assert_eq!(write_folder(folder.path(), &objects[1..]).files.len(), 3);
    write_folder(folder.path().join("deep").as_path(), &objects[..1]);
    assert!(!folder.path().join("x.yaml").exists());
    assert_eq!(write_folder(folder.path(), &objects[1..]).unchanged, 3);
}

#[test]
fn hidden_files_other_endings_and_linked_folders_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at(".git")).unwrap();
    for name in [".git/a.yaml", ".hidden.yaml", "a.json", "b.yml", "c.yaml"] {
        fs::write(at(name), "{}").unwrap();
    }
    std::os::unix::fs::symlink(folder.path(), at("loop")).unwrap();
    std::os::unix::fs::symlink(folder.path(), at("loop.yaml")).unwrap();
    let sources = source::read(folder.path(), &Kinds::built_in()).unwrap();
    let names: Vec<_> = sources
        .iter()
        .map(|source| source.path.clone().unwrap())
        .collect();
    assert_eq!(names, [at("b.yml"), at("c.yaml")]);
    fs::write(at("bad.yaml"), [0xff]).unwrap();
    assert!(
        source::read(folder.path(), &Kinds::built_in())
            .unwrap_err()
            .to_string()
            .contains("UTF-8")
    );
}
