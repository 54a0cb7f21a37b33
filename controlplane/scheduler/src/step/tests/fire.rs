//! Fires: slots, missed runs, overlap, pausing, skipping, repeats and changes.

use super::*;
use crate::event::Why;
use crate::state::Origin;

fn manual() -> Event {
    Event::RunNow {
        origin: Origin::Manual,
        extra: Some("other".into()),
    }
}

fn chained(depth: u8) -> Event {
    let origin = Origin::Chained {
        job: JobId(Uuid::from_u128(8)),
        run: RunId(Uuid::from_u128(9)),
        depth,
    };
    Event::RunNow {
        origin,
        extra: None,
    }
}

fn missed(first: i64, last_ms: i64, count: u64) -> (i64, Outcome) {
    let last = Moment::from_unix_ms(last_ms);
    (first, Outcome::Missed { last, count })
}

fn misses(job: &Subject) -> Vec<(i64, Outcome)> {
    job.records
        .iter()
        .filter(|record| matches!(record.outcome, Outcome::Missed { .. }))
        .map(|record| (record.planned.unix_s(), record.outcome.clone()))
        .collect()
}

#[test]
fn a_slot_fires_once_at_its_time() {
    let mut job = Subject::new(|_| {});
    job.tick(995).sends(&[]).wakes(1000);
    job.tick(1000).sends(&[1000]).wakes(1010);
    assert_eq!(job.outcomes(), [Outcome::Fired]);
    assert_eq!(job.orders[0].service.as_str(), "crm.sync");
    assert_eq!(&*job.orders[0].extra, "payload");
    assert_eq!(job.orders[0].attempt, 1);
    assert_eq!(job.orders[0].run.0.get_version_num(), 7);
    job.tick(1000).sends(&[]);
    job.tick(990).sends(&[]).counts([1, 0, 0, 0, 0]);
}

#[test]
fn the_same_arguments_give_the_same_result() {
    let job = Subject::new(|_| {});
    let once = step(job.state.clone(), &job.spec, Event::Tick, second(1000));
    assert_eq!(step(job.state, &job.spec, Event::Tick, second(1000)), once);
}

#[test]
fn slots_before_the_job_was_made_do_not_fire() {
    let mut job = Subject::new(|_| {});
    job.spec.changed_at = second(1234);
    job.state = JobState::new(&job.spec, second(1236));
    job.tick(1236)
        .sends(&[])
        .wakes(1240)
        .counts([0, 0, 0, 0, 0]);
    // Made before the leader hears of it.
    job.spec.changed_at = second(1239);
    job.state = JobState::new(&job.spec, second(1241));
    job.tick(1241).sends(&[1240]);
}

#[test]
fn missed_runs_are_skipped_but_for_those_that_are_hardly_late() {
    let mut job = Subject::new(|fields| {
        fields.missed = "skip".into();
        fields.overlap = "allow".into();
        fields.overlap_max = 10;
    });
    job.tick(1055).sends(&[1050]).counts([1, 0, 0, 0, 5]);
    assert_eq!(misses(&job), [missed(1000, 1_049_999, 5)]);
    job.accept_all(1055);
    job.tick(1060).sends(&[1060]).counts([2, 0, 0, 0, 5]);
    job.accept_all(1060);
    job.tick(1090).sends(&[1080, 1090]).counts([4, 0, 0, 0, 6]);
}

#[test]
fn missed_runs_run_once_if_the_latest_is_young_enough() {
    let mut job = Subject::new(|fields| {
        fields.schedule.seconds = 100;
        fields.catch_up_within_s = 60;
    });
    job.tick(1350).sends(&[1300]).counts([1, 0, 0, 0, 3]);
    assert_eq!(misses(&job), [missed(1000, 1_299_999, 3)]);
    job.finish(1351)
        .tick(1461)
        .sends(&[])
        .counts([1, 1, 0, 0, 4]);
    assert_eq!(misses(&job), [missed(1400, 1_400_000, 1)]);
    job.tick(1509).sends(&[1500]).counts([2, 1, 0, 0, 4]);
}

#[test]
fn all_missed_runs_run_up_to_the_limit_and_within_the_time() {
    let mut job = Subject::new(|fields| {
        fields.missed = "all".into();
        fields.catch_up_max = 3;
        fields.catch_up_within_s = 3_600;
        fields.overlap = "allow".into();
        fields.overlap_max = 10;
    });
    job.tick(1105).sends(&[1070, 1080, 1090, 1100]);
    job.counts([4, 0, 0, 0, 7]);
    assert_eq!(misses(&job), [missed(1000, 1_069_999, 7)]);
    let mut job = Subject::new(|fields| {
        fields.missed = "all".into();
        fields.catch_up_max = 100;
        fields.catch_up_within_s = 25;
        fields.overlap = "allow".into();
        fields.overlap_max = 100;
    });
    job.tick(1105)
        .sends(&[1080, 1090, 1100])
        .counts([3, 0, 0, 0, 8]);
}

#[test]
fn a_long_outage_costs_little_and_is_counted_up_to_a_limit() {
    for policy in ["skip", "once", "all"] {
        let mut job = Subject::new(|fields| {
            fields.schedule.seconds = 1;
            fields.missed = policy.into();
            fields.catch_up_max = 5;
            fields.overlap = "queue".into();
            fields.overlap_max = 100;
        });
        let began = std::time::Instant::now();
        let year = 31_536_000;
        job.tick(1000 + year).wakes(1001 + year);
        assert_eq!(job.state.counters.missed, 1_000);
        let ran = job.state.queue.len() + 1;
        assert_eq!(
            ran,
            match policy {
                "skip" => 11,
                "once" => 1,
                _ => 16,
            }
        );
        assert!(
            began.elapsed().as_secs() < 5,
            "31 million slots are not walked"
        );
    }
}

#[test]
fn a_fire_is_skipped_while_a_run_goes_on() {
    let mut job = Subject::new(|_| {});
    job.tick(1000)
        .accept(1000, "a")
        .tick(1010)
        .sends(&[])
        .counts([1, 0, 0, 1, 0]);
    assert_eq!(job.outcomes(), [Outcome::Skipped { why: Why::Overlap }]);
    job.finish(1012)
        .sends(&[])
        .tick(1020)
        .sends(&[1020])
        .counts([2, 1, 0, 1, 0]);
}

#[test]
fn a_fire_waits_in_a_queue_that_is_bounded() {
    let mut job = Subject::new(|fields| {
        fields.overlap = "queue".into();
        fields.overlap_max = 2;
    });
    job.tick(1000)
        .accept(1000, "a")
        .tick(1010)
        .sends(&[])
        .tick(1020)
        .sends(&[])
        .tick(1030);
    assert_eq!(
        job.outcomes(),
        [Outcome::Skipped {
            why: Why::QueueFull
        }]
    );
    job.finish(1031).sends(&[1010]).counts([2, 1, 0, 1, 0]);
    job.finish(1032).sends(&[1020]);
    job.finish(1033)
        .sends(&[])
        .tick(1040)
        .sends(&[1040])
        .counts([4, 3, 0, 1, 0]);
}

#[test]
fn runs_go_side_by_side_up_to_the_limit() {
    let mut job = Subject::new(|fields| {
        fields.overlap = "allow".into();
        fields.overlap_max = 2;
    });
    job.tick(1000)
        .accept_all(1000)
        .tick(1010)
        .sends(&[1010])
        .accept_all(1010)
        .tick(1020)
        .sends(&[])
        .counts([2, 0, 0, 1, 0]);
    job.finish(1021).tick(1030).sends(&[1030]);
}

#[test]
fn nothing_fires_while_paused_and_nothing_is_missed() {
    let mut job = Subject::new(|fields| {
        fields.overlap = "queue".into();
        fields.overlap_max = 2;
    });
    job.tick(1000)
        .tick(1010)
        .tell(1015, Event::Pause { at: second(1015) });
    job.tick(1020)
        .sends(&[])
        .finish(1021)
        .sends(&[])
        .counts([1, 1, 0, 0, 0]);
    assert_eq!(job.wake, None, "what waits, waits on");
    job.tell(1077, Event::Resume { at: second(1075) })
        .sends(&[1010]);
    job.counts([2, 1, 0, 0, 0]).wakes(1080);
}

#[test]
fn a_pause_that_is_heard_of_late_stops_what_is_later_and_nothing_else() {
    let mut job = Subject::new(|fields| {
        fields.overlap = "allow".into();
        fields.overlap_max = 5;
    });
    job.tell(1025, Event::Pause { at: second(1010) });
    job.sends(&[1000, 1010]).counts([2, 0, 0, 0, 0]);
    job.accept_all(1026);
    job.tell(1045, Event::Resume { at: second(1035) })
        .sends(&[1040]);
}

#[test]
fn an_inactive_job_is_like_a_paused_one() {
    let mut job = Subject::new(|fields| fields.is_active = false);
    job.tick(1000).sends(&[]).tick(1010).sends(&[]);
    job.change(1055, |fields| fields.is_active = true)
        .sends(&[])
        .wakes(1060);
    job.tick(1060).sends(&[1060]).counts([1, 0, 0, 0, 0]);
    job.change(1062, |fields| fields.is_active = false)
        .finish(1063);
    job.tell(1064, Event::Pause { at: second(1064) })
        .change(1066, |fields| fields.is_active = true);
    job.tick(1070)
        .sends(&[])
        .tell(1075, Event::Resume { at: second(1075) });
    job.tick(1080).sends(&[1080]).counts([2, 1, 0, 0, 0]);
}

#[test]
fn the_next_slot_is_skipped_on_request() {
    let mut job = Subject::new(|fields| fields.schedule.repeats = Some(2));
    job.tell(996, Event::SkipNext).tell(997, Event::SkipNext);
    job.tick(1000).sends(&[]).counts([0, 0, 0, 1, 0]);
    assert_eq!(
        job.outcomes(),
        [Outcome::Skipped {
            why: Why::Requested
        }]
    );
    job.tick(1010)
        .sends(&[1010])
        .finish(1011)
        .tick(1020)
        .sends(&[1020]);
    job.finish(1021)
        .tick(1030)
        .sends(&[])
        .counts([2, 2, 0, 1, 0]);
}

#[test]
fn an_interval_repeats_as_often_as_it_says() {
    let mut job = Subject::new(|fields| fields.schedule.repeats = Some(2));
    job.tick(1000).finish(1001).tick(1010).finish(1011);
    assert_eq!(job.wake, None);
    job.tick(1020).sends(&[]).counts([2, 2, 0, 0, 0]);
    // Another schedule begins anew, another service does not.
    job.change(1025, |fields| fields.service = "crm.other".into())
        .tick(1030)
        .sends(&[]);
    job.change(1035, |fields| fields.schedule.seconds = 20)
        .tick(1040)
        .sends(&[1040]);
    assert_eq!(job.state.remaining, Some(1));
}

#[test]
fn a_run_is_made_on_request_with_its_own_payload() {
    let mut job = Subject::new(|fields| fields.schedule.repeats = Some(1));
    job.tell(997, Event::Pause { at: second(997) })
        .tell(998, manual())
        .sends(&[998]);
    assert_eq!(&*job.orders[0].extra, "other");
    job.tell(999, manual()).sends(&[]).counts([1, 0, 0, 1, 0]);
    assert_eq!(job.records[0].origin, Origin::Manual);
    job.finish(1000)
        .tell(1000, Event::Resume { at: second(999) })
        .sends(&[1000]);
    job.finish(1001).tell(1002, manual()).sends(&[1002]);
}

#[test]
fn another_job_does_not_run_a_paused_one() {
    let mut job = Subject::new(|_| {});
    job.tell(998, chained(1)).sends(&[998]).finish(999);
    job.tell(999, Event::Pause { at: second(999) })
        .tell(999, chained(1))
        .sends(&[])
        .counts([1, 1, 0, 1, 0]);
    assert_eq!(job.outcomes(), [Outcome::Skipped { why: Why::Paused }]);
}

#[test]
fn a_changed_schedule_counts_from_its_change() {
    let mut job = Subject::new(|_| {});
    job.tick(1000).finish(1001);
    job.change(1019, |fields| fields.schedule.seconds = 7)
        .sends(&[])
        .wakes(1021);
    job.tick(1021).sends(&[1021]).counts([2, 1, 0, 0, 0]);
}

#[test]
fn a_clock_that_goes_back_fires_nothing_twice() {
    let mut job = Subject::new(|_| {});
    job.tick(1000).finish(1001).tick(1010).finish(1011);
    job.tick(500).sends(&[]).wakes(1020);
    job.tick(1000)
        .sends(&[])
        .tick(1010)
        .sends(&[])
        .tick(1020)
        .sends(&[1020]);
    // Further than a day ahead is a clock that was wrong.
    job.finish(1021).tick(1_000_000).finish(1_000_001);
    job.tick(2000).sends(&[]).wakes(2010);
    job.tick(2010).sends(&[2010]);
}

#[test]
fn a_clock_that_goes_forward_is_a_gap_and_no_burst() {
    let mut job = Subject::new(|_| {});
    job.tick(1000)
        .finish(1001)
        .tick(1000 + 3_600)
        .sends(&[4600])
        .counts([2, 1, 0, 0, 359]);
}

#[test]
fn a_state_survives_storage() {
    let mut job = Subject::new(|fields| {
        fields.overlap = "queue".into();
        fields.overlap_max = 2;
    });
    job.tick(1000)
        .accept(1001, "node-1")
        .tick(1010)
        .tell(1011, chained(3));
    let text = serde_json::to_string(&job.state).unwrap();
    assert_eq!(serde_json::from_str::<JobState>(&text).unwrap(), job.state);
    assert!(serde_json::from_str::<JobState>(&text.replace("node-1", "node 1")).is_err());
}
