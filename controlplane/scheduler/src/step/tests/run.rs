//! Runs: answers, losses, limits, retries, and what follows.

use proptest::prelude::*;

use super::*;
use crate::state::{Origin, Role};

#[test]
fn an_answer_to_an_earlier_attempt_changes_nothing() {
    let mut job = Subject::new(|_| {});
    job.tick(1000).accept(1001, "a");
    let run = job.state.runs[0].id;
    job.tell(1002, Event::NodeLost { node: node("a") });
    let before = job.state.clone();
    for answer in [
        Answer::Accepted { node: node("a") },
        Answer::Refused,
        Answer::Lost,
        Answer::Finished(Err("late".into())),
        Answer::Finished(Ok("late".into())),
    ] {
        job.tell(
            1003,
            Event::Answered {
                run,
                attempt: 1,
                answer,
            },
        );
        assert_eq!(job.state, before);
    }
}

#[test]
fn a_run_whose_node_died_is_sent_again_as_the_same_run() {
    let mut job = Subject::new(|_| {});
    job.tick(1000);
    let first = job.orders[0].clone();
    job.accept(1001, "a")
        .tell(1002, Event::NodeLost { node: node("b") })
        .sends(&[]);
    job.tell(1003, Event::NodeLost { node: node("a") })
        .sends(&[1000]);
    assert_eq!(
        job.outcomes(),
        [Outcome::Lost {
            node: Some(node("a"))
        }]
    );
    assert_eq!((job.orders[0].run, job.orders[0].attempt), (first.run, 2));
    job.finish(1004).counts([1, 1, 0, 0, 0]);
}

#[test]
fn a_run_that_nobody_confirms_is_sent_again() {
    let mut job = Subject::new(|fields| fields.schedule.seconds = 10_000);
    job.tick(1000)
        .wakes(1010)
        .tick(1009)
        .sends(&[])
        .tick(1010)
        .sends(&[1000]);
    assert_eq!(job.outcomes(), [Outcome::Lost { node: None }]);
    // From the second loss on with a pause.
    job.tick(1020)
        .sends(&[])
        .wakes(1021)
        .tick(1021)
        .sends(&[1000]);
    job.answer(1022, Answer::Lost).wakes(1024);
}

#[test]
fn a_run_that_takes_its_nodes_along_is_given_up() {
    let mut job = Subject::new(|fields| fields.schedule.seconds = 10_000);
    let mut at = 1000;
    job.tick(at);
    let mut sent = 0;
    while !job.state.runs.is_empty() {
        sent += job.orders.len();
        at = if let Phase::Pausing { until } = job.state.runs[0].phase {
            job.tick(until.unix_s());
            until.unix_s()
        } else {
            job.accept(at, "a")
                .tell(at, Event::NodeLost { node: node("a") });
            at
        };
    }
    assert_eq!(sent, 8);
    job.counts([1, 0, 1, 0, 0]);
}

#[test]
fn a_run_waits_for_a_node_up_to_its_limit() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.run_time_max_ms = 30_000;
    });
    job.tick(1000);
    let mut sent = 0;
    while let Some(run) = job.state.runs.first() {
        let at = job
            .wake
            .unwrap()
            .unix_ms()
            .min(run.deadline.unwrap().unix_ms());
        sent += job.orders.len();
        if matches!(run.phase, Phase::Sent { .. }) {
            job.answer(job.state.runs[0].sent_at.unix_s(), Answer::Refused);
        } else {
            job.tell_ms(at, Event::Tick);
        }
    }
    assert!((6..20).contains(&sent), "{sent}");
    job.counts([1, 0, 1, 0, 0]);
    let Outcome::Failed { message, .. } = &job.outcomes()[0] else {
        panic!("{:?}", job.records)
    };
    assert!(message.contains("no node"));
}

#[test]
fn a_run_over_its_limit_ends_and_its_node_is_told() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.run_time_max_ms = 20_000;
        fields.attempts_max = 3;
    });
    job.tick(1000)
        .accept(1005, "a")
        .wakes(1020)
        .tick(1020)
        .sends(&[]);
    assert_eq!(
        job.outcomes(),
        [Outcome::TimedOut {
            duration_ms: 20_000
        }]
    );
    assert!(matches!(
        &job.others[..],
        [Effect::Cancel { attempt: 1, .. }]
    ));
    job.counts([1, 0, 1, 0, 0]);
}

#[test]
fn a_failed_run_is_tried_again_after_growing_pauses() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.attempts_max = 3;
        fields.retry_base_ms = 5_000;
        fields.retry_cap_ms = 8_000;
    });
    job.tick(1000)
        .fail(1001)
        .sends(&[])
        .wakes(1006)
        .tick(1006)
        .sends(&[1000]);
    assert_eq!(job.orders[0].attempt, 2);
    job.fail(1007).wakes(1015).tick(1015).sends(&[1000]);
    job.fail(1016).sends(&[]).counts([1, 0, 1, 0, 0]);
    assert_eq!(
        job.outcomes(),
        [Outcome::Failed {
            message: "no".into(),
            duration_ms: 1_000
        }]
    );
}

#[test]
fn a_pause_between_attempts_is_no_part_of_the_limit() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.attempts_max = 2;
        fields.retry_base_ms = 60_000;
        fields.retry_cap_ms = 60_000;
        fields.run_time_max_ms = 20_000;
    });
    job.tick(1000)
        .fail(1001)
        .tick(1061)
        .sends(&[1000])
        .accept(1061, "a")
        .wakes(1081);
}

#[test]
fn a_new_leader_sends_again_or_asks() {
    let mut job = Subject::new(|fields| fields.schedule.seconds = 10_000);
    job.tick(1000).tell(1003, Event::TakenOver).sends(&[1000]);
    assert_eq!(job.orders[0].attempt, 2);
    assert_eq!(job.orders[0].run_time_max_ms, 3_597_000);
    job.accept(1004, "a")
        .tell(1007, Event::TakenOver)
        .sends(&[]);
    assert!(matches!(
        &job.others[..],
        [Effect::Watch { attempt: 2, .. }]
    ));
    job.finish(1008).counts([1, 1, 0, 0, 0]);
}

#[test]
fn a_new_leader_does_not_send_what_is_over_its_limit() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.run_time_max_ms = 20_000;
    });
    job.tick(1000)
        .tell(1020, Event::TakenOver)
        .sends(&[])
        .counts([1, 0, 1, 0, 0]);
}

#[test]
fn a_node_is_asked_again_what_it_runs() {
    let mut job = Subject::new(|fields| fields.schedule.seconds = 10_000);
    job.tick(1000)
        .accept(1001, "a")
        .wakes(1031)
        .tick(1031)
        .wakes(1061);
    assert!(matches!(&job.others[..], [Effect::Watch { .. }]));
    job.accept(1032, "a").wakes(1062);
}

#[test]
fn limits_move_with_a_clock_that_was_changed() {
    let mut job = Subject::new(|fields| fields.schedule.seconds = 1_000_000);
    job.tick(1000).accept(1001, "a");
    let deadline = job.state.runs[0].deadline.unwrap();
    job.tell(4601, Event::ClockJumped { by_ms: 3_600_000 })
        .counts([1, 0, 0, 0, 0]);
    assert_eq!(
        job.state.runs[0].deadline,
        Some(deadline.plus_ms(3_600_000))
    );
    job.tell(1001, Event::ClockJumped { by_ms: -3_600_000 });
    assert_eq!(job.state.runs[0].deadline, Some(deadline));
}

#[test]
fn a_service_and_a_job_follow_a_run() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.on_success_service = "crm.after".into();
        fields.on_error_job = Uuid::from_u128(8).to_string();
    });
    job.tick(1000).finish(1001).counts([1, 1, 0, 0, 0]);
    assert_eq!(job.orders[0].service.as_str(), "crm.after");
    assert_eq!(job.orders[0].role, Role::OnSuccess);
    assert!(job.orders[0].extra.contains(r#""message":"done""#));
    // What follows is no run of the job, and may be lost with its node like one.
    job.accept(1002, "a")
        .tell(1003, Event::NodeLost { node: node("a") });
    assert_eq!(job.orders[0].attempt, 2);
    job.fail(1004).sends(&[]).counts([1, 1, 0, 0, 0]);
    job.tick(11_000).fail(11_001).counts([2, 1, 1, 0, 0]);
    let [Effect::RunJob { job: next, origin }] = job.others[..] else {
        panic!("{:?}", job.others)
    };
    assert_eq!(next, JobId(Uuid::from_u128(8)));
    assert!(matches!(origin, Origin::Chained { depth: 1, .. }));
}

#[test]
fn a_ring_of_jobs_comes_to_an_end() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.on_success_job = Uuid::from_u128(7).to_string();
    });
    job.tick(1000).finish(1001);
    let mut rounds = 0;
    while let [Effect::RunJob { origin, .. }] = job.others[..] {
        job.tell(
            1002,
            Event::RunNow {
                origin,
                extra: None,
            },
        )
        .finish(1002);
        rounds += 1;
    }
    assert_eq!(rounds, 16);
    assert!(matches!(job.outcomes()[1], Outcome::ChainEnded { .. }));
}

#[test]
fn a_service_that_follows_no_longer_is_not_called() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 10_000;
        fields.on_success_service = "crm.after".into();
    });
    job.tick(1000).finish(1001).answer(1002, Answer::Refused);
    job.change(1003, |fields| fields.on_success_service = String::new())
        .sends(&[]);
    assert_eq!(job.state.runs.len(), 0);
    assert!(matches!(job.outcomes()[0], Outcome::Failed { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn long_messages_are_cut_between_characters(text in "[aé€😀]{1000,3000}") {
        let cut = cut(text.clone());
        prop_assert!(cut.len() <= MESSAGE_BYTES_MAX && text.starts_with(&cut));
        prop_assert!(cut.len() + 4 > text.len().min(MESSAGE_BYTES_MAX));
    }
}
