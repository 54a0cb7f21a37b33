//! The table: what is asked of both faces, in order, and the class of each outcome.

use serde_json::{Value, json};

use super::ask::{Ask, Etag, Id, List, Page, Show, What};

const CHANNEL: &str = "channel";
const OK: &str = "OK";
const INVALID: &str = "INVALID";
const NOT_FOUND: &str = "NOT_FOUND";

pub(crate) fn all() -> Vec<Ask> {
    [
        channels_made(),
        channels_changed(),
        how_changes_are_asked_for(),
        generations(),
        packages(),
        services(),
        nodes(),
        lists(),
    ]
    .concat()
}

fn spec(path: &str) -> Value {
    json!({ "path": path, "service": "bascule.echo" })
}

fn create(wanted: &'static str, name: &'static str, spec: Value) -> Ask {
    Ask::new(
        wanted,
        What::Create {
            kind: CHANNEL,
            name,
            spec,
        },
    )
}

fn update(wanted: &'static str, etag: Etag, patch: Value) -> Ask {
    let mask = false;
    Ask::new(
        wanted,
        What::Update {
            kind: CHANNEL,
            name: "a",
            etag,
            patch,
            mask,
        },
    )
}

fn masked(wanted: &'static str, patch: Value) -> Ask {
    let (etag, mask) = (Etag::Last, true);
    Ask::new(
        wanted,
        What::Update {
            kind: CHANNEL,
            name: "a",
            etag,
            patch,
            mask,
        },
    )
}

fn replace(wanted: &'static str, name: &'static str, etag: Etag, spec: Value) -> Ask {
    Ask::new(
        wanted,
        What::Replace {
            kind: CHANNEL,
            name,
            etag,
            spec,
        },
    )
}

fn delete(wanted: &'static str, name: &'static str, etag: Etag) -> Ask {
    Ask::new(
        wanted,
        What::Delete {
            kind: CHANNEL,
            name,
            etag,
        },
    )
}

fn show(wanted: &'static str, show: Show) -> Ask {
    Ask::new(wanted, What::Show(show))
}

fn list(wanted: &'static str, list: List, page: Page) -> Ask {
    Ask::new(wanted, What::List(list, page))
}

fn channels_made() -> Vec<Ask> {
    let with = |name: &str, value: Value| {
        let mut spec = spec("/x");
        spec[name] = value;
        spec
    };
    vec![
        show(OK, Show::Cluster),
        create(OK, "a", spec("/a/{x}")),
        show(OK, Show::Object(CHANNEL, "a")),
        create("EXISTS", "a", spec("/b")),
        create("TAKEN", "b", spec("/a/{y}")),
        create("TAKEN", "b", spec("/zato/ping")),
        create(
            "REFERENCE_UNKNOWN",
            "b",
            json!({"path": "/b", "service": "nobody"}),
        ),
        create(INVALID, "b", json!({})),
        create(INVALID, "NOT A NAME", spec("/x")),
        create(INVALID, "bascule.ping", spec("/x")),
        create(INVALID, "", spec("x")),
        create(INVALID, "b", with("pth", json!("/x"))),
        create(INVALID, "b", with("timeout_ms", json!(0))),
        create(INVALID, "b", with("timeout_ms", json!("7"))),
        create(INVALID, "b", with("timeout_ms", json!(7.5))),
        create(INVALID, "b", with("is_active", json!(1))),
        create(INVALID, "b", with("method", json!("get"))),
        create(INVALID, "b", with("path", json!(["/x", {"y": null}]))),
        create(OK, "b", with("timeout_ms", Value::Null)),
        show(NOT_FOUND, Show::Object(CHANNEL, "nobody")),
        show(INVALID, Show::Object(CHANNEL, "NOBODY")),
    ]
}

fn channels_changed() -> Vec<Ask> {
    const NEEDED: &str = "PRECONDITION_REQUIRED";
    let old = Etag::Text("\"1\"");
    vec![
        update(NEEDED, Etag::Missing, json!({"timeout_ms": 7})),
        replace(NEEDED, "a", Etag::Missing, spec("/a")),
        delete(NEEDED, "a", Etag::Missing),
        update("STALE", old, json!({"timeout_ms": 7})),
        update("STALE", Etag::Text("garbage"), json!({"timeout_ms": 7})),
        replace("STALE", "a", old, spec("/a")),
        delete("STALE", "a", old),
        show(OK, Show::Object(CHANNEL, "a")),
        update(OK, Etag::Last, json!({"timeout_ms": 7, "method": "GET"})),
        update(OK, Etag::Last, json!({"timeout_ms": 7})),
        update(OK, Etag::Last, json!({"method": null})),
        update(INVALID, Etag::Last, json!({"timeout_ms": 0, "path": "x"})),
        update(INVALID, Etag::Last, json!({"path": null})),
        update("TAKEN", Etag::Last, json!({"path": "/x"})),
        masked(OK, json!({"timeout_ms": 8})),
        masked(OK, json!({"timeout_ms": null, "method": "POST"})),
        masked(INVALID, json!({"service": null})),
        replace(OK, "a", Etag::Any, spec("/a")),
        replace(
            OK,
            "a",
            Etag::Last,
            json!({"name": "c", "path": "/a", "service": "bascule.echo"}),
        ),
        show(NOT_FOUND, Show::Object(CHANNEL, "a")),
        replace(NOT_FOUND, "a", Etag::Any, spec("/a")),
        replace(
            "EXISTS",
            "c",
            Etag::Any,
            json!({"name": "b", "path": "/a", "service": "bascule.echo"}),
        ),
        replace(
            INVALID,
            "c",
            Etag::Any,
            json!({"name": "NO", "path": "/a", "service": "bascule.echo"}),
        ),
        replace(INVALID, "c", Etag::Any, json!({"timeout_ms": 1})),
        replace(
            OK,
            "c",
            Etag::Any,
            json!({"name": "a", "path": "/a", "service": "bascule.echo"}),
        ),
        delete(OK, "b", Etag::Any),
        delete(NOT_FOUND, "b", Etag::Any),
    ]
}

fn how_changes_are_asked_for() -> Vec<Ask> {
    let keyed = |wanted, path| create(wanted, "k", spec(path)).how(|how| how.key = Some("one"));
    let long = "0123456789".repeat(21).leak();
    vec![
        create(OK, "d", spec("/d")).how(|how| how.is_dry_run = true),
        show(NOT_FOUND, Show::Object(CHANNEL, "d")),
        create("TAKEN", "d", spec("/a")).how(|how| how.is_dry_run = true),
        update(OK, Etag::Any, json!({"timeout_ms": 99})).how(|how| how.is_dry_run = true),
        delete(OK, "a", Etag::Any).how(|how| how.is_dry_run = true),
        keyed(OK, "/k"),
        keyed(OK, "/k"),
        keyed("KEY_REUSED", "/l"),
        create(INVALID, "l", spec("/l")).how(|how| how.key = Some(long)),
        create(OK, "w", spec("/w")).how(|how| how.why = "because of a ticket"),
        create(OK, "v", spec("/v")).how(|how| how.wait_s = None),
        create(OK, "u", spec("/u")).how(|how| how.wait_s = Some(0)),
        create(INVALID, "t", spec("/t")).how(|how| how.wait_s = Some(61)),
        // Until the node has caught up with those that were not waited for.
        create(OK, "t", spec("/t")),
    ]
}

fn generations() -> Vec<Ask> {
    let diff = |wanted, from, to| Ask::new(wanted, What::Diff { from, to });
    let restore = |wanted, number| Ask::new(wanted, What::Restore { number });
    vec![
        show(OK, Show::Generation(3)),
        show(NOT_FOUND, Show::Generation(999)),
        diff(OK, None, 5),
        diff(OK, Some(1), 9),
        diff(OK, Some(9), 2),
        diff(OK, Some(4), 4),
        diff(NOT_FOUND, None, 999),
        diff(NOT_FOUND, Some(0), 3),
        diff(NOT_FOUND, None, 1),
        restore(OK, 4).how(|how| how.is_dry_run = true),
        restore(OK, 4).how(|how| how.key = Some("back")),
        restore(OK, 4).how(|how| how.key = Some("back")),
        restore("KEY_REUSED", 5).how(|how| how.key = Some("back")),
        restore(OK, 4),
        restore(NOT_FOUND, 999),
        restore(NOT_FOUND, 0),
        show(OK, Show::Object(CHANNEL, "a")),
    ]
}

fn packages() -> Vec<Ask> {
    let deploy = |wanted, file, source: &str| {
        let source = source.to_owned();
        Ask::new(wanted, What::Deploy { file, source })
    };
    let undeploy = |wanted, id| Ask::new(wanted, What::Undeploy { id });
    let zeroes = Id::Text("0000000000000000000000000000000000000000000000000000000000000000");
    let large = "#".repeat(4 * 1024 * 1024 + 1);
    vec![
        deploy(INVALID, "../a.py", "service a.x"),
        deploy(INVALID, "a.py", ""),
        deploy(INVALID, "a.py", "service a.x\0"),
        deploy("PAYLOAD_TOO_LARGE", "a.py", &large),
        deploy(INVALID, "a.py", "service a.x").how(|how| how.is_dry_run = true),
        deploy(OK, "b.py", "service b.x"),
        deploy(OK, "a.py", "service a.x\nservice a.y").how(|how| how.why = "the first"),
        show(OK, Show::Package(Id::Last)),
        show(OK, Show::Source(Id::Last)),
        deploy(OK, "a.py", "service a.x\nservice a.y"),
        deploy("PACKAGE_REFUSED", "a.py", "service a.x\nraise"),
        deploy("SERVICE_TAKEN", "b.py", "service a.x"),
        create(OK, "of-a", json!({"path": "/of-a", "service": "a.x"})),
        deploy("IN_USE", "a.py", "service a.z"),
        undeploy("IN_USE", Id::Last),
        delete(OK, "of-a", Etag::Any),
        undeploy(OK, Id::Last).how(|how| how.is_dry_run = true),
        undeploy(OK, Id::Last),
        undeploy("PACKAGE_STATE", Id::Last),
        show(OK, Show::Package(Id::Last)),
        show(NOT_FOUND, Show::Package(zeroes)),
        show(NOT_FOUND, Show::Source(zeroes)),
        undeploy(NOT_FOUND, zeroes),
        show(INVALID, Show::Package(Id::Text("zz"))),
        show(INVALID, Show::Source(Id::Text("zz"))),
        undeploy(INVALID, Id::Text("zz")),
    ]
}

fn services() -> Vec<Ask> {
    let invoke = |wanted, name, timeout_ms| {
        let body = "hello";
        Ask::new(
            wanted,
            What::Invoke {
                name,
                body,
                timeout_ms,
            },
        )
    };
    vec![
        show(OK, Show::Service("b.x")),
        show(OK, Show::Service("bascule.echo")),
        show(NOT_FOUND, Show::Service("nobody")),
        show(INVALID, Show::Service("-nobody")),
        invoke(OK, "b.x", None),
        invoke(OK, "b.x", Some(600_000)),
        invoke(INVALID, "b.x", Some(0)),
        invoke(INVALID, "b.x", Some(600_001)),
        invoke(NOT_FOUND, "nobody", None),
        verb(OK, "n1", "offline"),
        invoke("NO_NODE", "b.x", None),
        verb(OK, "n1", "resume"),
    ]
}

fn verb(wanted: &'static str, name: &'static str, verb: &'static str) -> Ask {
    Ask::new(wanted, What::NodeVerb { name, verb })
}

fn node_delete(wanted: &'static str, name: &'static str) -> Ask {
    let etag = Etag::Missing;
    Ask::new(wanted, What::NodeDelete { name, etag })
}

fn nodes() -> Vec<Ask> {
    let update = |wanted, name, etag, state| {
        let weight = None;
        Ask::new(
            wanted,
            What::NodeUpdate {
                name,
                etag,
                state,
                weight,
            },
        )
    };
    let weigh = |wanted, etag, weight| {
        let (name, state, weight) = ("n1", None, Some(weight));
        Ask::new(
            wanted,
            What::NodeUpdate {
                name,
                etag,
                state,
                weight,
            },
        )
    };
    vec![
        show(OK, Show::Node("n1")),
        show(NOT_FOUND, Show::Node("nobody")),
        show(INVALID, Show::Node("NOBODY")),
        update(OK, "n1", Etag::Last, Some("draining")),
        weigh(OK, Etag::Last, 8),
        weigh(OK, Etag::Missing, 8),
        update(OK, "n1", Etag::Any, Some("online")),
        update(OK, "n1", Etag::Any, None),
        update(OK, "n1", Etag::Any, Some("offline")).how(|how| how.is_dry_run = true),
        update("STALE", "n1", Etag::Text("\"1\""), Some("online")),
        update(INVALID, "n1", Etag::Any, Some("sideways")),
        weigh(INVALID, Etag::Any, 0),
        weigh(INVALID, Etag::Any, 1_001),
        update(NOT_FOUND, "nobody", Etag::Any, Some("online")),
        verb(OK, "n1", "drain"),
        verb(NOT_FOUND, "nobody", "drain"),
        verb(OK, "n1", "resume"),
        node_delete("NODE_CONNECTED", "n1"),
        node_delete(NOT_FOUND, "nobody"),
        show(OK, Show::Node("n2")),
        node_delete(OK, "n2").how(|how| how.is_dry_run = true),
        show(OK, Show::Node("n2")),
        node_delete(OK, "n2"),
        show(NOT_FOUND, Show::Node("n2")),
        show(OK, Show::Node("n1")),
    ]
}

fn lists() -> Vec<Ask> {
    let all = [
        List::Objects(CHANNEL),
        List::Generations,
        List::Nodes,
        List::Services,
        List::Packages,
        List::Audit,
    ];
    let of = |what| {
        [
            list(OK, what, Page::First),
            list(OK, what, Page::Size(1_000)),
            list(OK, what, Page::Size(1)),
            list(OK, what, Page::Next(1)),
            list(OK, what, Page::Next(500)),
            list(INVALID, what, Page::Size(1_001)),
            list(INVALID, what, Page::Token("xyz")),
        ]
    };
    all.into_iter().flat_map(of).collect()
}
