//! Years of scheduling in seconds, with everything failing.
//!
//! Owns a world with virtual time: processes that lead, die, are stopped and go on at every step of a
//! turn, nodes that die with their runs, answers that are lost, clocks that are changed, a store that
//! fails before and after it wrote. The store checks each batch as it comes, `oracle` the whole
//! history at the end. Refuses randomness that a seed does not repeat.
//!
//! `BASCULE_SIMULATION_SEEDS=100` takes a hundred seeds in place of the usual few;
//! `BASCULE_SIMULATION_SEED=7` one alone.

mod jobs;
mod nodes;
mod oracle;
mod process;
mod random;
mod store;
mod world;

use world::{Pace, World};

const DAY_MS: i64 = 86_400_000;

/// Names the seed when a check fails.
struct Seed(u64);

impl Drop for Seed {
    #[expect(
        clippy::print_stderr,
        reason = "it is for the person who repeats the failure"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the simulation failed: repeat it with BASCULE_SIMULATION_SEED={}",
                self.0
            );
        }
    }
}

fn simulate(usual: std::ops::Range<u64>, pace: &Pace) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seeds = match number("BASCULE_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            usual.start
                ..usual.start
                    + number("BASCULE_SIMULATION_SEEDS").unwrap_or(usual.end - usual.start)
        }
    };
    for seed in seeds {
        let _seed = Seed(seed);
        let mut world = World::new(seed, pace);
        world.run();
        oracle::check(&world);
    }
}

#[test]
fn two_years_with_a_fault_every_few_hours() {
    let pace = Pace {
        specs: jobs::of_years,
        length_ms: 730 * DAY_MS,
        fault_every_ms: DAY_MS / 4,
        ask_every_ms: 2 * DAY_MS,
        outage_ms_max: 600_000,
        ahead_ms_max: 3 * 3_600_000,
        turn_faults_per_mille: 10,
    };
    simulate(1..4, &pace);
}

#[test]
fn hours_with_a_fault_every_few_seconds() {
    let pace = Pace {
        specs: jobs::of_hours,
        length_ms: 2 * 3_600_000,
        fault_every_ms: 10_000,
        ask_every_ms: 60_000,
        outage_ms_max: 20_000,
        ahead_ms_max: 60_000,
        turn_faults_per_mille: 20,
    };
    simulate(1..4, &pace);
}
