//! The state machine of a job: a subject that is told things at times, and what it then wants.

mod fire;
mod random;
mod run;

use cp_model::NodeName;
use uuid::Uuid;

use super::*;
use crate::event::{Answer, Order};
use crate::id::JobId;
use crate::job::JobFields;
use crate::schedule::ScheduleFields;

/// A job whose interval of ten seconds began at second 1000; made at second 995.
#[derive(Debug)]
struct Subject {
    fields: JobFields,
    spec: JobSpec,
    state: JobState,
    wake: Option<Moment>,
    orders: Vec<Order>,
    records: Vec<Record>,
    others: Vec<Effect>,
}

impl Subject {
    fn new(change: impl FnOnce(&mut JobFields)) -> Self {
        let mut fields = JobFields {
            service: "crm.sync".into(),
            extra: "payload".into(),
            schedule: ScheduleFields {
                kind: "interval".into(),
                start: "1970-01-01T00:16:40Z".into(),
                seconds: 10,
                ..ScheduleFields::default()
            },
            ..JobFields::default()
        };
        change(&mut fields);
        let spec = parse(&fields, second(995));
        let state = JobState::new(&spec, second(995));
        Self {
            fields,
            spec,
            state,
            wake: None,
            orders: Vec::new(),
            records: Vec::new(),
            others: Vec::new(),
        }
    }

    fn tell(&mut self, at: i64, event: Event) -> &mut Self {
        self.tell_ms(at * 1_000, event)
    }

    fn tell_ms(&mut self, at_ms: i64, event: Event) -> &mut Self {
        let now = Moment::from_unix_ms(at_ms);
        let (state, effects) = step(self.state.clone(), &self.spec, event, now);
        self.state = state;
        self.orders.clear();
        self.records.clear();
        self.others.clear();
        self.wake = None;
        for effect in effects {
            assert_eq!(self.wake, None, "the wake is last");
            match effect {
                Effect::Dispatch(order) => self.orders.push(order),
                Effect::Record(record) => self.records.push(record),
                Effect::Wake(at) => self.wake = Some(at),
                other => self.others.push(other),
            }
        }
        self
    }

    fn tick(&mut self, at: i64) -> &mut Self {
        self.tell(at, Event::Tick)
    }

    fn change(&mut self, at: i64, change: impl FnOnce(&mut JobFields)) -> &mut Self {
        change(&mut self.fields);
        self.spec = parse(&self.fields, second(at));
        self.tick(at)
    }

    /// Answers the last attempt of the oldest run of the job itself.
    fn answer(&mut self, at: i64, answer: Answer) -> &mut Self {
        let first = self.state.runs.first().expect("a run");
        let (run, attempt) = (first.id, first.attempt);
        self.tell(
            at,
            Event::Answered {
                run,
                attempt,
                answer,
            },
        )
    }

    fn accept(&mut self, at: i64, name: &str) -> &mut Self {
        self.answer(at, Answer::Accepted { node: node(name) })
    }

    /// A node confirms all that was sent last.
    fn accept_all(&mut self, at: i64) -> &mut Self {
        for order in std::mem::take(&mut self.orders) {
            let (run, attempt) = (order.run, order.attempt);
            let answer = Answer::Accepted { node: node("a") };
            self.tell(
                at,
                Event::Answered {
                    run,
                    attempt,
                    answer,
                },
            );
        }
        self
    }

    fn finish(&mut self, at: i64) -> &mut Self {
        self.answer(at, Answer::Finished(Ok("done".into())))
    }

    fn fail(&mut self, at: i64) -> &mut Self {
        self.answer(at, Answer::Finished(Err("no".into())))
    }

    #[track_caller]
    fn sends(&mut self, planned: &[i64]) -> &mut Self {
        let sent: Vec<i64> = self
            .orders
            .iter()
            .map(|order| order.planned.unix_s())
            .collect();
        assert_eq!(sent, planned);
        self
    }

    #[track_caller]
    fn wakes(&mut self, at: i64) -> &mut Self {
        assert_eq!(self.wake, Some(second(at)));
        self
    }

    /// Fired, ok, failed, skipped, missed.
    #[track_caller]
    fn counts(&mut self, expected: [u64; 5]) -> &mut Self {
        let counters = self.state.counters;
        let counted = [
            counters.fired,
            counters.ok,
            counters.failed,
            counters.skipped,
            counters.missed,
        ];
        assert_eq!(counted, expected);
        self
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.records
            .iter()
            .map(|record| record.outcome.clone())
            .collect()
    }
}

fn parse(fields: &JobFields, changed_at: Moment) -> JobSpec {
    JobSpec::parse(JobId(Uuid::from_u128(7)), fields, changed_at).unwrap()
}

fn second(at: i64) -> Moment {
    Moment::from_unix_s(at)
}

fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}
