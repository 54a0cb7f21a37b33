//! When requests are meant to be sent in the open model. Pure: time comes in as nanoseconds since
//! the start. Invariant: the n-th arrival depends on n and the rate alone, never on how late the
//! server or this program is. That is what makes the latencies free of coordinated omission.

#[cfg(test)]
mod tests;

/// A rate in thousandths of a request per second, so that arrivals are exact integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_1000_seconds: u64,
}

/// Every `step`-th arrival of the plan, from the `next`-th: one thread's share.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    rate: Rate,
    step: u64,
    next: u64,
    end_ns: u64,
    count_max: u64,
}

// === impl Rate ===

impl Rate {
    /// How many arrivals fall before `ns`.
    pub(crate) fn arrivals_before(self, ns: u64) -> u64 {
        let product = u128::from(ns) * u128::from(self.per_1000_seconds);
        u64::try_from(product.div_ceil(1_000_000_000_000)).unwrap_or(u64::MAX)
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let thousandths = format!("{fraction:0<3}");
        let number = format!("{whole}{thousandths}").parse::<u64>().ok();
        match number {
            Some(per_1000_seconds) if per_1000_seconds > 0 && thousandths.len() == 3 => {
                Ok(Self { per_1000_seconds })
            }
            _ => Err("a rate is a number above 0 with at most three decimals".to_owned()),
        }
    }
}

// === impl Arrivals ===

impl Arrivals {
    /// Share `index` of `shares`; arrivals from `end_ns` on, and beyond `count_max` of all, are not made.
    pub(crate) fn new(
        rate: Rate,
        (index, shares): (u64, u64),
        end_ns: u64,
        count_max: u64,
    ) -> Self {
        Self {
            rate,
            step: shares.max(1),
            next: index,
            end_ns,
            count_max,
        }
    }

    /// When the next request is meant to be sent; `None` after the last.
    pub(crate) fn peek(&self) -> Option<u64> {
        let ns = u128::from(self.next) * 1_000_000_000_000 / u128::from(self.rate.per_1000_seconds);
        let ns = u64::try_from(ns).ok()?;
        (self.next < self.count_max && ns < self.end_ns).then_some(ns)
    }

    /// Arrivals from `now_ns` on are not made after all.
    pub(crate) fn end(&mut self, now_ns: u64) {
        self.end_ns = self.end_ns.min(now_ns);
    }

    /// The next arrival that is due at `now_ns`, with its turn: consecutive within this share, so that each thread asks
    /// all servers in turn, and beginning at another number in each, so that threads do not ask the same at once.
    pub(crate) fn pop_due(&mut self, now_ns: u64) -> Option<(u64, u64)> {
        let at = self.peek().filter(|&at| at <= now_ns)?;
        let turn = self.next / self.step + self.next % self.step;
        self.next += self.step;
        Some((turn, at))
    }
}
