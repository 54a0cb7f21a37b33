//! The kinds of objects that make up a cluster's configuration.
//!
//! Owns the list. A new kind is a file with its table and one line here; storing, listing, changing,
//! diffing, restoring, exporting and documenting it need nothing else. What nodes do with it is theirs.
//! Invariant: kinds refer to each other by names in this list.

/// Ends the `about` of a kind that this version keeps, checks and shows, and no more.
macro_rules! not_yet {
    () => {
        "This version keeps and checks it, and does not act on it yet."
    };
}

mod backend;
mod channel;
mod group;
mod job;
mod listener;
mod methods;
mod outgoing;
mod route;
mod security;
mod setting;
#[cfg(test)]
mod testing;

use serde_json::{Map, Value};

pub use backend::KIND as BACKEND;
pub use channel::{BUILT_IN_CHANNEL, KIND as CHANNEL};
pub use group::KIND as GROUP;
pub use job::KIND as JOB;
pub use listener::KIND as LISTENER;
pub use outgoing::KIND as OUTGOING;
pub use route::KIND as ROUTE;
pub use security::KIND as SECURITY;
pub use setting::{KIND as SETTING, SETTINGS, value_of as setting_value};

use crate::name::{check_name, check_wide_name};
use crate::object::Spec;
use crate::schema::{self, Field};
use crate::{Invalid, ObjectName};

/// In order of dependence: what comes later may refer to what comes before.
pub static KINDS: &[&Kind] = &[
    &security::KIND,
    &group::KIND,
    &backend::KIND,
    &listener::KIND,
    &route::KIND,
    &outgoing::KIND,
    &channel::KIND,
    &job::KIND,
    &setting::KIND,
];

/// What all objects of a kind have in common.
#[derive(Debug)]
pub struct Kind {
    /// One object, for example `channel`.
    pub name: &'static str,
    /// Several; the last part of the API's path.
    pub plural: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    pub names: NameGrammar,
    pub fields: &'static [Field],
    pub rules: Rules,
    /// Objects as JSON texts, the first one the shortest. Together they set every secret that there is;
    /// what they name stands in the examples of the kinds before.
    pub examples: &'static [&'static str],
}

/// What no table of fields can say.
#[derive(Debug)]
pub struct Rules {
    /// Faults between fields.
    pub check: fn(&ObjectName, &Spec) -> Vec<Invalid>,
    /// What only one object of the kind may have, besides its name.
    pub claims: fn(&Spec) -> Vec<Claim>,
    /// The built-in object that has it already.
    pub built_in: fn(&Spec) -> Option<(&'static str, Claim)>,
}

/// How objects of a kind may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameGrammar {
    /// `[a-z0-9][a-z0-9._-]{0,62}`
    Strict,
    /// As Zato's users call their connections: printable, 1 to 200 bytes, no `/`.
    Wide,
}

/// Something that one object of a kind may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The field that a person would change.
    pub field: &'static str,
    /// Two claims with one key collide.
    pub key: String,
    /// For people: "takes GET /a/{b}".
    pub text: String,
}

/// The kind of this name, or of this plural.
pub fn find(name: &str) -> Option<&'static Kind> {
    let is = |kind: &&Kind| kind.name == name || kind.plural == name;
    KINDS.iter().copied().find(|kind| is(kind))
}

/// The place of this kind in the list; services and what else is no kind come last.
pub fn order(name: &str) -> usize {
    let place = KINDS.iter().position(|kind| kind.name == name);
    place.unwrap_or(KINDS.len())
}

/// What is wrong with `text` as the name of an object of the kind `kind`.
pub(crate) fn name_fault(kind: &str, text: &str) -> Option<String> {
    match find(kind).map(|kind| kind.names) {
        Some(NameGrammar::Strict) => check_name(text).err(),
        _ => check_wide_name(text).err(),
    }
}

// === impl Kind ===

impl Kind {
    pub fn parse_name(&self, text: &str) -> Result<ObjectName, Invalid> {
        match name_fault(self.name, text) {
            None => Ok(ObjectName::checked(text)),
            Some(reason) => Err(Invalid::new("name", reason)),
        }
    }

    /// Whether this version does more with an object than keep it.
    pub fn is_acted_on(&self) -> bool {
        !self.about.ends_with(not_yet!())
    }

    /// Whether an object of which `given` is said has this field.
    pub fn has_field(&self, given: &Map<String, Value>, name: &str) -> bool {
        let field = self.fields.iter().find(|field| field.name == name);
        field.is_some_and(|field| field.is_of(&schema::complete(self.fields, given.clone())))
    }

    /// Whether a secret stands at `place` (`password`, `endpoints/0/key`), or somewhere in what does.
    pub fn is_secret(&self, place: &str) -> bool {
        schema::holds_secret(self.fields, place)
    }

    /// The object that `given` says, `name` among its fields; every fault at once.
    pub fn parse(&self, mut given: Map<String, Value>) -> Result<(ObjectName, Spec), Vec<Invalid>> {
        let mut errors = Vec::new();
        let name = match given.remove("name") {
            Some(Value::String(text)) => self.parse_name(&text),
            Some(_) => Err(Invalid::new("name", "must be a text")),
            None => Err(Invalid::new("name", "is needed")),
        };
        let fields = schema::parse(self.fields, given).map_err(|more| errors.extend(more));
        let name = name.map_err(|error| errors.push(error)).ok();
        let (Some(name), Ok(fields)) = (name, fields) else {
            return Err(errors);
        };
        let spec = Spec::checked(self, fields);
        let faults = (self.rules.check)(&name, &spec);
        if faults.is_empty() {
            Ok((name, spec))
        } else {
            Err(faults)
        }
    }
}

// === impl Rules ===

impl Rules {
    pub const NONE: Self = Self {
        check: |_, _| Vec::new(),
        claims: |_| Vec::new(),
        built_in: |_| None,
    };
}

#[cfg(test)]
mod tests;
