//! The configuration as a whole: read for a file, and changed to what a file says.
//!
//! Owns what a file's silence means: an object that it does not mention stays, unless it is inside the
//! scope that is pruned; a field gets its default; a secret stays. Invariant: one request is one
//! generation or none, and a bad object is told with its place in the request, all of them at once.

mod decide;

use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::effect::{self, Effect};
use cp_model::kind::Kind;
use cp_model::{Generation, Object};
use cp_odb::{Decided, Difference, Kept, WholeChange};
use serde_json::{Map, Value};

use crate::{App, AppError, Changed};

/// Every object, and the generation that they make.
#[derive(Debug, Clone)]
pub struct ConfigView {
    pub generation: Generation,
    /// In order of kind and name.
    pub objects: Vec<Object>,
}

/// What the configuration shall be.
#[derive(Debug, Clone)]
pub struct ConfigWish {
    /// By kind, each kind once; every object whole, its name among its fields.
    pub objects: Vec<(&'static Kind, Vec<Map<String, Value>>)>,
    /// Inside it, what is not among `objects` is taken away; `None`: nothing is.
    pub prune: Option<Scope>,
    /// The generation that the author saw; `None` asks for no such check.
    pub expected: Option<Generation>,
}

/// The objects that a file speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// Those whose name begins so.
    Prefix(String),
}

/// What came of a wish.
#[derive(Debug, Clone)]
pub struct ConfigChanged {
    /// What it was decided on.
    pub before: Generation,
    /// In order of kind and name.
    pub differences: Vec<Difference>,
    pub effects: Vec<Effect>,
}

// === impl App ===

impl App {
    pub async fn config_show(&self, context: &OpContext) -> Result<ConfigView, AppError> {
        context.authorize(Action::Read)?;
        let (generation, mut objects) = self.odb.object_list_whole().await?;
        objects.sort_by_key(|object| cp_model::kind::order(object.kind.name));
        Ok(ConfigView {
            generation,
            objects,
        })
    }

    /// Fulfils the wish as one generation. `Invalid` has places such as `channels/3/path`.
    pub async fn config_apply(
        &self,
        context: &OpContext,
        wish: ConfigWish,
        wait: Option<Duration>,
    ) -> Result<Changed<ConfigChanged>, AppError> {
        context.authorize(Action::Change)?;
        let origin = context.origin();
        let change = WholeChange {
            origin: &origin,
            expected: wish.expected,
        };
        let places = decide::places(&wish);
        let decide = |before: &[Object]| decide::changes(wish, before);
        let decided = self.odb.objects_decide(change, decide).await;
        let written = decided.map_err(|error| decide::placed(error, &places))?;
        let value = ConfigChanged::from(written.value);
        Ok(self
            .finished(context, value, written.generation, wait)
            .await)
    }
}

// === impl Scope ===

impl Scope {
    pub(crate) fn holds(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

// === impl ConfigChanged ===

impl From<Decided> for ConfigChanged {
    fn from(decided: Decided) -> Self {
        let changed = decided.changed.iter();
        let pairs: Vec<effect::Pair<'_>> = changed
            .map(|one| (one.before.as_ref(), one.after.as_ref()))
            .collect();
        let effects = effect::of(&decided.before, &pairs);
        let mut differences: Vec<_> = pairs.into_iter().filter_map(difference).collect();
        differences.sort_by_key(|one| (cp_model::kind::order(&one.kind), one.name.clone()));
        Self {
            before: decided.generation,
            differences,
            effects,
        }
    }
}

fn difference((before, after): effect::Pair<'_>) -> Option<Difference> {
    let object = after.or(before)?;
    let kept = |object: &Object| Kept {
        id: object.id.to_string(),
        fields: object.spec.fields().clone(),
    };
    Some(Difference {
        kind: object.kind.name.to_owned(),
        name: object.name.to_string(),
        before: before.map(kept),
        after: after.map(kept),
    })
}
