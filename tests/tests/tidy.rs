//! The rules of the house that a compiler does not know. Each message names file, rule and remedy.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a rule that cannot be read is a failure"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A file above this is more than one idea.
const FILE_LINES_MAX: usize = 600;
/// A file above this must stand in `tidy-long-files.txt`, a list that may only shrink.
const FILE_LINES_AIM: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Sources of ours below the root, without what was built or downloaded.
fn sources(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                let skipped =
                    ["target", "node_modules", "dist", "testdata"].contains(&name.as_str());
                if !skipped && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[track_caller]
fn no_faults(faults: &str) {
    assert!(faults.is_empty(), "\n{faults}");
}

/// Rows of the table "Edges between crates" in docs/architecture.md: crate → what it may import.
fn allowed_edges() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = text
        .split("<!-- edges -->")
        .nth(1)
        .expect("the table stands between edges marks");
    table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let names: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
            let (first, rest) = names.split_first().unwrap();
            (
                (*first).to_owned(),
                rest.iter().map(|name| (*name).to_owned()).collect(),
            )
        })
        .collect()
}

#[test]
fn crates_import_only_what_the_table_allows() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let ours: BTreeSet<String> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let allowed = allowed_edges();
    let mut faults = String::new();
    for package in &metadata.packages {
        let name = package.name.to_string();
        let Some(row) = allowed.get(&name) else {
            writeln!(
                faults,
                "{name}: no row in docs/architecture.md's table of edges; add one"
            )
            .unwrap();
            continue;
        };
        for dependency in &package.dependencies {
            let normal = dependency.kind == DependencyKind::Normal;
            if normal && ours.contains(&dependency.name) && !row.contains(&dependency.name) {
                writeln!(
                    faults,
                    "{name} imports {}: not in the table of edges",
                    dependency.name
                )
                .unwrap();
            }
            let tokio_side = ["tokio", "tonic", "axum"].contains(&dependency.name.as_str());
            let may = ["dp-agent", "bascule-dataplane"].contains(&name.as_str());
            let data_plane = name.starts_with("dp-") || name == "bascule-dataplane";
            if normal && data_plane && tokio_side && !may {
                writeln!(
                    faults,
                    "{name} imports {}: the cores know no tokio",
                    dependency.name
                )
                .unwrap();
            }
            let sql = dependency.name == "sqlx" && name != "cp-odb";
            if normal && sql {
                writeln!(faults, "{name} imports sqlx: the only SQL is in cp-odb").unwrap();
            }
            let loops = ["dp-net", "dp-exec", "dp-proxy"].contains(&name.as_str());
            if normal && dependency.name == "monoio" && !loops {
                writeln!(
                    faults,
                    "{name} imports monoio: only net, exec and proxy name it"
                )
                .unwrap();
            }
        }
    }
    no_faults(&faults);
}

#[test]
fn every_crate_inherits_the_lints() {
    let mut faults = String::new();
    for manifest in sources("toml")
        .iter()
        .filter(|path| path.ends_with("Cargo.toml"))
    {
        let text = std::fs::read_to_string(manifest).unwrap();
        let fuzz = relative(manifest).contains("/fuzz/");
        if text.contains("[package]") && !fuzz && !text.contains("[lints]\nworkspace = true") {
            writeln!(
                faults,
                "{}: add `[lints] workspace = true`",
                relative(manifest)
            )
            .unwrap();
        }
    }
    no_faults(&faults);
}

#[test]
fn every_source_file_says_what_it_owns() {
    let mut faults = String::new();
    for file in sources("rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !text.starts_with("//!") && !text.starts_with("#![") {
            writeln!(
                faults,
                "{}: open the file with `//!`: what it owns",
                relative(&file)
            )
            .unwrap();
        }
        if [
            "mod.rs",
            "util.rs",
            "utils.rs",
            "common.rs",
            "misc.rs",
            "helper.rs",
            "helpers.rs",
        ]
        .contains(&name.as_str())
        {
            writeln!(
                faults,
                "{}: name the file after its one idea",
                relative(&file)
            )
            .unwrap();
        }
    }
    no_faults(&faults);
}

#[test]
fn files_stay_short() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tidy-long-files.txt");
    let known: BTreeMap<String, usize> = std::fs::read_to_string(list)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(lines, path)| (path.to_owned(), lines.parse().unwrap()))
        .collect();
    let mut faults = String::new();
    for extension in ["rs", "py", "ts", "tsx"] {
        for file in sources(extension) {
            let name = relative(&file);
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            let allowed = known.get(&name).copied().unwrap_or(FILE_LINES_AIM);
            if lines > allowed.min(FILE_LINES_MAX) && !name.ends_with(".d.ts") {
                writeln!(
                    faults,
                    "{name}: {lines} lines (at most {allowed}): split it by idea"
                )
                .unwrap();
            }
        }
    }
    for path in known.keys().filter(|path| !root().join(path).exists()) {
        writeln!(
            faults,
            "tidy-long-files.txt: {path} is gone; remove its line"
        )
        .unwrap();
    }
    no_faults(&faults);
}

#[test]
fn nothing_is_left_to_be_fixed() {
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("unimpl", "emented!("),
        concat!("dbg", "!("),
    ];
    let mut faults = String::new();
    for extension in ["rs", "py", "ts", "tsx", "proto", "sql", "sh"] {
        for file in sources(extension) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                if let Some(mark) = marks.iter().find(|mark| line.contains(*mark)) {
                    let at = format!("{}:{}", relative(&file), number + 1);
                    writeln!(
                        faults,
                        "{at}: `{mark}` may not land; fix it or file an issue"
                    )
                    .unwrap();
                }
            }
        }
    }
    no_faults(&faults);
}

#[test]
fn sql_stands_in_odb_alone() {
    let mut faults = String::new();
    for file in sources("rs") {
        let name = relative(&file);
        if name.starts_with("controlplane/odb") || name.starts_with("tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for statement in ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE "] {
            if text.contains(statement) {
                writeln!(
                    faults,
                    "{name}: `{statement}` belongs into controlplane/odb"
                )
                .unwrap();
            }
        }
    }
    no_faults(&faults);
}
