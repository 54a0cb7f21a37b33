//! What is printed reads back; what would hurt is refused; comments stay where they were.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn one(text: &str) -> Node {
    let mut documents = read(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

#[track_caller]
fn refused(text: &str, line: usize, part: &str) {
    let fault = read(text).unwrap_err();
    assert!(fault.text.contains(part), "{fault}: {text}");
    assert_eq!(fault.line, line, "{fault}: {text}");
}

#[test]
fn nodes_know_where_they_stand() {
    let node = one("channels:\n  - name: a\n    tags: [x, {y: 1}]\n  - name: b\n    path: /b\n");
    assert_eq!(
        node.value(),
        json!({"channels": [{"name": "a", "tags": ["x", {"y": 1}]}, {"name": "b", "path": "/b"}]})
    );
    for (pointer, place) in [
        ("/channels/1/path", (5, 5)),
        ("/channels/0/tags/1/y", (3, 16)),
        ("/channels/1/missing", (4, 5)),
        ("/channels/9", (1, 1)),
        ("", (1, 1)),
    ] {
        assert_eq!(node.place(pointer), place, "{pointer}");
    }
}

#[test]
fn documents_follow_each_other_and_empty_ones_are_none() {
    let documents = read("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n").unwrap();
    let values: Vec<_> = documents.iter().map(Node::value).collect();
    assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    assert!(read("").unwrap().is_empty());
    assert!(read("# only this\n").unwrap().is_empty());
}

#[test]
fn aliases_and_merges_are_written_out() {
    let node = one("base: &b {x: 1, y: 2}\na:\n  <<: *b\n  y: 3\nc: *b\n");
    assert_eq!(
        node.value(),
        json!({"base": {"x": 1, "y": 2}, "a": {"y": 3, "x": 1}, "c": {"x": 1, "y": 2}})
    );
    let both = one("l: [&a {x: 1}, &b {x: 2, y: 2}]\nm: {<<: [*a, *b]}\n");
    assert_eq!(both.value()["m"], json!({"x": 1, "y": 2}));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    refused(
        "a: 1\nb: 2\na: 3\n",
        3,
        "'a' is there twice, first in line 1",
    );
    refused("a:\n  - b: 1\n    b: 2\n", 3, "twice");
    refused("{a: 1, a: 2}", 1, "twice");
    refused("a: 1\n[b]: 2\n", 2, "key must be a text");
    refused("a: !env X\n", 1, "tag !env has no meaning");
    refused("a: 1\n  b: 2\n", 2, "not YAML");
    refused("a: *nothing\n", 1, "not YAML");
    refused("a: @hourly\n", 1, "not YAML");
    refused("a:\n  <<: 1\n", 2, "<<");
}

#[test]
fn tags_of_the_core_schema_are_taken() {
    assert_eq!(
        one("a: !!str 12\nb: ! 12\nc: !!int 12\nd: !!map {}\n").value(),
        json!({"a": "12", "b": "12", "c": 12, "d": {}})
    );
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..20 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{below}]").unwrap();
    }
    let fault = read(&bomb).unwrap_err();
    assert!(fault.text.contains("aliases"), "{fault}");

    let mut chain = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..10_000 {
        writeln!(chain, "a{level}: &a{level} {{x: *a{}}}", level - 1).unwrap();
    }
    assert!(read(&chain).unwrap_err().text.contains("deeper"));

    let merged = "a: &a {b: &b {c: *a}}\n";
    assert!(read(merged).is_err());
}

#[test]
fn depth_is_bounded_whatever_the_brackets_are() {
    let brackets = |open: &str, count: usize| open.repeat(count);
    for deep in [
        brackets("[", 1_000_000),
        brackets("{a: ", 1_000_000),
        brackets("- ", 100_000),
        (0..3_000).fold(String::new(), |text, depth| {
            text + &" ".repeat(depth) + "a:\n"
        }),
    ] {
        let text = read(&deep).unwrap_err().text;
        assert!(
            text.contains("deeper") || text.contains("recursion"),
            "{text}"
        );
    }
    let fits = "[".repeat(40) + &"]".repeat(40);
    one(&fits);
}

#[test]
fn the_largest_flat_file_fits() {
    let mut text = "channels:\n".to_owned();
    for index in 0..10_000 {
        writeln!(
            text,
            "  - name: c{index}\n    path: /c/{index}\n    service: a.b\n    method: GET"
        )
        .unwrap();
    }
    assert_eq!(one(&text).get("channels").unwrap().items().len(), 10_000);
}

#[test]
fn printed_files_read_well() {
    let tree = Tree::from(json!([
        {"name": "a", "path": "/a/{b}", "empty": [], "none": {}, "null": null},
        {"name": "yes", "port": 8080, "address": "10.0.0.1:8080", "secret": "$CRM_PASSWORD",
         "file": "file:/run/x", "note": "a: b", "hash": "a #b", "date": "2026-12-25",
         "text": "one\ntwo\n", "texts": ["x", "*", "one\n\ntwo"], "odd": " a\u{7}"},
        ["x", [1]],
    ]));
    let printed = print(&tree, &Comments::default());
    let wanted = r#"- empty: []
  name: a
  none: {}
  "null": null
  path: /a/{b}
- address: "10.0.0.1:8080"
  date: "2026-12-25"
  file: file:/run/x
  hash: "a #b"
  name: "yes"
  note: "a: b"
  odd: " a\x07"
  port: 8080
  secret: $CRM_PASSWORD
  text: |
    one
    two
  texts:
    - x
    - "*"
    - |-
      one

      two
-
  - x
  -
    - 1
"#;
    assert_eq!(printed, wanted);
}

const COMMENTED: &str = r#"# Channels of the CRM.
# Ask Ada first.

# All of them.
channels: # all
  # The first.
  - name: a # its name
    # Where.
    path: "/a # no comment" # the path
    text: |
      # no comment either
      x
    # After the block.
    tags:
      - x # an x

      # A z.
      - z

  # - name: old
  - name: b
# The end.
"#;

#[test]
fn comments_stay_with_what_they_speak_of() {
    let tree = Tree::Map(vec![(
        "channels".to_owned(),
        Tree::List(vec![
            Tree::Map(vec![
                ("name".to_owned(), Tree::from(json!("a"))),
                ("path".to_owned(), Tree::from(json!("/a # no comment"))),
                (
                    "text".to_owned(),
                    Tree::from(json!("# no comment either\nx\n")),
                ),
                ("tags".to_owned(), Tree::from(json!(["x", "z"]))),
            ]),
            Tree::Map(vec![("name".to_owned(), Tree::from(json!("b")))]),
        ]),
    )]);
    assert_eq!(tree.value(), one(COMMENTED).value());
    let comments = Comments::of(COMMENTED);
    assert_eq!(print(&tree, &comments), COMMENTED);
    assert!(comments.lost(&tree).is_empty());
}

#[test]
fn comments_of_what_is_gone_are_told() {
    let comments = Comments::of(COMMENTED);
    let rest = Tree::from(json!({"channels": [{"name": "b"}]}));
    let printed = print(&rest, &comments);
    assert_eq!(
        printed,
        "# Channels of the CRM.\n# Ask Ada first.\n\n# All of them.\nchannels: # all\n\n  # - name: old\n  \
         - name: b\n# The end.\n"
    );
    assert_eq!(
        comments.lost(&rest),
        [
            "# A z.",
            "# After the block.",
            "# The first.",
            "# Where.",
            "# an x",
            "# its name",
            "# the path"
        ]
    );
}

#[test]
fn comments_of_what_is_no_yaml_are_none() {
    assert_eq!(Comments::of("a: b: c # d\n"), Comments::default());
}

/// Texts that a printer gets wrong first.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z0-9._/{}$:#'\"\\[\\]&*!|>%@`,?~=<-]{0,12}",
        "[a-z #:\\-\n\t]{0,16}",
        "(yes|no|on|off|true|null|~|0x1f|0o7|1e3|\\.inf|12:30|2026-01-01|---|\\.\\.\\.|<<|=)",
        any::<String>(),
        "[ \n]{0,4}[a-z]{1,3}[ \n]{1,4}[a-z#]{1,3}[ \n]{0,4}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_printed_reads_back(value in value()) {
        let printed = print(&Tree::from(value.clone()), &Comments::default());
        let documents = read(&printed);
        let documents = documents.map_err(|fault| TestCaseError::fail(format!("{fault}:\n{printed}")))?;
        match documents.as_slice() {
            [node] => prop_assert_eq!(node.value(), value, "{}", printed),
            [] => prop_assert!(value.is_null()),
            more => prop_assert!(false, "{} documents: {}", more.len(), printed),
        }
    }

    #[test]
    fn whatever_comes_ends_and_comments_keep_the_meaning(text in "[a-c:#\\-\\[\\]{}&*!|> '\"\n\t]{0,60}") {
        if let Ok(documents) = read(&text) && let [node] = documents.as_slice() {
            let tree = Tree::from(node.value());
            let printed = print(&tree, &Comments::of(&text));
            let again = read(&printed).map_err(|fault| TestCaseError::fail(format!("{fault}:\n{printed}")))?;
            prop_assert_eq!(again[0].value(), node.value(), "{}", printed);
        }
    }

    #[test]
    fn any_text_at_all_is_read_or_refused(text in any::<String>()) {
        read(&text).ok();
        let _ = Comments::of(&text);
    }
}
