//! Which job wants attention next.
//!
//! Owns one time for each job; refuses to know why. Invariant: a job stands here at most once, so a
//! job that changes its time leaves nothing behind. Every change costs O(log n): an ordered set takes
//! entries out of its middle, which a binary heap would have to leave in as stale.

use std::collections::{BTreeSet, HashMap};

use crate::id::JobId;
use crate::moment::Moment;

/// Jobs in the order of the moments at which they want a tick.
#[derive(Debug, Default)]
pub struct Planner {
    order: BTreeSet<(Moment, JobId)>,
    times: HashMap<JobId, Moment>,
}

// === impl Planner ===

impl Planner {
    /// Sets when a job is due; `None` forgets it.
    pub fn set(&mut self, job: JobId, at: Option<Moment>) {
        let before = match at {
            Some(at) => self.times.insert(job, at),
            None => self.times.remove(&job),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, job));
        }
        if let Some(at) = at {
            self.order.insert((at, job));
        }
    }

    /// The earliest moment at which a job is due.
    pub fn next(&self) -> Option<Moment> {
        self.order.first().map(|(at, _job)| *at)
    }

    /// Takes out the jobs that are due, earliest first, at most `max`; who asks sets them again.
    pub fn due(&mut self, now: Moment, max: usize) -> Vec<JobId> {
        let mut jobs = Vec::new();
        while jobs.len() < max
            && self.next().is_some_and(|at| at <= now)
            && let Some((_at, job)) = self.order.pop_first()
        {
            self.times.remove(&job);
            jobs.push(job);
        }
        jobs
    }

    /// How many jobs are waiting.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn job(n: u8) -> JobId {
        JobId(Uuid::from_u128(n.into()))
    }

    proptest! {
        #[test]
        fn it_is_like_a_list_that_is_sorted(
            changes in proptest::collection::vec((0_u8..20, proptest::option::of(0_i64..100)), 0..200),
            now in 0_i64..100,
            max in 0_usize..30,
        ) {
            let mut planner = Planner::default();
            let mut list: HashMap<JobId, Moment> = HashMap::new();
            for (n, at) in changes {
                let at = at.map(Moment::from_unix_ms);
                planner.set(job(n), at);
                match at {
                    Some(at) => list.insert(job(n), at),
                    None => list.remove(&job(n)),
                };
                prop_assert_eq!(planner.len(), list.len());
                prop_assert_eq!(planner.next(), list.values().min().copied());
            }
            let now = Moment::from_unix_ms(now);
            let mut due: Vec<(Moment, JobId)> =
                list.into_iter().map(|(job, at)| (at, job)).filter(|(at, _)| *at <= now).collect();
            due.sort();
            let expected: Vec<JobId> = due.into_iter().map(|(_, job)| job).take(max).collect();
            prop_assert_eq!(planner.due(now, max), expected);
        }
    }

    #[test]
    fn ten_thousand_jobs_are_planned_and_planned_again() {
        let mut planner = Planner::default();
        let id = |n: u128| JobId(Uuid::from_u128(n));
        for round in 0..10 {
            for n in 0..10_000 {
                let ms = i64::try_from((n * 7_919 + round * 31) % 10_007).unwrap();
                planner.set(id(n), Some(Moment::from_unix_ms(ms)));
            }
        }
        assert_eq!(planner.len(), 10_000);
        let all = planner.due(Moment::from_unix_ms(20_000), usize::MAX);
        assert_eq!(all.len(), 10_000);
        assert!(planner.is_empty() && planner.next().is_none());
    }
}
