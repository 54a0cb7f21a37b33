//! The objects that files want, each with its place. Every fault of every file is told at once.
//!
//! Invariant: no object is there twice, and what is sent is what stands in the files, each value as its field's type has
//! it: `version_min: 1.2` is a text, because the field is one.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::check;
use super::kinds::{Field, Kind, Kinds, Type};
use super::source::Source;
use crate::problem::Problem;
use crate::yaml::{self, Content, Node};

/// What files want.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) objects: Vec<Wanted>,
}

/// An object, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) plural: String,
    pub(crate) name: String,
    /// Its fields, the name among them.
    pub(crate) fields: Map<String, Value>,
    pub(crate) node: Node,
    /// Index of its file.
    pub(crate) source: usize,
    file: String,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFault {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
}

/// Reads the files' texts and checks every object by its table.
pub(crate) fn collect(sources: &[Source], kinds: &Kinds) -> Result<Document, Vec<FileFault>> {
    gather(sources, kinds, check::faults)
}

/// Which objects there are, whatever they say: for files that are about to be written anew.
pub(crate) fn outline(sources: &[Source], kinds: &Kinds) -> Result<Document, Vec<FileFault>> {
    gather(sources, kinds, |_, _, _| Vec::new())
}

/// Faults of an object by JSON pointer.
type Check = fn(&Kinds, &Kind, &Map<String, Value>) -> Vec<(String, String)>;

fn gather(sources: &[Source], kinds: &Kinds, check: Check) -> Result<Document, Vec<FileFault>> {
    let mut collector = Collector {
        kinds,
        check,
        document: Document::default(),
        faults: Vec::new(),
    };
    for (index, source) in sources.iter().enumerate() {
        match yaml::read(&source.text) {
            Ok(documents) => {
                for node in documents {
                    collector.document(index, source, node);
                }
            }
            Err(fault) => collector.faults.push(FileFault {
                file: source.name.clone(),
                line: fault.line,
                column: fault.column,
                text: fault.text,
            }),
        }
    }
    collector.twice();
    if collector.faults.is_empty() {
        return Ok(collector.document);
    }
    let mut faults = collector.faults;
    faults.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    Err(faults)
}

struct Collector<'a> {
    kinds: &'a Kinds,
    check: Check,
    document: Document,
    faults: Vec<FileFault>,
}

// === impl Collector ===

impl Collector<'_> {
    fn document(&mut self, index: usize, source: &Source, node: Node) {
        let kinds = self.kinds;
        let kind = source
            .folder
            .as_deref()
            .and_then(|folder| kinds.of_plural(folder));
        match kind {
            Some(kind) if !is_by_kind(&node, kinds) => self.object((index, source), kind, node),
            _ => self.by_kind((index, source), node),
        }
    }

    fn by_kind(&mut self, (index, source): (usize, &Source), node: Node) {
        let Content::Map(entries) = node.content else {
            let text = "must be lists of objects by kind, for example channels:";
            return self.fault(source, (node.line, node.column), text);
        };
        for entry in entries {
            let place = (entry.line, entry.column);
            let Some(kind) = self.kinds.of_plural(&entry.key) else {
                let near = self.kinds.nearest(&entry.key);
                let meant = near.map_or_else(String::new, |near| format!("; {near}?"));
                let text = format!("{} is not a kind of objects{meant}", shown(&entry.key));
                self.fault(source, place, &text);
                continue;
            };
            if entry.value.is_null() {
                continue;
            }
            match entry.value.content {
                Content::List(items) => {
                    for item in items {
                        self.object((index, source), kind, item);
                    }
                }
                _ => self.fault(source, place, &format!("{} must be a list", entry.key)),
            }
        }
    }

    fn object(&mut self, (index, source): (usize, &Source), kind: &Kind, node: Node) {
        let place = (node.line, node.column);
        if !matches!(node.content, Content::Map(_)) {
            let text = format!("a {} must be a map of its fields", kind.name);
            return self.fault(source, place, &text);
        }
        let mut fields = typed_fields(&kind.fields, &node);
        if let Some(name) = node.get("name") {
            fields.insert("name".to_owned(), typed(&TEXT, name));
        }
        for (pointer, text) in (self.check)(self.kinds, kind, &fields) {
            self.fault(source, node.place(&pointer), &text);
        }
        let name = fields
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.document.objects.push(Wanted {
            plural: kind.plural.clone(),
            name: name.to_owned(),
            fields,
            node,
            source: index,
            file: source.name.clone(),
        });
    }

    fn twice(&mut self) {
        let mut seen: HashMap<(&str, &str), &Wanted> = HashMap::new();
        let mut faults = Vec::new();
        for object in &self.document.objects {
            if object.name.is_empty() {
                continue;
            }
            if let Some(first) = seen.insert((&object.plural, &object.name), object) {
                let text = format!(
                    "{} {} is there twice, first in {}:{}",
                    object.plural,
                    shown(&object.name),
                    first.file,
                    first.node.line
                );
                faults.push(object.fault("/name", text));
            }
        }
        self.faults.extend(faults);
    }

    fn fault(&mut self, source: &Source, (line, column): (usize, usize), text: &str) {
        self.faults.push(FileFault {
            file: source.name.clone(),
            line,
            column,
            text: text.to_owned(),
        });
    }
}

/// In a kind's folder, too, a file may hold several kinds.
fn is_by_kind(node: &Node, kinds: &Kinds) -> bool {
    let entries = node.entries();
    !entries.is_empty() && (entries.iter()).all(|entry| kinds.of_plural(&entry.key).is_some())
}

const TEXT: Type = Type::Text {
    bytes_max: usize::MAX,
};

fn typed_fields(fields: &[Field], node: &Node) -> Map<String, Value> {
    let entries = node.entries().iter();
    let of = |key: &str| fields.iter().find(|field| field.name == key);
    entries
        .map(|entry| {
            let value = of(&entry.key).map_or_else(
                || entry.value.value(),
                |field| typed(&field.kind, &entry.value),
            );
            (entry.key.clone(), value)
        })
        .collect()
}

/// The value as the type has it. What does not fit stays what YAML makes of it, to be refused.
fn typed(kind: &Type, node: &Node) -> Value {
    match (kind, &node.content) {
        (
            Type::Text { .. }
            | Type::Choice { .. }
            | Type::Reference { .. }
            | Type::Service
            | Type::Secret { .. },
            Content::Scalar(scalar),
        ) if !node.is_null() => scalar.text.clone().into(),
        (Type::List { of, .. }, Content::List(items)) => {
            items.iter().map(|item| typed(of, item)).collect()
        }
        (Type::Object { fields }, Content::Map(_)) => Value::Object(typed_fields(fields, node)),
        (Type::Map { .. }, Content::Map(entries)) => {
            let entries = entries.iter();
            Value::Object(
                entries
                    .map(|entry| (entry.key.clone(), typed(&TEXT, &entry.value)))
                    .collect(),
            )
        }
        _ => node.value(),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

// === impl Document ===

impl Document {
    /// What is sent: lists by plural.
    pub(crate) fn body(&self) -> Value {
        let mut body: Map<String, Value> = Map::new();
        for object in &self.objects {
            let list = body
                .entry(&object.plural)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(Value::Object(object.fields.clone()));
            }
        }
        Value::Object(body)
    }

    /// The faults of an answer with the places of our files instead of those of `body`.
    pub(crate) fn located(&self, mut problem: Problem) -> Problem {
        let mut is_located = !problem.errors.is_empty();
        for error in &mut problem.errors {
            match self.fault_at(&error.pointer, &error.detail) {
                Some(fault) => {
                    error.pointer = fault.place();
                    error.detail = fault.text;
                }
                None => is_located = false,
            }
        }
        if is_located {
            // It says the same without the places.
            problem.detail = Some("the control plane refuses the files".to_owned());
        }
        problem
    }

    /// `/channels/3/path` → the file and line of that field.
    fn fault_at(&self, pointer: &str, detail: &str) -> Option<FileFault> {
        let mut steps = pointer
            .trim_start_matches('#')
            .trim_start_matches('/')
            .splitn(3, '/');
        let (plural, index) = (steps.next()?, steps.next()?.parse::<usize>().ok()?);
        let field = steps.next().unwrap_or_default();
        let mut objects = self.objects.iter().filter(|object| object.plural == plural);
        let object = objects.nth(index)?;
        let field_text = if field.is_empty() {
            String::new()
        } else {
            format!(" {field}")
        };
        let text = format!(
            "{} {}{field_text}: {detail}",
            object.plural,
            shown(&object.name)
        );
        Some(object.fault(&format!("/{field}"), text))
    }
}

// === impl Wanted ===

impl Wanted {
    fn fault(&self, pointer: &str, text: String) -> FileFault {
        let (line, column) = self.node.place(pointer);
        FileFault {
            file: self.file.clone(),
            line,
            column,
            text,
        }
    }
}

// === impl FileFault ===

impl FileFault {
    /// `channels.yaml:3:5`
    pub(crate) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.text)
    }
}
