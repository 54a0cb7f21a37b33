//! What the tests of all kinds do: parse an example with some fields changed.

use serde_json::{Map, Value};

use super::Kind;
use crate::object::{Spec, merge_patch};

/// The example `index` of `kind` with `patch` on top: its spec, or every fault.
pub(super) fn changed(kind: &Kind, index: usize, patch: &Value) -> Result<Spec, Vec<String>> {
    let mut given: Map<String, Value> = serde_json::from_str(kind.examples[index]).unwrap();
    merge_patch(&mut given, patch.as_object().unwrap().clone()).unwrap();
    let parsed = kind.parse(given).map(|(_, spec)| spec);
    parsed.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Each patch is refused with exactly this fault.
#[track_caller]
pub(super) fn refused(kind: &Kind, index: usize, patches: &[(Value, &str)]) {
    for (patch, fault) in patches {
        let errors = changed(kind, index, patch).expect_err(&patch.to_string());
        assert_eq!(errors, [*fault], "{patch}");
    }
}

/// Each patch is taken.
#[track_caller]
pub(super) fn taken(kind: &Kind, index: usize, patches: &[Value]) {
    for patch in patches {
        if let Err(errors) = changed(kind, index, patch) {
            panic!("{patch}: {errors:?}");
        }
    }
}

/// Whether the two cannot both be.
pub(super) fn collide(kind: &Kind, left: &Spec, right: &Spec) -> bool {
    let keys = |spec| (kind.rules.claims)(spec).into_iter().map(|claim| claim.key);
    keys(left).any(|key| keys(right).any(|other| other == key))
}
