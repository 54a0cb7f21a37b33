//! What the deltas of one session are applied to.
//!
//! Owns the snapshot that this session brought last, whether or not it was served. Invariant: what is held is sound, and
//! while a whole snapshot is asked for, nothing is made of deltas and nothing is asked for twice.

use bascule_proto::config::v1 as proto;
use bascule_proto::{DeltaError, Encoded, WireError};

/// Begins with what the session's Hello says that the node serves.
#[derive(Debug)]
pub(crate) struct Base {
    held: Option<Encoded>,
    is_asking: bool,
}

/// Why a delta is of no use here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("there is no snapshot that it could be applied to")]
    NoBase,
    #[error("the delta does not fit")]
    Delta(#[from] DeltaError),
}

// === impl Base ===

impl Base {
    pub(crate) fn new(serving: Option<Encoded>) -> Self {
        Self {
            held: serving,
            is_asking: false,
        }
    }

    /// A whole snapshot is held whatever was there before. One with a wrong hash is handed on, to be refused with its
    /// reason, and is no base.
    pub(crate) fn whole(&mut self, snapshot: &proto::Snapshot) -> Result<Encoded, WireError> {
        let encoded = Encoded::of(snapshot)?;
        self.is_asking = false;
        self.held = encoded.is_sound().then(|| encoded.clone());
        Ok(encoded)
    }

    /// The snapshot that `delta` makes; `None` while a whole one is on its way.
    pub(crate) fn delta(&mut self, delta: &proto::Delta) -> Result<Option<Encoded>, Misfit> {
        if self.is_asking {
            return Ok(None);
        }
        let base = self.held.as_ref().ok_or(Misfit::NoBase)?;
        let made = bascule_proto::apply(base, delta)?;
        self.held = Some(made.clone());
        Ok(Some(made))
    }

    /// The whole snapshot was asked for.
    pub(crate) fn asked(&mut self) {
        self.is_asking = true;
    }
}

#[cfg(test)]
mod tests {
    use bascule_proto::{Outline, between, snapshot_hash};

    use super::*;

    fn snapshot(generation: u64) -> proto::Snapshot {
        let mut snapshot = proto::Snapshot {
            generation,
            ..Default::default()
        };
        snapshot.hash = snapshot_hash(&snapshot).to_vec().into();
        snapshot
    }

    fn encoded(generation: u64) -> Encoded {
        Encoded::of(&snapshot(generation)).unwrap()
    }

    fn delta(from: u64, to: u64) -> proto::Delta {
        between(&Outline::of(&encoded(from)), &encoded(to))
    }

    #[test]
    fn deltas_follow_each_other_from_what_serves() {
        let mut base = Base::new(Some(encoded(1)));
        assert_eq!(base.delta(&delta(1, 2)), Ok(Some(encoded(2))));
        assert_eq!(base.delta(&delta(2, 5)), Ok(Some(encoded(5))));
        let misfit = base.delta(&delta(1, 6));
        let expected = DeltaError::Base { wanted: 1, has: 5 };
        assert_eq!(misfit, Err(expected.into()));
        assert_eq!(base.delta(&delta(5, 6)), Ok(Some(encoded(6))));
    }

    #[test]
    fn while_the_whole_is_asked_for_deltas_are_passed_over() {
        let mut base = Base::new(None);
        assert_eq!(base.delta(&delta(1, 2)), Err(Misfit::NoBase));
        base.asked();
        assert_eq!(base.delta(&delta(2, 3)), Ok(None));
        base.whole(&snapshot(3)).unwrap();
        assert_eq!(base.delta(&delta(3, 4)), Ok(Some(encoded(4))));
    }

    #[test]
    fn a_whole_with_a_wrong_hash_is_no_base() {
        let mut base = Base::new(Some(encoded(1)));
        let wrong = proto::Snapshot {
            hash: vec![7; 32].into(),
            ..snapshot(2)
        };
        assert!(!base.whole(&wrong).unwrap().is_sound());
        assert_eq!(base.delta(&delta(1, 2)), Err(Misfit::NoBase));
    }
}
