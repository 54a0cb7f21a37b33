//! A leader with several jobs: what a turn stores and what it does.

use uuid::Uuid;

use super::*;
use crate::event::{Answer, Outcome};
use crate::job::JobFields;
use crate::port::CommandId;
use crate::schedule::ScheduleFields;

fn id(n: u128) -> JobId {
    JobId(Uuid::from_u128(n))
}

/// A job that fires each ten seconds from second 1000 on, made at second 995.
fn spec(n: u128, change: impl FnOnce(&mut JobFields)) -> JobSpec {
    let mut fields = JobFields {
        service: "crm.sync".into(),
        schedule: ScheduleFields {
            kind: "interval".into(),
            start: "1970-01-01T00:16:40Z".into(),
            seconds: 10,
            ..ScheduleFields::default()
        },
        ..JobFields::default()
    };
    change(&mut fields);
    JobSpec::parse(id(n), &fields, Moment::from_unix_s(995)).unwrap()
}

fn loaded(specs: Vec<JobSpec>) -> Loaded {
    Loaded {
        revision: Revision(1),
        jobs: specs
            .into_iter()
            .map(|spec| LoadedJob { spec, state: None })
            .collect(),
        ..Loaded::default()
    }
}

/// Both clocks, at a second of the wall clock.
fn now(s: i64) -> Now {
    Now {
        wall: Moment::from_unix_s(s),
        monotonic_ms: s.unsigned_abs() * 1_000,
    }
}

fn command(n: u64, job: JobId, ask: Ask) -> Input {
    Input::Commanded(Command {
        id: CommandId(n),
        job,
        at: Moment::from_unix_s(995),
        ask,
    })
}

fn orders(turn: &Turn) -> Vec<&Order> {
    turn.actions
        .iter()
        .filter_map(|action| match action {
            Action::Send(order) => Some(order),
            Action::Watch(_) | Action::Cancel(_) => None,
        })
        .collect()
}

fn answered(order: &Order, answer: Answer) -> Input {
    Input::Answered {
        job: order.job,
        run: order.run,
        attempt: order.attempt,
        answer,
    }
}

#[test]
fn a_job_that_is_new_is_stored_at_once_and_then_only_when_it_changes() {
    let mut leader = Leader::new(loaded(vec![spec(1, |_| {})]), now(996));
    assert!(leader.next_wake().unwrap() < now(996).wall);
    let turn = leader.turn(Vec::new(), now(996));
    assert_eq!(turn.batch.states.len(), 1);
    assert_eq!(leader.next_wake(), Some(now(1000).wall));
    assert!(leader.turn(Vec::new(), now(997)).batch.is_empty());
    let turn = leader.turn(Vec::new(), now(1000));
    assert_eq!((turn.batch.states.len(), orders(&turn).len()), (1, 1));
    assert_eq!(turn.batch.records[0].outcome, Outcome::Fired);
}

#[test]
fn all_jobs_that_are_due_share_a_batch_and_very_many_share_two() {
    let specs = (0..3_000).map(|n| spec(n, |_| {})).collect();
    let mut leader = Leader::new(loaded(specs), now(996));
    let first = leader.turn(Vec::new(), now(996)).batch.states.len();
    let second = leader.turn(Vec::new(), now(996)).batch.states.len();
    assert_eq!((first, second), (2_000, 1_000));
    assert_eq!(orders(&leader.turn(Vec::new(), now(1000))).len(), 2_000);
    assert!(leader.next_wake().unwrap() <= now(1000).wall);
    assert_eq!(orders(&leader.turn(Vec::new(), now(1000))).len(), 1_000);
    assert_eq!(leader.len(), 3_000);
}

#[test]
fn a_turn_after_a_long_outage_is_cut_by_what_was_missed() {
    let specs = (0..500).map(|n| spec(n, |_| {})).collect();
    let later = now(1_000 + 86_400);
    let mut leader = Leader::new(loaded(specs), later);
    let mut turns = 0;
    while leader.next_wake().is_some_and(|at| at <= later.wall) {
        let turn = leader.turn(Vec::new(), later);
        assert!((100..=150).contains(&turn.batch.states.len()));
        turns += 1;
    }
    assert_eq!(turns, 5);
}

#[test]
fn a_command_is_done_in_the_turn_that_says_so() {
    let mut leader = Leader::new(loaded(vec![spec(1, |_| {})]), now(996));
    let asks = vec![
        command(7, id(1), Ask::Pause),
        command(
            8,
            id(1),
            Ask::RunNow {
                extra: Some("x".into()),
            },
        ),
        command(9, id(2), Ask::Pause),
    ];
    let turn = leader.turn(asks, now(997));
    assert_eq!(
        turn.batch.commands_done,
        [CommandId(7), CommandId(8), CommandId(9)]
    );
    assert!(turn.batch.states[0].1.is_paused);
    assert_eq!(&*orders(&turn)[0].extra, "x");
    assert!(orders(&leader.turn(Vec::new(), now(1000))).is_empty());
    let asks = vec![
        command(10, id(1), Ask::Resume),
        command(11, id(1), Ask::SkipNext),
    ];
    let state = &leader.turn(asks, now(1001)).batch.states[0].1;
    assert!(!state.is_paused && state.skip_next);
}

#[test]
fn a_job_that_follows_is_told_in_the_same_batch() {
    let first = spec(1, |fields| fields.on_success_job = id(2).0.to_string());
    let second = spec(2, |fields| fields.is_active = true);
    let mut leader = Leader::new(loaded(vec![first, second]), now(996));
    leader.turn(Vec::new(), now(996));
    let run_now = command(1, id(1), Ask::RunNow { extra: None });
    let turn = leader.turn(vec![run_now], now(997));
    let order = orders(&turn)[0].clone();
    let turn = leader.turn(
        vec![answered(&order, Answer::Finished(Ok(String::new())))],
        now(998),
    );
    assert_eq!(turn.batch.states.len(), 2);
    assert_eq!(orders(&turn)[0].job, id(2));
    assert!(matches!(turn.batch.records[1].origin, Origin::Chained { job, .. } if job == id(1)));
}

#[test]
fn a_new_leader_goes_on_from_what_was_stored() {
    let mut leader = Leader::new(loaded(vec![spec(1, |_| {})]), now(996));
    let turn = leader.turn(Vec::new(), now(1000));
    let (order, state) = (orders(&turn)[0].clone(), turn.batch.states[0].1.clone());
    let mut changed = loaded(vec![spec(1, |_| {})]);
    changed.jobs[0].state = Some(state);
    let mut next = Leader::new(changed, now(1003));
    let turn = next.turn(Vec::new(), now(1003));
    let again = orders(&turn)[0];
    assert_eq!((again.run, again.attempt), (order.run, 2));
    assert_eq!(turn.batch.states[0].1.counters.fired, 1);
}

#[test]
fn jobs_change_and_go_by_reload() {
    let mut leader = Leader::new(loaded(vec![spec(1, |_| {}), spec(2, |_| {})]), now(996));
    leader.turn(Vec::new(), now(996));
    let mut change = loaded(vec![spec(1, |fields| fields.service = "crm.other".into())]);
    change.revision = Revision(5);
    change.removed = vec![id(2), id(3)];
    leader.reload(change, now(997).wall);
    assert_eq!(leader.revision(), Revision(5));
    let turn = leader.turn(Vec::new(), now(1000));
    let sent = orders(&turn);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].service.as_str(), "crm.other");
    assert!(leader.job(id(2)).is_none());
}

#[test]
fn limits_do_not_pass_because_the_clock_was_changed() {
    let quick = spec(1, |fields| fields.run_time_max_ms = 60_000);
    let mut leader = Leader::new(loaded(vec![quick]), now(996));
    let turn = leader.turn(Vec::new(), now(1000));
    let order = orders(&turn)[0].clone();
    let node = cp_model::NodeName::parse("a").unwrap();
    leader.turn(vec![answered(&order, Answer::Accepted { node })], now(1000));
    let ahead = |s: i64| Now {
        wall: Moment::from_unix_s(s + 3_600),
        ..now(s)
    };
    let turn = leader.turn(Vec::new(), ahead(1001));
    assert!(
        turn.batch
            .records
            .iter()
            .all(|record| !matches!(record.outcome, Outcome::TimedOut { .. }))
    );
    let (_, state) = leader.job(id(1)).unwrap();
    assert_eq!(
        state.runs[0].deadline,
        Some(Moment::from_unix_s(1060 + 3_600))
    );
    let turn = leader.turn(Vec::new(), ahead(1060));
    assert!(
        turn.batch
            .records
            .iter()
            .any(|record| matches!(record.outcome, Outcome::TimedOut { .. }))
    );
}

#[test]
fn a_lost_node_is_told_to_the_jobs_that_run_on_it() {
    let mut leader = Leader::new(loaded(vec![spec(1, |_| {}), spec(2, |_| {})]), now(996));
    let turn = leader.turn(Vec::new(), now(1000));
    let node = |name: &str| cp_model::NodeName::parse(name).unwrap();
    let accepts = orders(&turn)
        .iter()
        .zip(["a", "b"])
        .map(|(order, name)| answered(order, Answer::Accepted { node: node(name) }))
        .collect();
    let first = orders(&turn)[0].run;
    leader.turn(accepts, now(1001));
    let turn = leader.turn(vec![Input::NodeLost { node: node("a") }], now(1002));
    let sent: Vec<_> = orders(&turn)
        .iter()
        .map(|order| (order.run, order.attempt))
        .collect();
    assert_eq!(sent, [(first, 2)]);
}
