//! Backing off from those who guess passwords.
//!
//! Owns counting and waiting times; refuses clocks (`now` is an argument, of the monotonic clock, so
//! that a set wall clock neither locks nor unlocks anybody). The counts live in memory: a restart
//! forgives, which costs less than a write for each guess.
//!
//! # Policy
//!
//! - Every attempt counts as failed from the moment it is admitted until `succeeded` takes it back:
//!   a thousand at once get no further than one after the other. Whoever is refused counts nothing.
//! - Failures are counted by user and by address (an IPv6 address by its /64, which is one customer).
//!   The first `USER_FREE` of a user and `ADDRESS_FREE` of an address cost nothing, since people
//!   mistype and offices share an address; then the wait doubles from 1 s to 15 min.
//! - Nothing locks for ever: the wait is at most 15 min, and every 15 min without an attempt one
//!   failure is forgiven. One user can be guessed at 96 times a day, from however many addresses.
//! - A user cannot be locked out by others: where the user has logged in before (within 30 days),
//!   only failures from that very address count. An attacker elsewhere delays the user's first
//!   log-in from a new address, by at most 15 min at a time, and nothing else. API tokens and
//!   sessions are never affected, nor is the set-up link that is made on the machine itself.
//! - The answer is the same whether the user exists or not, and whether user or address is to blame.
//! - A success forgives no failures of its address: otherwise an account of one's own would be a way
//!   to guess at others.
//!
//! Invariant: memory is bounded; whom it forgets first are those who failed least.

mod counter;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use counter::{Counter, Counters, least};

/// Longest wait, and the time in which one failure is forgiven.
pub const LOCKOUT_WAIT_MAX: Duration = Duration::from_mins(15);
/// A person tries the passwords that come to mind.
const USER_FREE: u32 = 3;
/// An office or a campus shares an address.
const ADDRESS_FREE: u32 = 20;
/// Each of both; an entry has some 100 bytes.
const COUNTERS_MAX: usize = 10_000;
const KNOWN_MAX: usize = 10_000;
/// Whoever was not there for a month is a stranger.
const KNOWN_LIFE: Duration = Duration::from_hours(30 * 24);

/// Share it behind a lock; a full table is searched once for hundreds of new entries.
#[derive(Debug, Default)]
pub struct Lockout {
    users: Counters<UserKey>,
    addresses: Counters<IpAddr>,
    /// Where users have logged in, with the failures since.
    known: HashMap<(UserKey, IpAddr), Known>,
}

/// Who wants in. The address is the peer's, never one out of a header that the client wrote.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// As it was typed, in the form in which users are compared.
    pub user: &'a str,
    pub address: IpAddr,
}

/// The answer is 429 with `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed log-ins; try again in {} s", .0.as_secs())]
pub struct RetryAfter(
    /// Whole seconds, at least one.
    pub Duration,
);

/// Of fixed size, however long the name is that somebody typed.
type UserKey = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Known {
    succeeded: Instant,
    failures: Counter,
}

// === impl Lockout ===

impl Lockout {
    /// Whether the attempt would be admitted; counts nothing. For a look before a costly step.
    pub fn check(&self, attempt: Attempt<'_>, now: Instant) -> Result<(), RetryAfter> {
        let (user, address) = keys(attempt);
        let of_address = self.addresses.wait(&address, now);
        let of_user = match self.known(&(user, address), now) {
            Some(known) => known.failures.wait(now),
            None => self.users.wait(&user, now),
        };
        retry_after(of_address.max(of_user))
    }

    /// Admits the attempt and counts it as failed, until `succeeded` says otherwise.
    pub fn admit(&mut self, attempt: Attempt<'_>, now: Instant) -> Result<(), RetryAfter> {
        self.check(attempt, now)?;
        let (user, address) = keys(attempt);
        self.addresses.fail(address, ADDRESS_FREE, now);
        if self.known(&(user, address), now).is_some() {
            if let Some(known) = self.known.get_mut(&(user, address)) {
                known.failures.fail(USER_FREE, now);
            }
        } else {
            self.users.fail(user, USER_FREE, now);
        }
        Ok(())
    }

    /// The admitted attempt was right in every factor: it is taken back, and the address is known as
    /// the user's from now on.
    pub fn succeeded(&mut self, attempt: Attempt<'_>, now: Instant) {
        let (user, address) = keys(attempt);
        self.addresses.take_back(&address, now);
        if self.known(&(user, address), now).is_none() {
            self.users.take_back(&user, now);
        }
        self.know(attempt, now);
    }

    /// The user has logged in from there before; for a start with what the sessions' rows remember.
    pub fn know(&mut self, attempt: Attempt<'_>, now: Instant) {
        let key = keys(attempt);
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&key) {
            self.forget_known(now);
        }
        let known = Known {
            succeeded: now,
            failures: Counter::none(now),
        };
        self.known.insert(key, known);
    }

    fn known(&self, key: &(UserKey, IpAddr), now: Instant) -> Option<&Known> {
        let known = self.known.get(key);
        known.filter(|known| now.saturating_duration_since(known.succeeded) < KNOWN_LIFE)
    }

    /// Makes room: the longest absent go.
    fn forget_known(&mut self, now: Instant) {
        self.known
            .retain(|_, known| now.saturating_duration_since(known.succeeded) < KNOWN_LIFE);
        if self.known.len() < KNOWN_MAX {
            return;
        }
        let ranked = self
            .known
            .iter()
            .map(|(key, known)| (known.succeeded, *key));
        for key in least(ranked) {
            self.known.remove(&key);
        }
    }
}

fn retry_after(wait: Duration) -> Result<(), RetryAfter> {
    if wait.is_zero() {
        return Ok(());
    }
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Err(RetryAfter(Duration::from_secs(seconds)))
}

fn keys(attempt: Attempt<'_>) -> (UserKey, IpAddr) {
    let user = Sha256::digest(attempt.user.as_bytes()).into();
    let address = match attempt.address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    };
    (user, address)
}
