//! YAML: text → nodes that know where they stand, and values → text.
//!
//! Owns one meaning of YAML (the core schema of version 1.2, and what of version 1.1 people still write), its limits,
//! and how we write it. It knows no kinds. Invariants: a file can neither take the machine's memory nor its stack, and
//! what is printed reads back as the same value.

mod comments;
mod limits;
mod print;
mod read;
mod scalar;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub(crate) use self::comments::Comments;
pub(crate) use self::limits::FILE_BYTES_MAX;
pub(crate) use self::print::{Tree, print};
pub(crate) use self::read::read;
pub(crate) use self::scalar::Scalar;

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file; no key is there twice.
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) value: Node,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
}

// === impl Node ===

impl Node {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries().iter().find(|entry| entry.key == key);
        entry.map(|entry| &entry.value)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.value().is_null())
    }

    pub(crate) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.value(),
            Content::List(items) => items.iter().map(Self::value).collect(),
            Content::Map(entries) => {
                let entries = entries.iter();
                let map: Map<_, _> = entries
                    .map(|entry| (entry.key.clone(), entry.value.value()))
                    .collect();
                Value::Object(map)
            }
        }
    }

    /// Where the value at a JSON pointer stands; of one that is not there, the nearest that holds it.
    pub(crate) fn place(&self, pointer: &str) -> (usize, usize) {
        let mut node = self;
        let mut place = (node.line, node.column);
        let steps = pointer.split('/').filter(|step| !step.is_empty());
        for step in steps {
            let step = step.replace("~1", "/").replace("~0", "~");
            let entry = node.entries().iter().find(|entry| entry.key == step);
            let item = step
                .parse()
                .ok()
                .and_then(|index: usize| node.items().get(index));
            match (entry, item) {
                (Some(entry), _) => {
                    place = (entry.line, entry.column);
                    node = &entry.value;
                }
                (None, Some(item)) => {
                    place = (item.line, item.column);
                    node = item;
                }
                (None, None) => break,
            }
        }
        place
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.text)
    }
}
