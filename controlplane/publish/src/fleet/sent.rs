//! What a session was sent, and so what it may say that it runs or refuses.
//!
//! Invariant: a node is believed to run a generation only when this session sent it and the node names its hash, which it
//! can know from that message alone.

use std::collections::VecDeque;

use cp_model::Generation;

use crate::published::Stamp;

/// Generations on their way to a node, 64 bytes each. Behind the stream there is a socket whose buffers hold that many small
/// deltas when the node stands still; the answer to one that is forgotten counts as a false claim, and the next one heals it.
const SENT_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<Stamp>);

/// Why a node is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("generation {0} was not sent by this session")]
    NeverSent(Generation),
    #[error("generation {0} has another hash")]
    Hash(Generation),
    #[error("the session is not the node's newest")]
    Session,
}

// === impl Sent ===

impl Sent {
    pub(super) fn add(&mut self, stamp: Stamp) {
        if self.0.back() == Some(&stamp) {
            return;
        }
        if self.0.len() == SENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(stamp);
    }

    /// The node refused `generation`, whose hash it may not have been able to make.
    pub(super) fn refused(&mut self, generation: Generation) -> Result<(), ClaimError> {
        self.find(generation)?;
        self.forget_before(generation);
        Ok(())
    }

    pub(super) fn acknowledged(&mut self, claimed: &Stamp) -> Result<(), ClaimError> {
        let generation = claimed.generation;
        if self.find(generation)? != claimed {
            return Err(ClaimError::Hash(generation));
        }
        self.forget_before(generation);
        Ok(())
    }

    fn find(&self, generation: Generation) -> Result<&Stamp, ClaimError> {
        let sent = self.0.iter().find(|sent| sent.generation == generation);
        sent.ok_or(ClaimError::NeverSent(generation))
    }

    /// A node answers in the order of what it got, and may answer the same once more.
    fn forget_before(&mut self, generation: Generation) {
        self.0.retain(|sent| sent.generation >= generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(generation: u64) -> Stamp {
        Stamp::of(generation, &generation.to_le_bytes())
    }

    fn sent(generations: impl IntoIterator<Item = u64>) -> Sent {
        let mut sent = Sent::default();
        generations.into_iter().for_each(|g| sent.add(stamp(g)));
        sent
    }

    fn acknowledge(sent: &mut Sent, generation: u64) -> Result<(), ClaimError> {
        sent.acknowledged(&stamp(generation))
    }

    #[test]
    fn only_what_was_sent_is_acknowledged_and_only_with_its_hash() {
        let mut sent = sent([3, 5]);
        for never in [0, 2, 4, 6] {
            let refused = Err(ClaimError::NeverSent(Generation(never)));
            assert_eq!(acknowledge(&mut sent, never), refused);
        }
        for wrong in [&b""[..], &stamp(3).hash] {
            let refused = Err(ClaimError::Hash(Generation(5)));
            assert_eq!(sent.acknowledged(&Stamp::of(5, wrong)), refused);
        }
        assert_eq!(acknowledge(&mut sent, 3), Ok(()));
        assert_eq!(acknowledge(&mut sent, 3), Ok(()), "once more");
        assert_eq!(acknowledge(&mut sent, 5), Ok(()));
        let late = acknowledge(&mut sent, 3);
        assert_eq!(late, Err(ClaimError::NeverSent(Generation(3))));
    }

    #[test]
    fn what_nobody_answers_is_bounded() {
        let mut sent = sent(1..=10_000);
        assert_eq!(sent.0.len(), SENT_MAX);
        assert_eq!(acknowledge(&mut sent, 10_000), Ok(()));
        assert_eq!(sent.0.len(), 1);
        sent.add(stamp(10_000));
        assert_eq!(sent.0.len(), 1, "the whole again is the same");
    }
}
