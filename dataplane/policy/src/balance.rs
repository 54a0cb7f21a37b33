//! Which endpoint is next. Owns the order of a weighted round robin; refuses to own who is healthy, which comes in as a weight of 0.
//! Invariant: over any run of picks with constant weights each endpoint gets its share, to within one pick.

/// Smooth weighted round robin (as nginx does it): heavy endpoints are spread out, not served in bursts.
#[derive(Clone, Debug, Default)]
pub struct WeightedRoundRobin {
    current: Vec<i64>,
}

impl WeightedRoundRobin {
    /// For `endpoints` endpoints. `seed` (the core's number, say) makes every core start elsewhere, so that they do not all hit the first
    /// endpoint at once.
    pub fn new(endpoints: usize, seed: usize) -> Self {
        let mut current = vec![0; endpoints];
        if let Some(first) = seed.checked_rem(endpoints)
            && let Some(slot) = current.get_mut(first)
        {
            // Less than any weight of 1 is worth, so it only decides ties.
            *slot = 1;
        }
        Self { current }
    }

    /// The number of endpoints.
    pub fn len(&self) -> usize {
        self.current.len()
    }

    /// Whether there is no endpoint.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// The next endpoint. `weight` gives each endpoint's weight at this moment; 0 takes it out of the turn. `None` when
    /// all are out.
    pub fn pick(&mut self, weight: impl Fn(usize) -> u32) -> Option<usize> {
        let mut total = 0_i64;
        let mut best: Option<(usize, i64)> = None;
        for (index, current) in self.current.iter_mut().enumerate() {
            let weight = i64::from(weight(index));
            if weight == 0 {
                // Frozen, not reset: the sum over all stays what it was, and one that comes back has at most
                // one round of its past to make up.
                continue;
            }
            *current += weight;
            total += weight;
            if best.is_none_or(|(_, most)| *current > most) {
                best = Some((index, *current));
            }
        }
        let (index, _) = best?;
        if let Some(current) = self.current.get_mut(index) {
            *current -= total;
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests;
