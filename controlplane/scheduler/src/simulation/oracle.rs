//! What must hold of a whole history, said a second time and differently.

use std::collections::{BTreeMap, BTreeSet};

use super::jobs;
use super::world::World;
use crate::event::{Outcome, Record};
use crate::id::{JobId, RunId};
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::policy::{GRACE_MS, Missed};
use crate::state::{Origin, Role};

pub(super) fn check(world: &World) {
    assert!(
        world.turns > 1_000 && world.cuts > 20,
        "something happened: {} {}",
        world.turns,
        world.cuts
    );
    assert!(world.store.fence.0 > 20 && world.store.stale_refused > 0);
    for spec in &world.store.specs {
        let records: Vec<&Record> = world
            .store
            .records
            .range((spec.id, 0)..=(spec.id, u64::MAX))
            .map(|(_, record)| record)
            .collect();
        every_slot_is_decided_once(world, spec, &records);
        what_was_missed_was_too_late(spec, &records);
        every_run_ended_once_and_ran(world, spec.id, &records);
    }
    every_success_called_the_job_that_follows(world);
}

/// Fired, skipped, missed or passed in a pause: each slot exactly one of them.
fn every_slot_is_decided_once(world: &World, spec: &JobSpec, records: &[&Record]) {
    let planned = records
        .iter()
        .filter(|record| record.origin == Origin::Planned && record.role == Role::Main);
    let mut decided: BTreeSet<Moment> = BTreeSet::new();
    let mut missed: Vec<(Moment, Moment)> = Vec::new();
    for record in planned {
        match record.outcome {
            Outcome::Fired | Outcome::Skipped { .. } => {
                assert!(decided.insert(record.planned), "twice: {record:?}");
            }
            Outcome::Missed { last, .. } => missed.push((record.planned, last)),
            _ => {}
        }
    }
    let state = &world.store.states[&spec.id];
    assert!(state.runs.is_empty(), "all is over: {state:?}");
    // At the end all jobs are paused, and what waits, waits on.
    for waiting in state
        .queue
        .iter()
        .filter(|waiting| waiting.origin == Origin::Planned)
    {
        assert!(decided.insert(waiting.planned), "twice: {waiting:?}");
    }
    if let Some(repeats) = spec.schedule.repeats() {
        let remaining = state.remaining.unwrap();
        let is_run = |record: &&&Record| {
            record.outcome == Outcome::Fired
                && record.origin == Origin::Planned
                && record.role == Role::Main
        };
        let fired = records.iter().filter(is_run).count();
        let waiting = state
            .queue
            .iter()
            .filter(|waiting| waiting.origin == Origin::Planned)
            .count();
        assert_eq!(u64::try_from(fired + waiting).unwrap() + remaining, repeats);
        if remaining == 0 {
            return;
        }
    }
    let mut pauses = world.store.pauses.clone();
    pauses.retain(|pause| pause.job == spec.id);
    let slots = std::iter::successors(spec.schedule.slot_after(spec.changed_at), |slot| {
        spec.schedule.slot_after(*slot)
    });
    let mut count = 0;
    for slot in slots.take_while(|slot| *slot <= state.cursor) {
        let in_gap = missed
            .iter()
            .filter(|(first, last)| *first <= slot && slot <= *last)
            .count();
        let ways = usize::from(decided.remove(&slot)) + in_gap;
        let mut around = pauses
            .iter()
            .filter(|pause| pause.since < slot && slot <= pause.until);
        let is_right = match around.next() {
            None => ways == 1,
            Some(pause) => ways == 0 || pause.is_hidden && ways == 1,
        };
        assert!(is_right, "{slot} of {}: decided {ways} times", spec.id);
        count += 1;
    }
    assert!(decided.is_empty(), "what fired was a slot: {decided:?}");
    assert!(count > 10, "{} had {count} slots", spec.id);
    assert!(
        state.cursor.unix_ms() + 45 * 86_400_000 > world.now,
        "it went on to the end: {} {state:?}",
        spec.id
    );
}

/// A slot is given up only by the policy of its job.
fn what_was_missed_was_too_late(spec: &JobSpec, records: &[&Record]) {
    for record in records {
        let Outcome::Missed { last, count } = record.outcome else {
            continue;
        };
        let slots: Vec<Moment> =
            std::iter::successors(Some(record.planned), |slot| spec.schedule.slot_after(*slot))
                .take_while(|slot| *slot <= last)
                .collect();
        if count < 1_000 {
            assert_eq!(u64::try_from(slots.len()).unwrap(), count, "{record:?}");
        }
        let late_ms = |slot: Moment| record.at.ms_since(spec.schedule.fire_at(spec.id, slot));
        let latest = *slots.last().unwrap();
        assert!(
            late_ms(record.planned) > GRACE_MS,
            "hardly late: {record:?}"
        );
        // What was decided in the same step and is later.
        let others = || {
            let same = records
                .iter()
                .filter(|other| other.at == record.at && other.planned > last);
            same.filter(|other| other.origin == Origin::Planned && other.role == Role::Main)
        };
        match spec.missed {
            Missed::Skip => assert!(late_ms(latest) > GRACE_MS, "{record:?}"),
            Missed::Once { within_ms } => {
                let is_old = late_ms(latest) > within_ms.max(GRACE_MS);
                let next = spec.schedule.slot_after(latest).unwrap();
                assert!(
                    is_old || late_ms(next) >= 0,
                    "none was left to run: {record:?}"
                );
            }
            Missed::All { max, within_ms } => {
                let is_old = late_ms(latest) > within_ms.max(GRACE_MS);
                // Those that wait in the queue begin later.
                let next =
                    std::iter::successors(Some(latest), |slot| spec.schedule.slot_after(*slot));
                let later = next
                    .skip(1)
                    .take_while(|slot| late_ms(*slot) > GRACE_MS)
                    .count();
                assert!(
                    is_old || later >= max || others().count() >= max,
                    "{later}: {record:?}"
                );
            }
        }
    }
}

fn every_run_ended_once_and_ran(world: &World, job: JobId, records: &[&Record]) {
    let mut ends: BTreeMap<RunId, Vec<&Outcome>> = BTreeMap::new();
    for record in records {
        let Some(run) = record.run else { continue };
        let ends = ends.entry(run).or_default();
        let end = &record.outcome;
        if matches!(
            end,
            Outcome::Ok { .. } | Outcome::Failed { .. } | Outcome::TimedOut { .. }
        ) {
            ends.push(end);
        }
    }
    for (run, ends) in ends {
        let [end] = ends[..] else {
            panic!("{run} of {job} ended so: {ends:?}");
        };
        let ran = world.begun.get(&run).copied().unwrap_or(0);
        match end {
            Outcome::Ok { .. } => assert!(ran > 0, "{run} is said to have run"),
            Outcome::Failed { message, .. } if ran == 0 => {
                assert!(message.contains("node"), "{run} did not run: {message}");
            }
            _ => {}
        }
    }
}

/// The call of the next job is stored with the end of the run, so none is lost and none is doubled.
fn every_success_called_the_job_that_follows(world: &World) {
    let ok = world.store.states[&jobs::id(4)].counters.ok;
    let called = world.store.records.values().filter(|record| {
        let is_call = matches!(record.origin, Origin::Chained { job, .. } if job == jobs::id(4));
        let is_decision = matches!(record.outcome, Outcome::Fired | Outcome::Skipped { .. });
        record.job == jobs::id(5) && is_call && is_decision
    });
    let waiting = world.store.states[&jobs::id(5)]
        .queue
        .iter()
        .filter(|waiting| matches!(waiting.origin, Origin::Chained { .. }));
    assert!(ok > 20);
    assert_eq!(u64::try_from(called.count() + waiting.count()).unwrap(), ok);
}
