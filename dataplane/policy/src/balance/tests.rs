//! Fairness, from any start and through any change.

use proptest::prelude::*;

use super::WeightedRoundRobin;

fn picks(balance: &mut WeightedRoundRobin, weights: &[u32], count: usize) -> Vec<usize> {
    (0..count)
        .map(|_| balance.pick(|index| weights[index]).unwrap())
        .collect()
}

#[test]
fn equal_weights_take_turns() {
    let mut balance = WeightedRoundRobin::new(3, 0);
    assert_eq!(picks(&mut balance, &[1, 1, 1], 6), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn every_core_starts_elsewhere() {
    let first = |seed| WeightedRoundRobin::new(3, seed).pick(|_| 100).unwrap();
    assert_eq!([first(0), first(1), first(2), first(3)], [0, 1, 2, 0]);
}

#[test]
fn a_heavy_endpoint_is_not_served_in_bursts() {
    let mut balance = WeightedRoundRobin::new(3, 0);
    assert_eq!(picks(&mut balance, &[5, 1, 1], 7), [0, 0, 1, 0, 0, 2, 0]);
}

#[test]
fn nothing_is_picked_when_nothing_may_be() {
    assert_eq!(WeightedRoundRobin::new(2, 0).pick(|_| 0), None);
    assert_eq!(WeightedRoundRobin::new(0, 7).pick(|_| 1), None);
}

proptest! {
    #[test]
    fn each_endpoint_gets_its_share_in_any_window(
        weights in proptest::collection::vec(1..20_u32, 1..8),
        seed in 0..100_usize,
        skip in 0..50_usize,
    ) {
        let mut balance = WeightedRoundRobin::new(weights.len(), seed);
        let total = weights.iter().sum::<u32>() as usize;
        picks(&mut balance, &weights, skip);
        let round = picks(&mut balance, &weights, total * 3);
        for (index, &weight) in weights.iter().enumerate() {
            let got = round.iter().filter(|&&picked| picked == index).count();
            prop_assert!(got.abs_diff(weight as usize * 3) <= 2, "{index}: {got} of {weight} × 3");
        }
    }

    #[test]
    fn an_endpoint_that_is_out_is_never_picked_and_comes_back_to_its_share(
        changes in proptest::collection::vec((0..4_usize, any::<bool>()), 1..40),
    ) {
        let mut balance = WeightedRoundRobin::new(4, 1);
        let mut up = [true; 4];
        for (index, is_up) in changes {
            up[index] = is_up;
            for _ in 0..3 {
                let picked = balance.pick(|index| u32::from(up[index]));
                prop_assert!(picked.map_or(up == [false; 4], |picked| up[picked]));
            }
        }
        // At most one round of the past is made up.
        let mut counts = [0_usize; 4];
        for picked in picks(&mut balance, &[1; 4], 40) {
            counts[picked] += 1;
        }
        prop_assert!(counts.iter().all(|count| count.abs_diff(10) <= 4), "{counts:?}");
    }
}
