//! What a person and a program see: tables and JSON on stdout, talk on stderr, colours where wanted. Data that could not be
//! written is a failure in the end, but for a closed pipe (`| head`). Invariant: piped output holds no escape codes unless `--color=always` asks for them.

use std::cell::OnceCell;
use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::args::{Colour, Global};
use crate::failure::Failure;
use crate::printable;

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent switches of one terminal"
)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    is_terminal: bool,
    is_coloured: bool,
    /// The first write to stdout that failed. Kept to the end, so that no place that prints has to decide.
    lost: OnceCell<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Green,
    Yellow,
    Red,
    Bold,
    Dim,
}

// === impl Output ===

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_coloured = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if set("NO_COLOR") => false,
            Colour::Auto => {
                set("CLICOLOR_FORCE") || (io::stderr().is_terminal() && io::stdout().is_terminal())
            }
        };
        Self {
            json: global.json,
            quiet: global.quiet,
            is_terminal: io::stdout().is_terminal(),
            is_coloured,
            lost: OnceCell::new(),
        }
    }

    /// Without colours, for tests.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            json: false,
            quiet: false,
            is_terminal: false,
            is_coloured: false,
            lost: OnceCell::new(),
        }
    }

    /// Data: one line on stdout.
    pub(crate) fn data(&self, text: &str) {
        self.keep(writeln!(io::stdout(), "{text}"));
    }

    /// What a command has printed is out, or it has failed.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        self.keep(io::stdout().flush());
        match self.lost.get() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::io("writing to stdout", error))
            }
            // Whoever closed the pipe has read enough.
            _ => Ok(()),
        }
    }

    fn keep(&self, written: io::Result<()>) {
        if let Err(error) = written {
            // A later one has the same cause, or comes of it.
            self.lost.set(error).ok();
        }
    }

    /// What a service has answered: as it is in a pipe; on a terminal, which would obey it, as text.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        if self.is_terminal {
            let text = String::from_utf8_lossy(bytes);
            let text = printable::lines(&text);
            self.keep(writeln!(
                stdout,
                "{}",
                text.strip_suffix('\n').unwrap_or(&text)
            ));
        } else {
            self.keep(stdout.write_all(bytes));
        }
    }

    /// Data of several lines, as it is.
    pub(crate) fn text(&self, text: &str) {
        self.keep(io::stdout().lock().write_all(text.as_bytes()));
    }

    pub(crate) fn value(&self, value: &Value) {
        self.data(&format!("{value:#}"));
    }

    /// Talk: one line on stderr, unless `--quiet`.
    pub(crate) fn talk(&self, text: &str) {
        if !self.quiet {
            writeln!(io::stderr(), "{text}").ok();
        }
    }

    /// What failed: one line on stderr, also with `--quiet`, which asks for no talk and not for riddles.
    #[expect(clippy::unused_self, reason = "all output goes through an Output")]
    pub(crate) fn complaint(&self, text: &str) {
        writeln!(io::stderr(), "{text}").ok();
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if matches!(failure, Failure::Said | Failure::Different) {
            return;
        }
        let mut stderr = io::stderr();
        let text = failure.to_string();
        let (mark, text) = (self.paint(Paint::Red, "error:"), printable::lines(&text));
        writeln!(stderr, "{mark} {text}").ok();
        if let Some(traceback) = traceback(failure) {
            writeln!(stderr, "{}", printable::lines(traceback)).ok();
        }
        if let Some(next) = failure.next() {
            let (mark, next) = (self.paint(Paint::Bold, "next:"), printable::line(&next));
            writeln!(stderr, "  {mark} {next}").ok();
        }
    }

    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Red => "31",
            Paint::Bold => "1",
            Paint::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A list: JSON, names only, a table on a terminal, tab-separated lines in a pipe.
    pub(crate) fn list(
        &self,
        items: &[Value],
        columns: &[&str],
        row: impl Fn(&Value) -> Vec<String>,
    ) {
        if self.json {
            return self.value(&serde_json::json!({ "items": items }));
        }
        let printable = |cell: String| printable::line(&cell).into_owned();
        let row = |item: &Value| row(item).into_iter().map(printable).collect();
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        if self.quiet {
            rows.iter()
                .filter_map(|row| row.first())
                .for_each(|name| self.data(name));
        } else if self.is_terminal {
            for line in table(columns, &rows) {
                self.data(&line);
            }
        } else {
            for row in &rows {
                self.data(&row.join("\t"));
            }
        }
    }

    /// One object: JSON, or its fields one a line.
    pub(crate) fn object(&self, object: &Value) {
        if self.json {
            return self.value(object);
        }
        let Some(fields) = object.as_object() else {
            return self.value(object);
        };
        let width = fields.keys().map(String::len).max().unwrap_or_default();
        for (name, value) in fields {
            let value = plain(value);
            self.data(&format!("{name:<width$}  {}", printable::lines(&value)));
        }
    }
}

fn traceback(failure: &Failure) -> Option<&str> {
    match failure {
        Failure::Problem(problem) => problem.traceback.as_deref().map(str::trim_end),
        _ => None,
    }
}

/// A field of `value` as text; empty when it is absent or null.
pub(crate) fn field(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            items.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Columns as wide as their widest cell, two spaces between them.
fn table(columns: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let heading: Vec<String> = columns.iter().map(|column| column.to_uppercase()).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            let cells = rows.iter().chain([&heading]).filter_map(|row| row.get(at));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    std::iter::once(&heading).chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let rows = vec![
            vec!["a".to_owned(), String::new()],
            vec!["long".to_owned(), "ü".to_owned()],
        ];
        assert_eq!(table(&["name", "x"], &rows), ["NAME  X", "a", "long  ü"]);
    }

    #[test]
    fn fields_read_plainly() {
        let value = json!({"a": {"b": [1, "two"]}, "n": null, "o": [{"k": 1}]});
        assert_eq!(field(&value, "/a/b"), "1, two");
        assert_eq!(field(&value, "/n"), "");
        assert_eq!(field(&value, "/missing"), "");
        assert_eq!(field(&value, "/o"), r#"[{"k":1}]"#);
    }
}
