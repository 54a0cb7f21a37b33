//! Text → nodes, one for each document.
//!
//! The scanner is saphyr's; what is built of its events is ours, so that limits hold while a file is read and not when
//! it is too late. Invariant: whatever comes, this returns, and a fault says where it is.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::limits::{Budget, DEPTH_MAX, too_deep};
use super::{Content, Entry, Fault, Node, Scalar};

/// What is open while its parts come in.
#[derive(Debug)]
enum Open {
    List {
        anchor: usize,
        node: (usize, usize),
        items: Vec<Node>,
    },
    Map {
        anchor: usize,
        node: (usize, usize),
        entries: Vec<Entry>,
        /// Read, and its value has not come yet.
        key: Option<Entry>,
        /// Where each key stands, so that a second one is found at once.
        lines: HashMap<String, usize>,
        /// What `<<` brings, for keys that are not there.
        merged: Vec<Node>,
    },
}

/// An anchor's node, and what a copy of it costs.
type Anchors = HashMap<usize, (Node, usize, usize)>;

struct Builder {
    budget: Budget,
    open: Vec<Open>,
    anchors: Anchors,
    documents: Vec<Node>,
}

/// The documents of a file; those that hold nothing are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, Fault> {
    let mut builder = Builder {
        budget: Budget::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
    };
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Fault {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            text: format!("not YAML: {}", error.info()),
        })?;
        builder.take(event, span)?;
    }
    builder.documents.retain(|document| !document.is_null());
    Ok(builder.documents)
}

// === impl Builder ===

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = (span.start.line(), span.start.col() + 1);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar {
                    is_plain: is_plain(style, tag.as_deref(), place)?,
                    text: text.into_owned(),
                };
                self.pay(1, scalar.text.len(), place)?;
                self.close(Content::Scalar(scalar), anchor, place)
            }
            Event::SequenceStart(anchor, tag) => {
                known_tag(tag.as_deref(), "seq", place)?;
                self.open(Open::List {
                    anchor,
                    node: place,
                    items: Vec::new(),
                })
            }
            Event::MappingStart(anchor, tag) => {
                known_tag(tag.as_deref(), "map", place)?;
                self.open(Open::Map {
                    anchor,
                    node: place,
                    entries: Vec::new(),
                    key: None,
                    lines: HashMap::new(),
                    merged: Vec::new(),
                })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn pay(&mut self, nodes: usize, bytes: usize, place: (usize, usize)) -> Result<(), Fault> {
        let too_large = |text: &str| fault(place, text);
        self.budget.take(nodes, bytes).map_err(too_large)
    }

    fn open(&mut self, open: Open) -> Result<(), Fault> {
        let (Open::List { node, .. } | Open::Map { node, .. }) = &open;
        let place = *node;
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(fault(place, "a key must be a text"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(place.0, place.1));
        }
        self.pay(1, 0, place)?;
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.open.pop() {
            Some(Open::List {
                anchor,
                node,
                items,
            }) => self.close(Content::List(items), anchor, node),
            Some(Open::Map {
                anchor,
                node,
                entries,
                lines,
                merged,
                ..
            }) => {
                let entries = with_merged(entries, &lines, merged);
                self.close(Content::Map(entries), anchor, node)
            }
            None => Ok(()),
        }
    }

    /// A node is whole: it is a key, a value, an element or a document.
    fn close(
        &mut self,
        content: Content,
        anchor: usize,
        place: (usize, usize),
    ) -> Result<(), Fault> {
        let node = Node {
            line: place.0,
            column: place.1,
            content,
        };
        if anchor > 0 {
            let (nodes, bytes) = size(&node);
            self.pay(nodes, bytes, place)?;
            self.anchors.insert(anchor, (node.clone(), nodes, bytes));
        }
        self.put(node)
    }

    fn alias(&mut self, anchor: usize, place: (usize, usize)) -> Result<(), Fault> {
        let Some((_, nodes, bytes)) = self.anchors.get(&anchor) else {
            return Err(fault(
                place,
                "this alias stands for something that it is a part of",
            ));
        };
        let (nodes, bytes) = (*nodes, *bytes);
        self.pay(nodes, bytes, place)?;
        let Some((node, ..)) = self.anchors.get(&anchor) else {
            return Ok(());
        };
        // It keeps its own depth below the alias, which a chain of anchors would add up.
        if depth(node) + self.open.len() > DEPTH_MAX {
            return Err(too_deep(place.0, place.1));
        }
        let mut node = node.clone();
        (node.line, node.column) = place;
        self.put(node)
    }

    fn put(&mut self, node: Node) -> Result<(), Fault> {
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map {
                key: key @ None,
                lines,
                ..
            }) => *key = Some(new_key(node, lines)?),
            Some(Open::Map {
                key: key @ Some(_),
                entries,
                merged,
                ..
            }) => {
                if let Some(mut entry) = key.take() {
                    if is_merge(&entry) {
                        merged.extend(to_merge(node)?);
                    } else {
                        entry.value = node;
                        entries.push(entry);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Takes the entries of other maps; of YAML 1.1, and still what many people write.
const MERGE: &str = "<<";

fn new_key(node: Node, lines: &mut HashMap<String, usize>) -> Result<Entry, Fault> {
    let place = (node.line, node.column);
    let Content::Scalar(scalar) = &node.content else {
        return Err(fault(place, "a key must be a text"));
    };
    let key = scalar.text.clone();
    if let Some(first) = lines.insert(key.clone(), node.line) {
        let text = format!(
            "the key '{}' is there twice, first in line {first}",
            shown(&key)
        );
        return Err(fault(place, &text));
    }
    Ok(Entry {
        key,
        line: node.line,
        column: node.column,
        // Until its value comes.
        value: node,
    })
}

/// Quoted, it is a key like any other.
fn is_merge(entry: &Entry) -> bool {
    matches!(&entry.value.content, Content::Scalar(key) if key.is_plain && key.text == MERGE)
}

fn to_merge(node: Node) -> Result<Vec<Node>, Fault> {
    let place = (node.line, node.column);
    let nodes = match node.content {
        Content::List(items) => items,
        content => vec![Node { content, ..node }],
    };
    let is_map = |node: &Node| matches!(node.content, Content::Map(_));
    if nodes.iter().all(is_map) {
        return Ok(nodes);
    }
    Err(fault(place, "<< takes a map, or a list of maps"))
}

fn with_merged(
    mut entries: Vec<Entry>,
    lines: &HashMap<String, usize>,
    merged: Vec<Node>,
) -> Vec<Entry> {
    let mut known: std::collections::HashSet<_> = lines.keys().cloned().collect();
    for node in merged {
        if let Content::Map(others) = node.content {
            for other in others {
                if known.insert(other.key.clone()) {
                    entries.push(other);
                }
            }
        }
    }
    entries
}

/// Nodes and bytes of text.
fn size(node: &Node) -> (usize, usize) {
    let sum = |sizes: &mut dyn Iterator<Item = (usize, usize)>| {
        sizes.fold((1, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    match &node.content {
        Content::Scalar(scalar) => (1, scalar.text.len()),
        Content::List(items) => sum(&mut items.iter().map(size)),
        Content::Map(entries) => sum(&mut entries.iter().map(|entry| {
            let (nodes, bytes) = size(&entry.value);
            (nodes + 1, bytes + entry.key.len())
        })),
    }
}

fn depth(node: &Node) -> usize {
    let below = match &node.content {
        Content::Scalar(_) => return 0,
        Content::List(items) => items.iter().map(depth).max(),
        Content::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max(),
    };
    below.unwrap_or_default() + 1
}

fn is_plain(style: ScalarStyle, tag: Option<&Tag>, place: (usize, usize)) -> Result<bool, Fault> {
    let is_plain = style == ScalarStyle::Plain;
    match tag {
        None => Ok(is_plain),
        Some(tag) if is_bare(tag) || is_core(tag, "str") => Ok(false),
        Some(tag)
            if ["int", "float", "bool", "null"]
                .iter()
                .any(|name| is_core(tag, name)) =>
        {
            Ok(true)
        }
        Some(tag) => Err(unknown_tag(tag, place)),
    }
}

fn known_tag(tag: Option<&Tag>, name: &str, place: (usize, usize)) -> Result<(), Fault> {
    match tag {
        Some(tag) if !is_core(tag, name) && !is_bare(tag) => Err(unknown_tag(tag, place)),
        _ => Ok(()),
    }
}

/// `!` alone is "as it is written": a text is a text.
fn is_bare(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!"
}

fn is_core(tag: &Tag, name: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == name
}

fn unknown_tag(tag: &Tag, place: (usize, usize)) -> Fault {
    fault(
        place,
        &format!("the tag {} has no meaning here", shown(&tag.to_string())),
    )
}

fn fault((line, column): (usize, usize), text: &str) -> Fault {
    Fault {
        line,
        column,
        text: text.to_owned(),
    }
}

/// A key as a message shows it.
fn shown(key: &str) -> String {
    key.chars().take(80).collect()
}
