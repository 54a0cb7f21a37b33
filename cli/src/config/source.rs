//! Which files a target is made of: one, those of a folder, or stdin.
//!
//! It owns the walk and its limits, and no meaning of contents. Invariant: the order is that of the paths, and hidden
//! files and linked folders are left out.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::kinds::Kinds;
use crate::failure::Failure;
use crate::file;
use crate::yaml::FILE_BYTES_MAX;

/// A file for each of ten thousand channels, and as many other objects.
const FILES_MAX: usize = 50_000;
/// `team/area/channels/NAME.yaml` is 3.
const DEPTH_MAX: usize = 16;

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As messages show it.
    pub(crate) name: String,
    /// `None` is stdin.
    pub(crate) path: Option<PathBuf>,
    pub(crate) text: String,
    /// The plural after which its folder is named: it may hold one object of that kind.
    pub(crate) folder: Option<String>,
}

/// `-` is stdin.
pub(crate) fn read(target: &Path, kinds: &Kinds) -> Result<Vec<Source>, Failure> {
    if target == Path::new("-") {
        return Ok(vec![stdin()?]);
    }
    if !target.is_dir() {
        return Ok(vec![read_file(target, kinds)?]);
    }
    let mut paths = Vec::new();
    walk(target, 0, &mut paths)?;
    paths.sort();
    paths.iter().map(|path| read_file(path, kinds)).collect()
}

fn stdin() -> Result<Source, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("reading stdin", &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let text = format!("stdin is larger than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(Failure::Failed(text));
    }
    Ok(Source {
        name: "-".to_owned(),
        path: None,
        text: text_of("-", bytes)?,
        folder: None,
    })
}

fn read_file(path: &Path, kinds: &Kinds) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let contents = file::read(path, FILE_BYTES_MAX);
    let contents = contents.map_err(|why| Failure::unreadable(&name, &why))?;
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_gone| path.to_owned());
    let folder = whole.parent().and_then(Path::file_name);
    let folder = folder.and_then(|folder| folder.to_str());
    Ok(Source {
        text: text_of(&name, contents.bytes)?,
        name,
        path: Some(path.to_owned()),
        folder: folder
            .filter(|folder| kinds.of_plural(folder).is_some())
            .map(ToOwned::to_owned),
    })
}

fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::Failed(format!("{name} is no UTF-8: byte {at} is wrong"))
    })
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed =
        |error: &std::io::Error| Failure::io(&format!("reading {}", folder.display()), error);
    if depth > DEPTH_MAX {
        let text = format!("{} is nested deeper than {DEPTH_MAX}", folder.display());
        return Err(Failure::Failed(text));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        if is_hidden {
            continue;
        }
        if kind.is_dir() {
            walk(&path, depth + 1, paths)?;
        } else if is_yaml(&path) && !path.is_dir() {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            let text = format!("{} holds more than {FILES_MAX} files", folder.display());
            return Err(Failure::Failed(text));
        }
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml"))
}
