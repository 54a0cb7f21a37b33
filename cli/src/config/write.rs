//! Where an exported configuration goes, and what becomes of the files that are there.
//!
//! A file that says the same already is not touched. A secret that a file holds stays in it: the control plane does not
//! tell it. One that is written anew keeps its comments and the defaults that it
//! spells out. In a folder, an object stays in the file that it stands in; a new one gets `PLURAL/NAME.yaml`; a file whose
//! objects are all gone goes, too. Invariant: a file is replaced as a whole, or not at all.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{Document, FileFault, Wanted, outline};
use super::kinds::Kinds;
use super::source::{self, Source};
use super::tree;
use crate::failure::Failure;
use crate::yaml::{Comments, Node, Tree, print};

/// A name of a file, without its ending; file systems take 255 bytes.
const NAME_BYTES_MAX: usize = 180;

/// A kind's plural, and an object of it.
pub(crate) type Object = (String, Map<String, Value>);

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) removed: Vec<PathBuf>,
    pub(crate) unchanged: usize,
    /// Comments of objects and fields that are gone.
    pub(crate) lost: Vec<String>,
}

/// Why nothing was written.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What is there cannot be read, so nobody can say what of it would be lost.
    Faults(Vec<FileFault>),
    Failed(Failure),
}

/// What `objects` are, as the text of one file.
pub(crate) fn text(objects: &[Object], kinds: &Kinds) -> String {
    let before = HashMap::new();
    print(&tree_of(objects, kinds, &before), &Comments::default())
}

/// Into one file.
pub(crate) fn file(path: &Path, objects: &[Object], kinds: &Kinds) -> Result<Written, Refusal> {
    let mut written = Written::default();
    let there = if path.exists() {
        Some(read(path, kinds)?)
    } else {
        None
    };
    let (text, lost) = match &there {
        None => (text(objects, kinds), Vec::new()),
        Some((sources, document)) => {
            let objects = with_secrets(objects, &document.objects, kinds);
            if is_same(&document.objects, &objects, kinds) {
                written.unchanged = 1;
                return Ok(written);
            }
            let of_file = sources.first().map_or("", |source| source.text.as_str());
            renewed(of_file, &document.objects, &objects, kinds)
        }
    };
    replace(path, &text)?;
    written.files.push(path.to_owned());
    written.lost = lost;
    Ok(written)
}

/// Into a folder.
pub(crate) fn folder(path: &Path, objects: &[Object], kinds: &Kinds) -> Result<Written, Refusal> {
    let (sources, document) = if path.exists() {
        read(path, kinds)?
    } else {
        (Vec::new(), Document::default())
    };
    let places: HashMap<_, _> = document
        .objects
        .iter()
        .map(|object| {
            (
                (object.plural.as_str(), object.name.as_str()),
                object.source,
            )
        })
        .collect();
    let mut of_source: Vec<Vec<Object>> = vec![Vec::new(); sources.len()];
    let mut new = Vec::new();
    for object in objects {
        let place = places.get(&(object.0.as_str(), name_of(&object.1)));
        match place.and_then(|place| of_source.get_mut(*place)) {
            Some(objects) => objects.push(object.clone()),
            None => new.push(object),
        }
    }
    let mut written = Written::default();
    for (index, (source, objects)) in sources.iter().zip(&of_source).enumerate() {
        let before = document
            .objects
            .iter()
            .filter(|object| object.source == index);
        let before: Vec<_> = before.cloned().collect();
        renew(source, &before, objects, kinds, &mut written)?;
    }
    let mut taken: HashSet<_> = sources
        .iter()
        .filter_map(|source| source.path.clone())
        .collect();
    for (plural, fields) in new {
        let file = free_path(&path.join(plural), name_of(fields), &taken);
        replace(&file, &one_object(plural, fields, kinds))?;
        taken.insert(file.clone());
        written.files.push(file);
    }
    Ok(written)
}

fn read(path: &Path, kinds: &Kinds) -> Result<(Vec<Source>, Document), Refusal> {
    let sources = source::read(path, kinds).map_err(Refusal::Failed)?;
    let document = outline(&sources, kinds).map_err(Refusal::Faults)?;
    Ok((sources, document))
}

/// Brings one file of a folder to `objects`.
fn renew(
    source: &Source,
    before: &[Wanted],
    objects: &[Object],
    kinds: &Kinds,
    written: &mut Written,
) -> Result<(), Refusal> {
    let Some(path) = &source.path else {
        return Ok(());
    };
    let objects = &with_secrets(objects, before, kinds);
    if is_same(before, objects, kinds) {
        written.unchanged += 1;
        return Ok(());
    }
    if objects.is_empty() {
        fs::remove_file(path).map_err(|error| failed("removing", path, &error))?;
        written.removed.push(path.clone());
        return Ok(());
    }
    let is_single = before
        .iter()
        .all(|object| Some(&object.plural) == source.folder.as_ref());
    let (text, lost) = match (objects.as_slice(), before) {
        ([(plural, fields)], [was]) if is_single && is_object_form(was, source) => {
            let comments = Comments::of(&source.text);
            let tree = object_tree(plural, fields, kinds, Some(&was.node));
            (print(&tree, &comments), owned(comments.lost(&tree)))
        }
        _ => renewed(&source.text, before, objects, kinds),
    };
    replace(path, &text)?;
    written.files.push(path.clone());
    written.lost.extend(lost);
    Ok(())
}

/// Whether the file holds the object itself, and not a list of its kind.
fn is_object_form(object: &Wanted, source: &Source) -> bool {
    let documents = crate::yaml::read(&source.text).unwrap_or_default();
    documents.first() == Some(&object.node)
}

/// The file's text with other objects, and the comments that went with those that are gone.
fn renewed(
    text: &str,
    before: &[Wanted],
    objects: &[Object],
    kinds: &Kinds,
) -> (String, Vec<String>) {
    let nodes = before
        .iter()
        .map(|object| ((object.plural.as_str(), object.name.as_str()), &object.node))
        .collect();
    let tree = tree_of(objects, kinds, &nodes);
    let comments = Comments::of(text);
    (print(&tree, &comments), owned(comments.lost(&tree)))
}

fn owned(lines: Vec<&str>) -> Vec<String> {
    lines.into_iter().map(ToOwned::to_owned).collect()
}

fn tree_of(objects: &[Object], kinds: &Kinds, before: &HashMap<(&str, &str), &Node>) -> Tree {
    let mut lists: Vec<(String, Vec<Tree>)> = Vec::new();
    for (plural, fields) in objects {
        let node = before.get(&(plural.as_str(), name_of(fields))).copied();
        let tree = object_tree(plural, fields, kinds, node);
        match lists.last_mut() {
            Some((last, list)) if last == plural => list.push(tree),
            _ => lists.push((plural.clone(), vec![tree])),
        }
    }
    let lists = lists.into_iter();
    Tree::Map(
        lists
            .map(|(plural, list)| (plural, Tree::List(list)))
            .collect(),
    )
}

fn object_tree(
    plural: &str,
    fields: &Map<String, Value>,
    kinds: &Kinds,
    before: Option<&Node>,
) -> Tree {
    match kinds.of_plural(plural) {
        Some(kind) => tree::object(kind, fields, before),
        None => Value::Object(fields.clone()).into(),
    }
}

fn one_object(plural: &str, fields: &Map<String, Value>, kinds: &Kinds) -> String {
    print(
        &object_tree(plural, fields, kinds, None),
        &Comments::default(),
    )
}

/// With the secrets that only the files hold.
fn with_secrets(objects: &[Object], before: &[Wanted], kinds: &Kinds) -> Vec<Object> {
    let known: HashMap<_, _> = before
        .iter()
        .map(|object| ((object.plural.as_str(), object.name.as_str()), object))
        .collect();
    let with = |(plural, given): &Object| {
        let mut fields = given.clone();
        let was = known.get(&(plural.as_str(), name_of(given)));
        if let (Some(was), Some(kind)) = (was, kinds.of_plural(plural)) {
            for field in kind.fields.iter().filter(|field| field.is_secret()) {
                if let Some(secret) = was.fields.get(&field.name)
                    && field.is_of(&kind.fields, given)
                {
                    fields.entry(&field.name).or_insert_with(|| secret.clone());
                }
            }
        }
        (plural.clone(), fields)
    };
    objects.iter().map(with).collect()
}

/// Whether files and objects mean the same.
fn is_same(before: &[Wanted], objects: &[Object], kinds: &Kinds) -> bool {
    if before.len() != objects.len() {
        return false;
    }
    let meant = |plural: &str, fields: &Map<String, Value>| match kinds.of_plural(plural) {
        Some(kind) => tree::complete(kind, fields),
        None => fields.clone(),
    };
    let known: HashMap<_, _> = before
        .iter()
        .map(|object| {
            let key = (object.plural.as_str(), object.name.as_str());
            (key, meant(&object.plural, &object.fields))
        })
        .collect();
    objects.iter().all(|(plural, fields)| {
        known.get(&(plural.as_str(), name_of(fields))) == Some(&meant(plural, fields))
    })
}

fn name_of(fields: &Map<String, Value>) -> &str {
    fields
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `NAME.yaml`, or with a number when that is another object's.
fn free_path(folder: &Path, name: &str, taken: &HashSet<PathBuf>) -> PathBuf {
    let name = file_name(name);
    let first = folder.join(format!("{name}.yaml"));
    let others = (2..).map(|number| folder.join(format!("{name}-{number}.yaml")));
    let is_free = |path: &PathBuf| !taken.contains(path);
    std::iter::once(first.clone())
        .chain(others)
        .find(is_free)
        .unwrap_or(first)
}

/// Letters and digits of any script stay; what a shell or a file system could take for something else is encoded.
fn file_name(name: &str) -> String {
    let mut encoded = String::new();
    for (index, c) in name.chars().enumerate() {
        let is_plain = c.is_alphanumeric() || "_- ".contains(c) || (c == '.' && index > 0);
        if is_plain {
            encoded.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                write!(encoded, "%{byte:02X}").ok();
            }
        }
    }
    if encoded.len() <= NAME_BYTES_MAX {
        return encoded;
    }
    // Two long names may begin alike: `free_path` tells them apart.
    let mut short = String::new();
    for c in encoded.chars() {
        if short.len() + c.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        short.push(c);
    }
    short
}

/// Beside it first, so that whoever reads meanwhile, or a full disk, never meets half a file.
fn replace(path: &Path, text: &str) -> Result<(), Refusal> {
    let path = fs::canonicalize(path).unwrap_or_else(|_new| path.to_owned());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed("making", folder, &error))?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name:.100}.{}", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path));
    written.map_err(|error| {
        fs::remove_file(&beside).ok();
        failed("writing", &path, &error)
    })
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Failed(Failure::io(&format!("{what} {}", path.display()), error))
}
