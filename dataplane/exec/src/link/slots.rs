//! The calls in flight on one socket: an id for each, and what may still be answered.
//!
//! Pure: no socket, no clock. A call id is the slot's index and the number of times the slot was used, so an answer
//! for an earlier user of a slot never reaches the present one. Frames on one socket are ordered and a worker is silent
//! about an id once it has read its CANCEL, so one generation of difference is enough; 16 bits are plenty.

use std::task::Waker;

use crate::call::{CallError, Reply};

/// Calls in flight on one socket. More than a worker can have running greenlets for; beyond it a queue only hides
/// that the node is too slow.
pub(crate) const CALLS_MAX: usize = 4096;

/// A call on the wire: generation in the upper half (never 0), slot in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(u32);

/// What an answer means.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The call waited for it; wake its task.
    Delivered(Option<Waker>),
    /// It crossed a CANCEL on the wire, or is for an earlier user of the slot.
    Stale,
    /// Never asked, or answered twice: the worker does not speak the protocol.
    Violation,
}

#[derive(Debug, Default)]
pub(crate) struct Slots {
    entries: Vec<Entry>,
    free: Vec<u16>,
    in_flight: usize,
}

#[derive(Debug)]
struct Entry {
    generation: u16,
    /// The worker was told to stop the present or last call: a late answer is no fault.
    cancelled: bool,
    /// Tick at which the call is overdue; `u64::MAX` = never.
    due: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Free,
    Waiting(Option<Waker>),
    Done(Result<Reply, CallError>),
}

// === impl CallId ===

impl CallId {
    pub(crate) fn from_wire(id: u32) -> Self {
        Self(id)
    }

    pub(crate) fn wire(self) -> u32 {
        self.0
    }

    fn new(index: u16, generation: u16) -> Self {
        Self((u32::from(generation) << 16) | u32::from(index))
    }

    fn index(self) -> u16 {
        u16::try_from(self.0 & 0xffff).unwrap_or_default()
    }

    fn generation(self) -> u16 {
        u16::try_from(self.0 >> 16).unwrap_or_default()
    }
}

// === impl Slots ===

impl Slots {
    /// Calls that the worker still owes an answer for.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// A slot for a new call, or none when the socket is at its limit.
    pub(crate) fn begin(&mut self, due: u64) -> Option<CallId> {
        if self.in_flight >= CALLS_MAX {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.grow()?,
        };
        let entry = self.entries.get_mut(usize::from(index))?;
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        entry.cancelled = false;
        entry.due = due;
        entry.state = State::Waiting(None);
        self.in_flight += 1;
        Some(CallId::new(index, entry.generation))
    }

    pub(crate) fn answer(&mut self, id: CallId, reply: Reply) -> Answer {
        let Some(entry) = self.entries.get_mut(usize::from(id.index())) else {
            return Answer::Violation;
        };
        if entry.generation != id.generation() {
            // The distance to the present generation, backwards and around: a slot's past is stale, its future was never asked.
            let behind = entry.generation.wrapping_sub(id.generation());
            let past = id.generation() != 0 && behind < u16::MAX / 2;
            return if past {
                Answer::Stale
            } else {
                Answer::Violation
            };
        }
        match &mut entry.state {
            State::Waiting(waker) => {
                let waker = waker.take();
                entry.state = State::Done(Ok(reply));
                self.in_flight -= 1;
                Answer::Delivered(waker)
            }
            _ if entry.cancelled => Answer::Stale,
            _ => Answer::Violation,
        }
    }

    /// The result of a call, which frees its slot; none while it waits, and then `waker` is kept.
    pub(crate) fn take(&mut self, id: CallId, waker: &Waker) -> Option<Result<Reply, CallError>> {
        let Some(entry) = self.entry(id) else {
            return Some(Err(CallError::WorkerDied));
        };
        match &mut entry.state {
            State::Waiting(Some(kept)) => {
                kept.clone_from(waker);
                return None;
            }
            State::Waiting(kept) => {
                *kept = Some(waker.clone());
                return None;
            }
            State::Free | State::Done(_) => {}
        }
        let state = std::mem::replace(&mut entry.state, State::Free);
        self.free.push(id.index());
        match state {
            State::Done(result) => Some(result),
            State::Free | State::Waiting(_) => Some(Err(CallError::WorkerDied)),
        }
    }

    /// The caller is gone. True when the worker must be told.
    pub(crate) fn abandon(&mut self, id: CallId) -> bool {
        let Some(entry) = self.entry(id) else {
            return false;
        };
        let waited = matches!(entry.state, State::Waiting(_));
        let held = !matches!(entry.state, State::Free);
        entry.cancelled |= waited;
        entry.state = State::Free;
        if waited {
            self.in_flight -= 1;
        }
        if held {
            self.free.push(id.index());
        }
        waited
    }

    /// Ends every call that is due at `tick`; `cancel` gets the id for the worker and the waker of the caller.
    pub(crate) fn expire(&mut self, tick: u64, mut cancel: impl FnMut(CallId, Option<Waker>)) {
        for (index, entry) in (0_u16..).zip(self.entries.iter_mut()) {
            if entry.due > tick {
                continue;
            }
            if let State::Waiting(waker) = &mut entry.state {
                let waker = waker.take();
                entry.cancelled = true;
                entry.state = State::Done(Err(CallError::Deadline));
                self.in_flight -= 1;
                cancel(CallId::new(index, entry.generation), waker);
            }
        }
    }

    /// The worker is gone: every waiting call ends. The wakers are the caller's to wake.
    pub(crate) fn fail_all(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for entry in &mut self.entries {
            if let State::Waiting(waker) = &mut entry.state {
                wakers.extend(waker.take());
                entry.state = State::Done(Err(CallError::WorkerDied));
            }
        }
        self.in_flight = 0;
        wakers
    }

    fn grow(&mut self) -> Option<u16> {
        let index = u16::try_from(self.entries.len()).ok()?;
        self.entries.push(Entry {
            generation: 0,
            cancelled: false,
            due: u64::MAX,
            state: State::Free,
        });
        Some(index)
    }

    fn entry(&mut self, id: CallId) -> Option<&mut Entry> {
        self.entries
            .get_mut(usize::from(id.index()))
            .filter(|entry| entry.generation == id.generation())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn reply(status: u16) -> Reply {
        Reply {
            status,
            ..Reply::default()
        }
    }

    fn taken(slots: &mut Slots, id: CallId) -> Option<Result<u16, CallError>> {
        slots
            .take(id, Waker::noop())
            .map(|result| result.map(|reply| reply.status))
    }

    #[test]
    fn answers_out_of_order_reach_their_own_calls() {
        let mut slots = Slots::default();
        let first = slots.begin(u64::MAX).unwrap();
        let second = slots.begin(u64::MAX).unwrap();
        assert!(matches!(
            slots.answer(second, reply(202)),
            Answer::Delivered(_)
        ));
        assert_eq!(taken(&mut slots, first), None);
        assert_eq!(taken(&mut slots, second), Some(Ok(202)));
        assert!(matches!(
            slots.answer(first, reply(201)),
            Answer::Delivered(Some(_))
        ));
        assert_eq!(taken(&mut slots, first), Some(Ok(201)));
        assert_eq!(slots.in_flight(), 0);
    }

    #[test]
    fn a_late_answer_never_reaches_the_next_user_of_the_slot() {
        let mut slots = Slots::default();
        let first = slots.begin(u64::MAX).unwrap();
        assert!(slots.abandon(first));
        assert!(matches!(slots.answer(first, reply(200)), Answer::Stale));
        let second = slots.begin(u64::MAX).unwrap();
        assert_eq!(first.index(), second.index());
        assert!(matches!(slots.answer(first, reply(200)), Answer::Stale));
        assert_eq!(taken(&mut slots, second), None);
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_a_violation() {
        let mut slots = Slots::default();
        let id = slots.begin(u64::MAX).unwrap();
        let next_generation = CallId::new(id.index(), id.generation() + 1);
        assert!(matches!(
            slots.answer(CallId::from_wire(0), reply(200)),
            Answer::Violation
        ));
        assert!(matches!(
            slots.answer(next_generation, reply(200)),
            Answer::Violation
        ));
        assert!(matches!(
            slots.answer(CallId::new(77, 1), reply(200)),
            Answer::Violation
        ));
        assert!(matches!(slots.answer(id, reply(200)), Answer::Delivered(_)));
        assert!(matches!(slots.answer(id, reply(200)), Answer::Violation));
    }

    #[test]
    fn a_due_call_ends_with_deadline_and_its_late_answer_is_stale() {
        let mut slots = Slots::default();
        let id = slots.begin(5).unwrap();
        let never = slots.begin(u64::MAX).unwrap();
        let mut cancelled = Vec::new();
        slots.expire(4, |id, _| cancelled.push(id));
        slots.expire(5, |id, _| cancelled.push(id));
        assert_eq!(cancelled, [id]);
        assert!(matches!(slots.answer(id, reply(200)), Answer::Stale));
        assert_eq!(taken(&mut slots, id), Some(Err(CallError::Deadline)));
        assert_eq!(taken(&mut slots, never), None);
    }

    #[test]
    fn a_dead_worker_ends_all_its_calls_and_keeps_what_was_answered() {
        let mut slots = Slots::default();
        let waiting = slots.begin(u64::MAX).unwrap();
        let answered = slots.begin(u64::MAX).unwrap();
        slots.answer(answered, reply(200));
        slots.fail_all();
        assert_eq!(taken(&mut slots, waiting), Some(Err(CallError::WorkerDied)));
        assert_eq!(taken(&mut slots, answered), Some(Ok(200)));
    }

    #[test]
    fn a_socket_takes_no_more_calls_than_its_limit() {
        let mut slots = Slots::default();
        let ids: Vec<CallId> = std::iter::from_fn(|| slots.begin(u64::MAX)).collect();
        assert_eq!(ids.len(), CALLS_MAX);
        assert!(slots.abandon(ids[0]));
        assert!(slots.begin(u64::MAX).is_some());
    }

    proptest::proptest! {
        /// Whatever is answered, late, twice or for nobody: a call gets its own answer or none.
        #[test]
        fn no_call_ever_gets_the_answer_of_another(
            steps in proptest::collection::vec((0_u8..5, proptest::prelude::any::<usize>()), 1..400),
        ) {
            let mut slots = Slots::default();
            let mut issued = vec![CallId::from_wire(0)];
            let mut live = Vec::new();
            for (step, pick) in steps {
                let id = issued[pick % issued.len()];
                match step {
                    0 => {
                        let id = slots.begin(pick as u64 % 10).unwrap();
                        assert!(!issued.contains(&id));
                        issued.push(id);
                        live.push(id);
                    }
                    1 => {
                        let body = id.wire().to_le_bytes().to_vec().into();
                        slots.answer(id, Reply { body, ..Reply::default() });
                    }
                    2 => slots.expire(pick as u64 % 10, |id, _| assert!(live.contains(&id))),
                    3 if live.contains(&id) => {
                        if let Some(result) = slots.take(id, Waker::noop()) {
                            live.retain(|other| *other != id);
                            assert!(result.is_err() || result.unwrap().body == id.wire().to_le_bytes()[..]);
                        }
                    }
                    4 if live.contains(&id) => {
                        slots.abandon(id);
                        live.retain(|other| *other != id);
                    }
                    _ => {}
                }
                assert!(slots.in_flight() <= live.len());
            }
        }
    }
}
