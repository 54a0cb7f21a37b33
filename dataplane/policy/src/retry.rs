//! Whether an exchange that failed is tried again. Owns the rules and the budget; refuses to own the choice of the endpoint, which balancing
//! makes without those that were tried. Invariant: nothing that a service may have begun is done twice, unless doing it twice is
//! doing it once.

use std::time::Duration;

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection was made: not one byte of the request has left.
    Connect,
    /// The connection ended before the first byte of the response.
    Reset,
    /// The endpoint went down while the exchange waited for it, and the wait was ended.
    GivenUp,
    /// A deadline was missed; the time of the client is used up as well.
    Timeout,
    /// The response had begun.
    Response,
}

/// What is known of the attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub failure: Failure,
    /// Of the method, see `dp_codec::Method::is_idempotent`.
    pub idempotent: bool,
    /// Whether the body is still held in memory (or there is none).
    pub replayable: bool,
    /// Usable endpoints that this exchange has not tried.
    pub endpoints_left: usize,
    /// Resends so far, that is retries after a reset.
    pub resends: u32,
    /// Retries so far of both sorts.
    pub retries: u32,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try another endpoint after this long.
    Retry { after: Duration },
    /// Answer the client: the reason, for the log.
    GiveUp(Reason),
}

/// Why there is no retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The service may have begun, and doing it twice is not doing it once.
    NotIdempotent,
    /// The body is gone.
    NotReplayable,
    /// The response has begun, or the time is up.
    TooLate,
    /// No endpoint is left that was not tried.
    NoEndpoint,
    /// It was resent already.
    Spent,
    /// The pool retries too much already.
    Budget,
}

/// A request is resent once: the second reset is most likely of its own making.
pub const RESENDS_MAX: u32 = 1;
/// The first retry goes to another endpoint at once; from the second on the pool as a whole may be in trouble.
pub const BACKOFF_MIN: Duration = Duration::from_millis(25);
/// Kept below what a person notices.
pub const BACKOFF_MAX: Duration = Duration::from_millis(250);

/// Decides on a failed attempt. `random` is any number, for jitter. A resend takes from the budget; give it back with [`RetryBudget::retry_ended`].
pub fn decide(attempt: &Attempt, budget: &mut RetryBudget, random: u32) -> Decision {
    let may_have_begun = matches!(attempt.failure, Failure::Reset | Failure::GivenUp);
    let refused = match attempt.failure {
        Failure::Timeout | Failure::Response => Some(Reason::TooLate),
        _ if !attempt.replayable => Some(Reason::NotReplayable),
        _ if may_have_begun && !attempt.idempotent => Some(Reason::NotIdempotent),
        _ if may_have_begun && attempt.resends >= RESENDS_MAX => Some(Reason::Spent),
        _ if attempt.endpoints_left == 0 => Some(Reason::NoEndpoint),
        Failure::Reset if !budget.take() => Some(Reason::Budget),
        // All that waited for it may come at once, far more than a share of the pool: nobody else was kept waiting. It is
        // the load of an endpoint that takes none any more, once, and so no storm.
        Failure::GivenUp => {
            budget.grant();
            None
        }
        // A connect costs the endpoints nothing, and each is tried once: no budget.
        Failure::Reset | Failure::Connect => None,
    };
    match refused {
        Some(reason) => Decision::GiveUp(reason),
        None => Decision::Retry {
            after: backoff(attempt.retries, random),
        },
    }
}

/// 0 for the first retry, then 25 ms doubled up to 250 ms, each between half and all of it.
fn backoff(retries: u32, random: u32) -> Duration {
    let Some(doublings) = retries.checked_sub(1) else {
        return Duration::ZERO;
    };
    let full = BACKOFF_MIN
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(BACKOFF_MAX);
    let half = full / 2;
    half + half.saturating_mul(random % 1_000) / 1_000
}

/// How many resends of a pool may be under way at once: a share of its exchanges, and a floor for quiet pools. Without it a pool
/// in trouble gets twice the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryBudget {
    active: u32,
    retries: u32,
}

impl RetryBudget {
    /// One of two endpoints may die with everything it had in flight, which is half of the pool. The usual 20 %
    /// failed a third of those requests (measured: 64 in flight, 14 to 16 answers of 502 per kill). Each is
    /// resent once at most, so a pool in trouble gets half as much again, until ejection takes the endpoint out.
    pub const PERCENT: u32 = 50;
    /// Turns are not dealt out exactly: the endpoint that dies may have had a few more than its half.
    pub const FLOOR: u32 = 20;

    /// An exchange began.
    pub fn exchange_began(&mut self) {
        self.active = self.active.saturating_add(1);
    }

    /// An exchange ended, however.
    pub fn exchange_ended(&mut self) {
        debug_assert!(self.active > 0);
        self.active = self.active.saturating_sub(1);
    }

    /// A resend ended, however.
    pub fn retry_ended(&mut self) {
        debug_assert!(self.retries > 0);
        self.retries = self.retries.saturating_sub(1);
    }

    /// Resends under way.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Resends that may be under way.
    pub fn limit(&self) -> u32 {
        (self.active / 100)
            .saturating_mul(Self::PERCENT)
            .saturating_add(self.active % 100 * Self::PERCENT / 100)
            .saturating_add(Self::FLOOR)
    }

    fn take(&mut self) -> bool {
        let free = self.retries < self.limit();
        if free {
            self.grant();
        }
        free
    }

    /// Counts a resend whatever the limit: others find less left.
    fn grant(&mut self) {
        self.retries = self.retries.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
