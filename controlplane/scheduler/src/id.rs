//! Ids of jobs and runs.
//!
//! Owns how a run's id is made; refuses randomness and clocks. Invariant: the same run gets the same
//! id from whoever makes it, so a turn that is repeated after a failure makes no second run.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::mix;
use crate::moment::Moment;

/// Identity of a job; stays when it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

/// Identity of a run, through all its attempts: what a service uses to notice that it runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

// === impl JobId ===

impl JobId {
    /// The two halves of the id, for mixing.
    pub(crate) fn halves(self) -> [u64; 2] {
        let (high, low) = self.0.as_u64_pair();
        [high, low]
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl RunId ===

impl RunId {
    /// The id of a job's run number `serial`: a UUID of version 7 with the planned time in front, so
    /// that ids sort as runs were planned, and the rest mixed from job, time and number.
    pub fn derive(job: JobId, planned: Moment, serial: u64) -> Self {
        let [high, low] = job.halves();
        let ms = planned.unix_ms().unsigned_abs();
        let first = mix::words(&[high, low, ms, serial]);
        let second = mix::words(&[first, serial, ms, low, high]);
        let mut random = [0; 10];
        for (to, from) in random
            .iter_mut()
            .zip(first.to_be_bytes().into_iter().chain(second.to_be_bytes()))
        {
            *to = from;
        }
        Self(Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_as_planned_and_never_meet() {
        let jobs: Vec<JobId> = (0..10).map(|n| JobId(Uuid::from_u128(n))).collect();
        let mut ids = Vec::new();
        for ms in 0..100 {
            for serial in 0..5 {
                for job in &jobs {
                    ids.push(RunId::derive(
                        *job,
                        Moment::from_unix_ms(ms * 1_000),
                        serial,
                    ));
                }
            }
        }
        assert!(
            ids.chunks(50)
                .zip(ids.chunks(50).skip(1))
                .all(|(early, late)| early.iter().max() < late.iter().min())
        );
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
    }
}
