//! Values → text that people like to read and every YAML reader reads alike.
//!
//! Owns quoting: what YAML 1.1 or 1.2 could take for anything but a text is quoted, and so is what begins with a digit
//! or a sign. Invariant: `read(print(x)) == x`, whatever the texts are.

use serde_json::Value;

use super::Comments;

/// A value whose maps have an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// Anything but a list or a map.
    Scalar(Value),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// Longer keys need a `?` in front: readers look so far for the colon, and no further.
const KEY_CHARS_MAX: usize = 500;

/// A document, with `comments` where they stood.
pub(crate) fn print(tree: &Tree, comments: &Comments) -> String {
    let mut printer = Printer {
        text: String::new(),
        comments,
        path: Vec::new(),
    };
    printer.lines(comments.head(), 0);
    match tree {
        Tree::Map(entries) if !entries.is_empty() => printer.map(entries, 0, false),
        Tree::List(items) if !items.is_empty() => printer.list(items, 0),
        other => {
            printer.text.push_str(&scalar(other, 0));
            printer.text.push('\n');
        }
    }
    printer.lines(comments.foot(), 0);
    printer.text
}

struct Printer<'a> {
    text: String,
    comments: &'a Comments,
    path: Vec<String>,
}

// === impl Tree ===

impl Tree {
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::List(items) => items.iter().map(Self::value).collect(),
            Self::Map(entries) => {
                let entries = entries.iter();
                Value::Object(
                    entries
                        .map(|(key, value)| (key.clone(), value.value()))
                        .collect(),
                )
            }
        }
    }

    /// How an element of a list is told from the others: by its name when it has one, by what it is when it is a text,
    /// else by its place.
    pub(super) fn step(&self, index: usize) -> String {
        let name = match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key == "name"),
            _ => None,
        };
        match (self, name) {
            (_, Some((_, Self::Scalar(Value::String(name))))) => format!("name={name}"),
            (Self::Scalar(Value::String(text)), _) => format!("text={text}"),
            _ => format!("index={index}"),
        }
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => {
                let entries = entries.into_iter();
                Self::Map(entries.map(|(key, value)| (key, value.into())).collect())
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

// === impl Printer ===

impl Printer<'_> {
    /// `is_open`: the first line has its indentation already, after the dash of a list.
    fn map(&mut self, entries: &[(String, Tree)], indent: usize, mut is_open: bool) {
        for (key, value) in entries {
            self.path.push(key.clone());
            if !is_open {
                self.before(indent);
                self.indent(indent);
            }
            is_open = false;
            let key = plain_or_quoted(key);
            if key.chars().count() > KEY_CHARS_MAX {
                self.text.push_str("? ");
                self.text.push_str(&key);
                self.text.push('\n');
                self.indent(indent);
            } else {
                self.text.push_str(&key);
            }
            self.text.push(':');
            self.value(value, indent);
            self.path.pop();
        }
    }

    fn list(&mut self, items: &[Tree], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            self.path.push(item.step(index));
            self.before(indent);
            self.indent(indent);
            self.text.push('-');
            match item {
                Tree::Map(entries) if !entries.is_empty() && self.fits_dash(entries) => {
                    self.text.push(' ');
                    self.map(entries, indent + 2, true);
                }
                item => self.value(item, indent),
            }
            self.path.pop();
        }
    }

    /// Whether the first entry may stand behind the dash: comments before it belong above the element then.
    fn fits_dash(&self, entries: &[(String, Tree)]) -> bool {
        let Some((key, _)) = entries.first() else {
            return false;
        };
        let mut path = self.path.clone();
        path.push(key.clone());
        self.comments.before(&path).is_empty()
    }

    /// What follows a colon or a dash.
    fn value(&mut self, value: &Tree, indent: usize) {
        let behind = self.comments.behind(&self.path).map(ToOwned::to_owned);
        let open = |text: &mut String| {
            if let Some(comment) = &behind {
                text.push(' ');
                text.push_str(comment);
            }
            text.push('\n');
        };
        match value {
            Tree::Map(entries) if !entries.is_empty() => {
                open(&mut self.text);
                self.map(entries, indent + 2, false);
            }
            Tree::List(items) if !items.is_empty() => {
                open(&mut self.text);
                self.list(items, indent + 2);
            }
            other => {
                self.text.push(' ');
                let printed = scalar(other, indent + 2);
                // A block: the comment stands behind its mark.
                if let Some((mark, block)) = printed.split_once('\n') {
                    self.text.push_str(mark);
                    open(&mut self.text);
                    self.text.push_str(block);
                    self.text.push('\n');
                } else {
                    self.text.push_str(&printed);
                    open(&mut self.text);
                }
            }
        }
    }

    fn before(&mut self, indent: usize) {
        let comments = self.comments;
        self.lines(comments.before(&self.path), indent);
    }

    fn lines(&mut self, lines: &[String], indent: usize) {
        for line in lines {
            if !line.is_empty() {
                self.indent(indent);
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Without a line break at its end; a block has some within.
fn scalar(tree: &Tree, indent: usize) -> String {
    match tree {
        Tree::List(_) => "[]".to_owned(),
        Tree::Map(_) => "{}".to_owned(),
        Tree::Scalar(Value::String(text)) if is_block(text) => block(text, indent),
        Tree::Scalar(Value::String(text)) => plain_or_quoted(text),
        Tree::Scalar(other) => other.to_string(),
    }
}

/// Texts of several lines that need no escapes and do not end oddly.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_good = |c: char| is_printable(c) && c != '\t';
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body
            .lines()
            .all(|line| line.is_empty() || !line.trim().is_empty())
        && !body.contains('\r')
        && body.chars().all(|c| is_good(c) || c == '\n')
}

fn block(text: &str, indent: usize) -> String {
    let (mark, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let mut printed = mark.to_owned();
    for line in body.split('\n') {
        printed.push('\n');
        if !line.is_empty() {
            printed.extend(std::iter::repeat_n(' ', indent.max(2)));
            printed.push_str(line);
        }
    }
    printed
}

fn plain_or_quoted(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Whether every reader takes the bare text for this text.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let Some(first) = text.chars().next() else {
        return false;
    };
    let is_start = first.is_alphabetic() || matches!(first, '/' | '_' | '$');
    is_start
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// What YAML lets stand as it is, without those that look like nothing or like a line break.
fn is_printable(c: char) -> bool {
    let is_odd = matches!(
        c,
        '\u{85}'
            | '\u{a0}'
            | '\u{ad}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
    );
    let is_format =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    !c.is_control() && !is_odd && !is_format
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&escape(u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(code: u32) -> String {
    match code {
        ..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}
