//! Any events in any order: what holds after every step.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::Overlap;
use crate::state::{Counters, Origin};

/// What a history says of the counters.
fn counted(records: &[Record]) -> Counters {
    let mut counters = Counters::default();
    for record in records.iter().filter(|record| record.role == Role::Main) {
        match &record.outcome {
            Outcome::Fired => counters.fired += 1,
            Outcome::Ok { .. } => counters.ok += 1,
            Outcome::Failed { .. } | Outcome::TimedOut { .. } => counters.failed += 1,
            Outcome::Skipped { .. } => counters.skipped += 1,
            Outcome::Missed { count, .. } => counters.missed += count,
            Outcome::Retrying { .. } | Outcome::Lost { .. } | Outcome::ChainEnded { .. } => {}
        }
    }
    counters
}

/// What may happen, before the runs that it speaks of are known.
#[derive(Debug, Clone)]
enum Happening {
    Event(Event),
    /// To the run of this number and the attempt, or one before.
    Answer(usize, u32, Answer),
    Change(&'static str),
}

fn a_happening() -> impl Strategy<Value = Happening> {
    let origin = Origin::Chained {
        job: JobId(Uuid::nil()),
        run: RunId(Uuid::nil()),
        depth: 16,
    };
    let events = select(vec![
        Event::Tick,
        Event::Tick,
        Event::TakenOver,
        Event::ClockJumped { by_ms: 3_600_000 },
        Event::ClockJumped { by_ms: -3_600_000 },
        Event::NodeLost { node: node("a") },
        Event::RunNow {
            origin: Origin::Manual,
            extra: None,
        },
        Event::RunNow {
            origin,
            extra: None,
        },
        Event::Pause { at: second(1000) },
        Event::Resume { at: second(2000) },
        Event::SkipNext,
    ]);
    let answers = select(vec![
        Answer::Accepted { node: node("a") },
        Answer::Accepted { node: node("b") },
        Answer::Refused,
        Answer::Lost,
        Answer::Finished(Ok(String::new())),
        Answer::Finished(Err(String::new())),
    ]);
    prop_oneof![
        3 => events.prop_map(Happening::Event),
        4 => (0_usize..4, 0_u32..2, answers)
            .prop_map(|(run, back, answer)| Happening::Answer(run, back, answer)),
        1 => select(vec!["", "active", "schedule", "follow"]).prop_map(Happening::Change),
    ]
}

fn a_job() -> impl Strategy<Value = Subject> {
    (
        select(vec!["skip", "once", "all"]),
        select(vec!["skip", "queue", "allow"]),
        1_u64..4,
        1_u64..4,
        proptest::option::of(1_u64..9),
        0_u64..9,
    )
        .prop_map(|(missed, overlap, max, attempts_max, repeats, jitter_s)| {
            Subject::new(|fields| {
                fields.missed = missed.into();
                fields.catch_up_max = max;
                fields.overlap = overlap.into();
                fields.overlap_max = max;
                fields.attempts_max = attempts_max;
                fields.run_time_max_ms = 25_000;
                fields.on_success_service = "crm.after".into();
                fields.on_error_job = Uuid::from_u128(8).to_string();
                fields.schedule.repeats = repeats;
                fields.schedule.jitter_s = jitter_s;
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_step_keeps_its_promises(
        mut job in a_job(),
        happenings in proptest::collection::vec((a_happening(), -3_000_i64..20_000), 1..80),
    ) {
        let mut history: Vec<Record> = Vec::new();
        let mut fired = std::collections::BTreeSet::new();
        let (mut now_ms, mut latest_ms) = (995_000, 0);
        for (happening, later_ms) in happenings {
            now_ms += later_ms;
            latest_ms = now_ms.max(latest_ms);
            let is_paused = !job.state.is_live;
            let event = match happening {
                Happening::Event(event) => event,
                Happening::Answer(index, back, answer) => {
                    let Some(run) = job.state.runs.get(index) else { continue };
                    let (run, attempt) = (run.id, run.attempt - back.min(run.attempt - 1));
                    Event::Answered { run, attempt, answer }
                }
                Happening::Change(what) => {
                    match what {
                        "active" => job.fields.is_active ^= true,
                        "schedule" => job.fields.schedule.seconds ^= 1,
                        "follow" => job.fields.on_success_service = String::new(),
                        _ => {}
                    }
                    job.spec = parse(&job.fields, Moment::from_unix_ms(now_ms));
                    Event::Tick
                }
            };
            let resumes = matches!(event, Event::Resume { .. }) || job.fields.is_active;
            job.tell_ms(now_ms, event);
            let now = Moment::from_unix_ms(now_ms);
            prop_assert!(job.wake.is_none_or(|wake| wake > now), "a wake lies ahead");
            for record in &job.records {
                if record.outcome == Outcome::Fired && record.origin == Origin::Planned && record.role == Role::Main {
                    prop_assert!(fired.insert(record.planned), "slot {} fires once", record.planned);
                    prop_assert!(!is_paused || resumes);
                    prop_assert!(record.planned.unix_ms() <= latest_ms);
                }
            }
            history.append(&mut job.records);
            prop_assert!(history.iter().zip(1..).all(|(record, number)| record.number == number));
            let counters = job.state.counters;
            prop_assert_eq!(counters, counted(&history));
            let in_flight = u64::try_from(job.state.in_flight()).unwrap();
            prop_assert_eq!(counters.fired, counters.ok + counters.failed + in_flight);
            let (runs_max, queue_max) = match job.spec.overlap {
                Overlap::Skip => (1, 0),
                Overlap::Queue { max } => (1, max),
                Overlap::Allow { max } => (max, 0),
            };
            prop_assert!(job.state.in_flight() <= runs_max && job.state.queue.len() <= queue_max);
            for run in &job.state.runs {
                prop_assert!(run.deadline.is_none_or(|deadline| deadline > now), "no run is over its limit");
                prop_assert!(run.attempt >= 1);
            }
            let text = serde_json::to_string(&job.state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<JobState>(&text).unwrap(), &job.state);
        }
    }
}
