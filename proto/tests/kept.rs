//! What clients and nodes of an older version rely on stays as it was: `kept.txt` against what is compiled.
//!
//! Owns the text form of a descriptor and the comparison. Refuses comments, order and options: they are not on the
//! wire. Invariant: the kept file is only ever added to, also by `BASCULE_BLESS=1`.

#![expect(
    clippy::unwrap_used,
    reason = "a descriptor that cannot be read is a failure"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kept.txt");
const ABOUT: &str = "\
# What goes over the wire: for each message its fields (number, name, label and type), for each enum its values, for
# each service its methods. `proto/tests/kept.rs` compares it with the .proto files: what stands here must stay.
# After an addition: BASCULE_BLESS=1 cargo nextest run -p bascule-proto
";

/// What must not change, and what it is: of `message bascule.admin.v1.Object` the member 1 is `kind string`.
type Kept = BTreeMap<(String, Member), String>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    /// The message, enum or service itself.
    Whole,
    /// A field or value.
    Number(i32),
    Method(String),
}

/// The entries of all files of ours.
fn entries(sets: &[&[u8]]) -> Kept {
    let mut kept = Kept::new();
    for set in sets {
        let set = FileDescriptorSet::decode(*set).unwrap();
        for file in set.file {
            if file.package().starts_with("bascule.") {
                file_entries(&file, &mut kept);
            }
        }
    }
    kept
}

fn file_entries(file: &FileDescriptorProto, kept: &mut Kept) {
    let package = file.package();
    for message in &file.message_type {
        message_entries(package, message, kept);
    }
    for of in &file.enum_type {
        enum_entries(package, of, kept);
    }
    for service in &file.service {
        service_entries(package, service, kept);
    }
}

fn message_entries(scope: &str, message: &DescriptorProto, kept: &mut Kept) {
    let name = format!("{scope}.{}", message.name());
    let scope = format!("message {name}");
    kept.insert((scope.clone(), Member::Whole), String::new());
    for field in &message.field {
        let key = (scope.clone(), Member::Number(field.number()));
        kept.insert(key, field_text(message, field));
    }
    for nested in &message.nested_type {
        message_entries(&name, nested, kept);
    }
    for of in &message.enum_type {
        enum_entries(&name, of, kept);
    }
}

/// Name, label, type, and the oneof that it is in.
fn field_text(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match (field.label(), field.proto3_optional()) {
        (Label::Repeated, _) => "repeated ",
        (Label::Required, _) => "required ",
        (Label::Optional, true) => "optional ",
        (Label::Optional, false) => "",
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => {
            field.type_name().trim_start_matches('.').to_owned()
        }
        scalar => scalar
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_lowercase(),
    };
    let oneof = field
        .oneof_index
        .filter(|_| !field.proto3_optional())
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).unwrap()))
        .map_or_else(String::new, |oneof| format!(" in {}", oneof.name()));
    format!("{} {label}{kind}{oneof}", field.name())
}

fn enum_entries(scope: &str, of: &EnumDescriptorProto, kept: &mut Kept) {
    let scope = format!("enum {scope}.{}", of.name());
    kept.insert((scope.clone(), Member::Whole), String::new());
    for value in &of.value {
        let key = (scope.clone(), Member::Number(value.number()));
        kept.insert(key, value.name().to_owned());
    }
}

fn service_entries(package: &str, service: &ServiceDescriptorProto, kept: &mut Kept) {
    let scope = format!("service {package}.{}", service.name());
    kept.insert((scope.clone(), Member::Whole), String::new());
    let stream = |is: bool| if is { "stream " } else { "" };
    for method in &service.method {
        let text = format!(
            "{}{} returns {}{}",
            stream(method.client_streaming()),
            method.input_type().trim_start_matches('.'),
            stream(method.server_streaming()),
            method.output_type().trim_start_matches('.'),
        );
        let key = (scope.clone(), Member::Method(method.name().to_owned()));
        kept.insert(key, text);
    }
}

/// One entry a line; what is of a message, enum or service stands indented below it.
fn written(kept: &Kept) -> String {
    let mut text = ABOUT.to_owned();
    for ((scope, member), value) in kept {
        match member {
            Member::Whole => writeln!(text, "{scope}").unwrap(),
            member => writeln!(text, "  {member} {value}").unwrap(),
        }
    }
    text
}

fn read(text: &str) -> Kept {
    let mut kept = Kept::new();
    let mut scope = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some(member) = line.strip_prefix("  ") else {
            scope = line;
            kept.insert((scope.to_owned(), Member::Whole), String::new());
            continue;
        };
        let (member, value) = member.split_once(' ').unwrap();
        let member = member
            .parse()
            .map_or_else(|_| Member::Method(member.to_owned()), Member::Number);
        kept.insert((scope.to_owned(), member), value.to_owned());
    }
    kept
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Method(name) => f.write_str(name),
        }
    }
}

/// What was there and is not any more, or is something else, with the remedy.
fn broken(kept: &Kept, now: &Kept) -> String {
    let mut faults = String::new();
    for (key, was) in kept {
        let (scope, member) = key;
        match now.get(key) {
            Some(is) if is == was => {}
            Some(is) => writeln!(
                faults,
                "{scope} {member}: was `{was}`, is `{is}`. Older clients and nodes still speak of the first: bring it back, and add \
                 the new one under a number of its own."
            )
            .unwrap(),
            None => writeln!(
                faults,
                "{scope} {member} `{was}` is gone. Older clients and nodes still speak of it: bring it back, and mark it \
                 `deprecated` when it has no use any more."
            )
            .unwrap(),
        }
    }
    faults
}

#[test]
fn what_is_on_the_wire_stays() {
    let now = entries(&[
        bascule_proto::config::v1::FILE_DESCRIPTOR_SET,
        bascule_proto::admin::v1::FILE_DESCRIPTOR_SET,
    ]);
    let kept = std::fs::read_to_string(KEPT).map_or_else(|_| Kept::new(), |text| read(&text));
    let faults = broken(&kept, &now);
    assert!(faults.is_empty(), "\n{faults}");
    if std::env::var_os("BASCULE_BLESS").is_some() {
        std::fs::write(KEPT, written(&now)).unwrap();
        return;
    }
    let added: Vec<_> = now.keys().filter(|key| !kept.contains_key(*key)).collect();
    assert!(
        added.is_empty(),
        "\nproto/kept.txt does not have {added:?} yet, so nobody would see it break: \
         BASCULE_BLESS=1 cargo nextest run -p bascule-proto"
    );
}

/// The descriptors of one file with this content.
fn compiled(content: &str) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("syntax = \"proto3\";\npackage bascule.test.v1;\n{content}");
    std::fs::write(folder.path().join("a.proto"), text).unwrap();
    let set = protox::compile(["a.proto"], [folder.path()]).unwrap();
    entries(&[&set.encode_to_vec()])
}

const FIRST: &str = "
    enum E { E_UNSPECIFIED = 0; E_ONE = 1; }
    message M { string name = 1; repeated uint32 sizes = 2; optional E e = 3; oneof to { bool a = 4; bool b = 5; } }
    service S { rpc Get(M) returns (M); rpc Watch(M) returns (stream M); }";

#[test]
fn the_text_reads_back_as_what_was_written() {
    let kept = compiled(FIRST);
    assert_eq!(read(&written(&kept)), kept);
    let now = entries(&[bascule_proto::config::v1::FILE_DESCRIPTOR_SET]);
    assert_eq!(read(&written(&now)), now);
}

#[test]
fn additions_break_nothing() {
    let more = FIRST
        .replace("E_ONE = 1;", "E_ONE = 1; E_TWO = 2;")
        .replace("bool b = 5; }", "bool b = 5; bool c = 6; } M inner = 7;")
        .replace(
            "service S {",
            "message N {} service S { rpc Put(N) returns (N);",
        );
    assert_eq!(broken(&compiled(FIRST), &compiled(&more)), "");
}

#[test]
fn whatever_is_taken_away_or_changed_is_told_with_the_remedy() {
    for (was, is, told) in [
        (
            "string name = 1;",
            "",
            "message bascule.test.v1.M 1 `name string` is gone",
        ),
        (
            "string name = 1;",
            "string name = 9;",
            "M 1 `name string` is gone",
        ),
        (
            "string name = 1;",
            "string label = 1;",
            "was `name string`, is `label string`",
        ),
        (
            "string name = 1;",
            "bytes name = 1;",
            "was `name string`, is `name bytes`",
        ),
        (
            "repeated uint32",
            "uint32",
            "was `sizes repeated uint32`, is `sizes uint32`",
        ),
        ("optional E e", "E e", "was `e optional bascule.test.v1.E`"),
        (
            "optional E e",
            "optional M e",
            "is `e optional bascule.test.v1.M`",
        ),
        (
            "oneof to { bool a = 4;",
            "bool a = 4; oneof to {",
            "was `a bool in to`, is `a bool`",
        ),
        ("E_ONE = 1;", "", "enum bascule.test.v1.E 1 `E_ONE` is gone"),
        ("E_ONE = 1;", "E_UN = 1;", "was `E_ONE`, is `E_UN`"),
        (
            "rpc Get(M) returns (M);",
            "",
            "S Get `bascule.test.v1.M returns bascule.test.v1.M` is gone",
        ),
        (
            "returns (stream M)",
            "returns (M)",
            "returns stream bascule.test.v1.M`, is `bascule.test.v1.M returns b",
        ),
        (
            "service S",
            "service T",
            "service bascule.test.v1.S  `` is gone",
        ),
    ] {
        let faults = broken(&compiled(FIRST), &compiled(&FIRST.replace(was, is)));
        assert!(faults.contains(told), "{was} → {is}: {faults}");
        assert!(faults.contains("bring it back"), "{faults}");
    }
}
