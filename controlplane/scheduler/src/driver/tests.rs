//! The driver in a world whose time is ours: tokio's clock is paused and goes on when all wait.

mod world;

use tokio::time::{Duration, Instant, sleep};

use super::*;
use crate::event::Outcome;
use crate::port::Ask;
use world::{Fault, START_MS, World, spec};

/// Waits, in the time of the test, until something holds.
async fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "it comes within a minute"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_fires_each_second_and_its_runs_end() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let leader = world.start("a");
    sleep(Duration::from_mins(1)).await;
    let counters = world.store.state(world::id(1)).unwrap().counters;
    assert!((57..=60).contains(&counters.ok), "{counters:?}");
    assert_eq!(counters.skipped + counters.missed + counters.failed, 0);
    assert!(world.latest_ms() < 30, "{} ms late", world.latest_ms());
    assert!(leader.handle.status().borrow().fence.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_due_together_is_stored_together() {
    let world = World::new();
    for n in 0..500 {
        world.store.put(spec(n, world.now(), |_| {}));
    }
    let _leader = world.start("a");
    sleep(Duration::from_secs(10)).await;
    assert!(world.sent().len() >= 4_000);
    // One for the fires of a second, some for the answers.
    assert!(world.store.commits() < 60, "{}", world.store.commits());
}

#[tokio::test(start_paused = true)]
async fn a_run_is_stored_before_it_is_sent() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let _leader = world.start("a");
    sleep(Duration::from_secs(10)).await;
    let sent = world.sent();
    assert!(sent.len() >= 8);
    assert!(sent.iter().all(|sent| sent.was_stored), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn another_process_leads_within_five_seconds_of_a_death() {
    let world = World::new();
    world
        .store
        .put(spec(1, world.now(), |fields| fields.missed = "skip".into()));
    let first = world.start("a");
    until(|| first.leads()).await;
    let second = world.start("b");
    sleep(Duration::from_secs(10)).await;
    assert!(!second.leads(), "there is one leader");
    first.task.abort();
    let died = Instant::now();
    until(|| second.leads()).await;
    assert!(
        died.elapsed() <= Duration::from_secs(5),
        "{:?}",
        died.elapsed()
    );
    sleep(Duration::from_secs(10)).await;
    let counters = world.store.state(world::id(1)).unwrap().counters;
    // What passed between the two was hardly late: the first of it ran, the others met it.
    assert_eq!(counters.missed, 0, "{counters:?}");
    assert!(counters.fired >= 15, "{counters:?}");
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_gives_its_lease_back() {
    let world = World::new();
    let first = world.start("a");
    until(|| first.leads()).await;
    let second = world.start("b");
    first.handle.stop();
    first.task.await.unwrap();
    let stopped = Instant::now();
    until(|| second.leads()).await;
    assert!(stopped.elapsed() < Duration::from_millis(1_100));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_stopped_neither_writes_nor_sends_when_it_goes_on() {
    let world = World::new();
    for n in 0..20 {
        world.store.put(spec(n, world.now(), |_| {}));
    }
    let first = world.start("a");
    until(|| world.sent().len() > 40).await;
    let second = world.start("b");
    for _ in 0..5 {
        // Whatever the first was about to do, it does it after the second has taken the lead.
        first.process.stop();
        until(|| second.leads()).await;
        sleep(Duration::from_secs(3)).await;
        let fence = second.handle.status().borrow().fence;
        let before = world.sent().len();
        first.process.go_on();
        sleep(Duration::from_secs(5)).await;
        let after = world.sent().split_off(before);
        assert!(after.len() > 50);
        assert!(
            after.iter().all(|sent| Some(sent.fence) == fence),
            "{after:?}"
        );
        assert!(!first.leads() && second.leads());
        second.process.stop();
        until(|| first.leads()).await;
        second.process.go_on();
        until(|| !second.leads()).await;
    }
    assert_eq!(world.refused_with_newer_fence(), 0);
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_arrives_under_the_next_leader_is_refused() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let first = world.start("a");
    until(|| world.sent().len() > 2).await;
    world.fail_commits(1, Fault::ArrivesLate);
    let second = world.start("b");
    sleep(Duration::from_secs(1)).await;
    first.task.abort();
    until(|| second.leads()).await;
    let mut last = world.store.state(world::id(1)).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        sleep(Duration::from_millis(5)).await;
        let state = world.store.state(world::id(1)).unwrap();
        assert!(
            state.records_made >= last.records_made,
            "a state does not go back"
        );
        last = state;
    }
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_does_not_send() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let leader = world.start("a");
    until(|| world.sent().len() > 3).await;
    let fence = leader.handle.status().borrow().fence;
    // Its monotonic clock stood still meanwhile.
    leader.process.shift_wall_ms(60_000);
    until(|| leader.handle.status().borrow().fence != fence).await;
    until(|| leader.leads()).await;
    let slept: Vec<_> = world
        .sent()
        .into_iter()
        .filter(|sent| Some(sent.fence) == fence)
        .collect();
    assert!(
        slept.iter().all(|sent| sent.wall_ms < START_MS + 30_000),
        "{slept:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_between_two_orders_leaves_the_rest_to_the_next_leader() {
    let world = World::new();
    for n in 0..20 {
        world.store.put(spec(n, world.now(), |_| {}));
    }
    let leader = world.start("a");
    until(|| world.sent().len() == 20).await;
    let fence = leader.handle.status().borrow().fence;
    world.sleep_at_order(&leader.process, 3);
    until(|| leader.handle.status().borrow().fence > fence).await;
    until(|| world.sent().len() > 60).await;
    let sent = world.sent();
    assert_eq!(
        sent.iter().filter(|sent| Some(sent.fence) == fence).count(),
        23
    );
    // The other 17 were stored as sent, so they are sent again.
    let again = sent[23..40].iter();
    assert!(
        again
            .clone()
            .all(|sent| sent.late_ms < 5_000 && sent.attempt == 2),
        "{again:?}"
    );
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_delays_a_turn_and_loses_nothing() {
    for fault in [Fault::Refuses, Fault::WritesAndFails] {
        let world = World::new();
        world.store.put(spec(1, world.now(), |fields| {
            fields.overlap = "allow".into();
            fields.overlap_max = 50;
        }));
        let leader = world.start("a");
        until(|| world.sent().len() > 2).await;
        for _ in 0..10 {
            world.fail_commits(7, fault);
            sleep(Duration::from_secs(2)).await;
        }
        sleep(Duration::from_secs(2)).await;
        let counters = world.store.state(world::id(1)).unwrap().counters;
        assert_eq!(
            (counters.missed, counters.failed, counters.skipped),
            (0, 0, 0)
        );
        assert!(counters.ok >= 20, "{counters:?}");
        assert!(leader.handle.status().borrow().retries >= 70);
        world.check_history();
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_ends_the_lead_and_the_policy_counts() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let leader = world.start("a");
    until(|| world.sent().len() > 2).await;
    world.break_store(true);
    until(|| !leader.leads()).await;
    let before = world.sent().len();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(
        world.sent().len(),
        before,
        "who does not lead does not send"
    );
    world.break_store(false);
    until(|| world.sent().len() > before + 2).await;
    let counters = world.store.state(world::id(1)).unwrap().counters;
    assert!((55..=75).contains(&counters.missed), "{counters:?}");
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_ends_the_lead_though_the_store_hangs() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |_| {}));
    let leader = world.start("a");
    until(|| world.sent().len() > 2).await;
    world.hang_store(true);
    let hung = Instant::now();
    until(|| !leader.leads()).await;
    assert!(hung.elapsed() <= Duration::from_millis(3_100));
    world.hang_store(false);
    until(|| leader.leads()).await;
}

#[tokio::test(start_paused = true)]
async fn changes_and_commands_arrive_at_once_when_told_and_within_a_second_when_not() {
    let world = World::new();
    let leader = world.start("a");
    until(|| leader.leads()).await;
    sleep(Duration::from_millis(300)).await;
    let sent = |n: u128| {
        world
            .sent()
            .iter()
            .filter(|sent| sent.job == world::id(n))
            .count()
    };
    let revision = world
        .store
        .put(spec(1, world.now(), |fields| fields.is_active = false));
    world
        .store
        .command(world::id(1), world.now(), Ask::RunNow { extra: None });
    let asked = Instant::now();
    leader.handle.reload(revision);
    until(|| sent(1) == 1).await;
    assert!(
        asked.elapsed() < Duration::from_millis(100),
        "{:?}",
        asked.elapsed()
    );
    world
        .store
        .command(world::id(1), world.now(), Ask::RunNow { extra: None });
    until(|| sent(1) == 2).await;
    assert!(asked.elapsed() < Duration::from_millis(1_300));
    until(|| world.store.commands_open() == 0).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(sent(1), 2, "each command is done once");
    world.store.remove(world::id(1));
    until(|| leader.handle.status().borrow().jobs == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_turn_is_stored_twice_is_done_once() {
    let world = World::new();
    world
        .store
        .put(spec(1, world.now(), |fields| fields.is_active = false));
    let leader = world.start("a");
    until(|| leader.handle.status().borrow().jobs == 1).await;
    world.fail_commits(3, Fault::WritesAndFails);
    world
        .store
        .command(world::id(1), world.now(), Ask::RunNow { extra: None });
    until(|| {
        world
            .store
            .state(world::id(1))
            .is_some_and(|state| state.counters.ok > 0)
    })
    .await;
    sleep(Duration::from_secs(5)).await;
    let records = world.store.records();
    let fired = records
        .iter()
        .filter(|record| record.outcome == Outcome::Fired);
    assert_eq!(fired.count(), 1);
    world.check_history();
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_changed_is_noticed_within_a_second() {
    let world = World::new();
    world.store.put(spec(1, world.now(), |fields| {
        fields.schedule.seconds = 3_600;
        fields.missed = "skip".into();
    }));
    let leader = world.start("a");
    until(|| leader.leads()).await;
    let next = leader.process.wall();
    // To two seconds before the next slot, which nobody expected so early.
    let ahead = 3_600_000 - (next.unix_ms() - START_MS) - 2_000;
    leader.process.shift_wall_ms(ahead);
    until(|| world.sent().len() == 1).await;
    let sent = &world.sent()[0];
    assert!(sent.wall_ms - (START_MS + 3_600_000) < 5_000, "{sent:?}");
}
