//! One row of seconds: what happened in each of the last five minutes' seconds.
//!
//! Invariant: at most `SECONDS_KEPT` points, in order of time, one a second; a second without
//! reports has no point, so a gap can be shown as a gap.

use std::collections::VecDeque;

use crate::Buckets;

pub const SECONDS_KEPT: u64 = 300;

/// What happened in one second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Point {
    /// Since 1970.
    pub second: u64,
    pub requests: u64,
    /// Answered with 500 or more.
    pub errors: u64,
    pub durations: Buckets,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    points: VecDeque<Point>,
}

// === impl Point ===

impl Point {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.durations.merge(&other.durations);
    }
}

// === impl Series ===

impl Series {
    pub(crate) fn add(&mut self, point: &Point) {
        match self.points.back_mut() {
            Some(last) if last.second == point.second => last.merge(point),
            // The wall clock went back: keep the order, count it with the newest second.
            Some(last) if last.second > point.second => last.merge(point),
            _ => self.points.push_back(point.clone()),
        }
        self.forget(point.second);
    }

    pub(crate) fn forget(&mut self, now: u64) {
        let oldest = now.saturating_sub(SECONDS_KEPT);
        while self
            .points
            .front()
            .is_some_and(|point| point.second <= oldest)
        {
            self.points.pop_front();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter()
    }

    /// All whole seconds from `first` on, before `end`, as one.
    pub(crate) fn between(&self, first: u64, end: u64) -> Point {
        let mut sum = Point::default();
        for point in self
            .points
            .iter()
            .rev()
            .take_while(|point| point.second >= first)
        {
            if point.second < end {
                sum.merge(point);
            }
        }
        sum
    }
}
