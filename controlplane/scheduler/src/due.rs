//! Which slots have passed, and which of them fire.
//!
//! Owns the policy for missed runs; refuses to fire. Invariant: every slot that has passed is either
//! among `runs` or between the bounds of `missed`, and never asked about again.

use std::collections::VecDeque;

use crate::job::JobSpec;
use crate::moment::Moment;
use crate::policy::{GRACE_MS, Missed};

/// Slots are at least a second apart: so many can be on time at once.
const ON_TIME_MAX: usize = 11;
/// Enough to see that it was very long; counting on would cost a leader seconds after an outage.
const COUNTED_MAX: u64 = 1_000;
/// Where the search for the latest slots begins: how far back, and how much further each time.
const SEARCH_MS: i64 = 60_000;
const SEARCH_FACTOR: i64 = 8;

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Slots that fire now, in order.
    pub(crate) runs: Vec<Moment>,
    pub(crate) missed: Option<Gap>,
    /// The last slot that has passed.
    pub(crate) cursor: Moment,
}

/// Slots that passed and do not fire.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) first: Moment,
    /// No missed slot is later; it need not be one.
    pub(crate) last: Moment,
    /// At most [`COUNTED_MAX`] and what was looked at.
    pub(crate) count: u64,
}

/// What is due of the slots after `cursor`; `None` when nothing is.
pub(crate) fn due(spec: &JobSpec, cursor: Moment, now: Moment) -> Option<Due> {
    let late_ms = |slot: Moment| now.ms_since(spec.schedule.fire_at(spec.id, slot));
    let first = spec.schedule.slot_after(cursor)?;
    if late_ms(first) < 0 {
        return None;
    }
    let slots = latest(spec, cursor, now);
    let last = *slots.back()?;
    let runs: Vec<Moment> = match spec.missed {
        Missed::Skip => select(&slots, |slot| late_ms(slot) <= GRACE_MS),
        Missed::Once { .. } if late_ms(first) <= GRACE_MS => slots.iter().copied().collect(),
        Missed::Once { within_ms } => select(&slots, |slot| {
            slot == last && late_ms(slot) <= within_ms.max(GRACE_MS)
        }),
        Missed::All { max, within_ms } => {
            let mut runs = select(&slots, |slot| late_ms(slot) <= within_ms.max(GRACE_MS));
            let late = runs.partition_point(|slot| late_ms(*slot) > GRACE_MS);
            runs.drain(..late.saturating_sub(max));
            runs
        }
    };
    Some(Due {
        missed: gap(spec, first, runs.first().copied(), last),
        runs,
        cursor: last,
    })
}

/// The latest slots that are due, in order: as many as can fire. At least one is due.
fn latest(spec: &JobSpec, cursor: Moment, now: Moment) -> VecDeque<Moment> {
    let keep = match spec.missed {
        Missed::Skip | Missed::Once { .. } => ON_TIME_MAX,
        Missed::All { max, .. } => max + ON_TIME_MAX,
    };
    let mut back_ms = SEARCH_MS;
    loop {
        let from = now.plus_ms(-back_ms).max(cursor);
        let mut slots = VecDeque::new();
        let mut next = spec.schedule.slot_after(from);
        while let Some(slot) = next.filter(|slot| spec.schedule.fire_at(spec.id, *slot) <= now) {
            if slots.len() == keep {
                slots.pop_front();
            }
            slots.push_back(slot);
            next = spec.schedule.slot_after(slot);
        }
        if slots.len() == keep || from == cursor {
            return slots;
        }
        back_ms = back_ms.saturating_mul(SEARCH_FACTOR);
    }
}

/// The slots from `first` on that are earlier than the first run or, without one, up to `last`.
fn gap(spec: &JobSpec, first: Moment, run: Option<Moment>, last: Moment) -> Option<Gap> {
    let last = run.map_or(last, |run| run.plus_ms(-1));
    if first > last {
        return None;
    }
    let mut count = 1;
    let mut slot = first;
    while count < COUNTED_MAX
        && let Some(next) = spec.schedule.slot_after(slot).filter(|next| *next <= last)
    {
        slot = next;
        count += 1;
    }
    Some(Gap { first, last, count })
}

fn select(slots: &VecDeque<Moment>, passes: impl Fn(Moment) -> bool) -> Vec<Moment> {
    slots.iter().copied().filter(|slot| passes(*slot)).collect()
}
