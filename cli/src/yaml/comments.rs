//! The comments of a file, and what they speak of, so that a file that is written anew keeps them.
//!
//! A comment above something speaks of it, one behind it too; those above all, with a blank line after them, are of the
//! file. Invariant: a `#` inside a text is none.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::{Content, Node, Tree, read};

/// Keys, and elements by name, from the top.
type Path = Vec<String>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comments {
    head: Vec<String>,
    foot: Vec<String>,
    /// With the blank lines between them, as empty ones.
    before: HashMap<Path, Vec<String>>,
    behind: HashMap<Path, String>,
}

/// Something that a comment may speak of, and the line that it begins in.
type Target = (usize, Path);

/// A line without its text: blank, a comment alone, or a comment behind something.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Blank,
    Comment(&'a str),
    Content(Option<&'a str>),
}

// === impl Comments ===

impl Comments {
    /// Of a file that is no YAML, none.
    pub(crate) fn of(text: &str) -> Self {
        let Ok(documents) = read(text) else {
            return Self::default();
        };
        let mut targets = Vec::new();
        for document in &documents {
            collect(document, &mut Vec::new(), &mut targets);
        }
        targets.sort_by_key(|(line, path): &Target| (*line, path.len()));
        let mut comments = Self::default();
        comments.fill(&lines(text), &targets);
        comments
    }

    fn fill(&mut self, lines: &[Line<'_>], targets: &[Target]) {
        let mut gap: Vec<String> = Vec::new();
        let mut is_top = true;
        for (number, line) in (1..).zip(lines) {
            let content = match line {
                Line::Blank => {
                    if gap.last().is_some_and(|last| !last.is_empty())
                        || (!is_top && gap.is_empty())
                    {
                        gap.push(String::new());
                    }
                    continue;
                }
                Line::Comment(comment) => {
                    gap.push((*comment).to_owned());
                    continue;
                }
                Line::Content(comment) => comment,
            };
            let first = targets.partition_point(|(line, _)| *line < number);
            let first = targets.get(first).filter(|(line, _)| *line == number);
            if let Some((_, path)) = first {
                if is_top {
                    self.head = cut_head(&mut gap);
                    is_top = false;
                }
                if !gap.is_empty() {
                    self.before
                        .entry(path.clone())
                        .or_default()
                        .append(&mut gap);
                }
            }
            // Those within a text are a part of it.
            gap.retain(|line| !line.is_empty());
            if let Some(comment) = content {
                self.add_behind(number, comment, targets);
            }
        }
        while gap.last().is_some_and(String::is_empty) {
            gap.pop();
        }
        self.foot = gap;
    }

    fn add_behind(&mut self, number: usize, comment: &str, targets: &[Target]) {
        let behind = targets.partition_point(|(line, _)| *line <= number);
        let last = behind.checked_sub(1).and_then(|last| targets.get(last));
        let Some((_, path)) = last else {
            return;
        };
        let behind = self.behind.entry(path.clone()).or_default();
        if !behind.is_empty() {
            behind.push(' ');
        }
        behind.push_str(comment);
    }

    pub(super) fn head(&self) -> &[String] {
        &self.head
    }

    pub(super) fn foot(&self) -> &[String] {
        &self.foot
    }

    pub(super) fn before(&self, path: &[String]) -> &[String] {
        self.before.get(path).map_or(&[], Vec::as_slice)
    }

    pub(super) fn behind(&self, path: &[String]) -> Option<&str> {
        self.behind.get(path).map(String::as_str)
    }

    /// Comments of what `tree` does not hold, each as it was written.
    pub(crate) fn lost(&self, tree: &Tree) -> Vec<&str> {
        let mut paths = std::collections::HashSet::new();
        paths_of(tree, &mut Vec::new(), &mut paths);
        let is_lost = |path: &Path| !paths.contains(path);
        let before = self.before.iter().filter(|(path, _)| is_lost(path));
        let before = before.flat_map(|(_, lines)| lines.iter());
        let behind = self.behind.iter().filter(|(path, _)| is_lost(path));
        let mut lost: Vec<_> = before
            .chain(behind.map(|(_, line)| line))
            .map(String::as_str)
            .filter(|line| !line.is_empty())
            .collect();
        lost.sort_unstable();
        lost
    }
}

/// What stands above the last blank line is of the file; the rest is of what comes next.
fn cut_head(gap: &mut Vec<String>) -> Vec<String> {
    let Some(last) = gap.iter().rposition(String::is_empty) else {
        return Vec::new();
    };
    gap.drain(..=last).collect()
}

fn collect(node: &Node, path: &mut Path, targets: &mut Vec<Target>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(step(item, index));
                targets.push((item.line, path.clone()));
                collect(item, path, targets);
                path.pop();
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                targets.push((entry.line, path.clone()));
                collect(&entry.value, path, targets);
                path.pop();
            }
        }
    }
}

/// As `Tree::step`.
fn step(node: &Node, index: usize) -> String {
    let name = node.get("name").map(Node::value);
    if let Some(name) = name.as_ref().and_then(serde_json::Value::as_str) {
        return format!("name={name}");
    }
    match &node.content {
        Content::Scalar(scalar) => match scalar.value() {
            serde_json::Value::String(text) => format!("text={text}"),
            _ => format!("index={index}"),
        },
        _ => format!("index={index}"),
    }
}

fn paths_of(tree: &Tree, path: &mut Path, paths: &mut std::collections::HashSet<Path>) {
    match tree {
        Tree::Scalar(_) => {}
        Tree::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(item.step(index));
                paths.insert(path.clone());
                paths_of(item, path, paths);
                path.pop();
            }
        }
        Tree::Map(entries) => {
            for (key, value) in entries {
                path.push(key.clone());
                paths.insert(path.clone());
                paths_of(value, path, paths);
                path.pop();
            }
        }
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let texts = texts(text);
    (1..)
        .zip(text.lines())
        .map(|(number, line)| sorted(line, texts.get(&number).map_or(&[], Vec::as_slice)))
        .collect()
}

/// `texts`: columns from which to which a text goes, within which a `#` is none.
fn sorted<'a>(line: &'a str, texts: &[(usize, usize)]) -> Line<'a> {
    let is_in_text = |column| {
        texts
            .iter()
            .any(|(from, to)| (*from..*to).contains(&column))
    };
    let mut before = ' ';
    for (column, (at, c)) in line.char_indices().enumerate() {
        if c == '#' && before.is_whitespace() && !is_in_text(column) {
            let (content, comment) = line.split_at(at);
            let comment = comment.trim_end();
            return if content.trim().is_empty() {
                Line::Comment(comment)
            } else {
                Line::Content(Some(comment))
            };
        }
        before = c;
    }
    if line.trim().is_empty() && texts.is_empty() {
        Line::Blank
    } else {
        Line::Content(None)
    }
}

/// By line, the columns of quoted texts and blocks.
fn texts(text: &str) -> HashMap<usize, Vec<(usize, usize)>> {
    let mut texts: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        let Event::Scalar(_, style, ..) = event else {
            continue;
        };
        let (start, end) = match style {
            ScalarStyle::Plain => continue,
            ScalarStyle::SingleQuoted => quoted(&lines, span.start, '\''),
            ScalarStyle::DoubleQuoted => quoted(&lines, span.start, '"'),
            ScalarStyle::Literal | ScalarStyle::Folded => block(&lines, span),
        };
        for line in start.0..=end.0 {
            let from = if line == start.0 { start.1 } else { 0 };
            let to = if line == end.0 { end.1 } else { usize::MAX };
            texts.entry(line).or_default().push((from, to));
        }
    }
    texts
}

/// A line and a column.
type Place = (usize, usize);

/// The scanner's own end is behind the comment that follows.
fn quoted(lines: &[Vec<char>], start: Marker, quote: char) -> (Place, Place) {
    let from = (start.line(), start.col());
    let mut is_escaped = false;
    for (number, line) in (1..).zip(lines).skip(start.line().saturating_sub(1)) {
        let skipped = if number == from.0 { from.1 + 1 } else { 0 };
        let mut rest = line.iter().enumerate().skip(skipped).peekable();
        while let Some((column, c)) = rest.next() {
            if is_escaped {
                is_escaped = false;
            } else if quote == '"' && *c == '\\' {
                is_escaped = true;
            } else if *c == quote {
                // Two of them are one, within single quotes.
                if quote == '\'' && rest.next_if(|(_, next)| **next == quote).is_some() {
                    continue;
                }
                return (from, (number, column + 1));
            }
        }
        is_escaped = false;
    }
    (from, from)
}

/// A block ends where the next thing begins, whose line is not a part of it.
fn block(lines: &[Vec<char>], span: Span) -> (Place, Place) {
    let end = span.end;
    let last = lines.get(end.line().saturating_sub(1));
    let is_behind = last.is_none_or(|line| line.iter().take(end.col()).all(|c| c.is_whitespace()));
    let last = if is_behind {
        end.line().saturating_sub(1)
    } else {
        end.line()
    };
    ((span.start.line(), 0), (last, usize::MAX))
}
