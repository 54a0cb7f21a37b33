//! How many passwords are looked at at once.
//!
//! Owns the bound: a log-in flood takes its share of cores and memory and no more, and the rest is
//! told to come back. Refuses to count failures (`lockout` does). Invariant: a slot is held until
//! the hash is done, also when nobody waits for the answer any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{NewPassword, PASSWORD_BYTES_MAX, PasswordError, PasswordHash};
use crate::Secret;
use crate::secret::random_bytes;

/// With one slot of 39 ms the last of them waits 2.5 s, which a person bears.
pub const PASSWORD_WAITING_MAX: usize = 64;

/// Half of the cores, so that the control plane goes on during a flood; each slot also takes 19 MiB.
pub const fn passwords_at_once(cores: usize) -> usize {
    if cores < 4 { 1 } else { cores / 2 }
}

/// Share it; there is one in a process.
#[derive(Debug)]
pub struct PasswordPool {
    /// Those who hash and those who wait.
    inside: Arc<Semaphore>,
    /// Those who hash.
    slots: Arc<Semaphore>,
    /// Of a random password: what is checked when there is no user.
    nobody: Arc<PasswordHash>,
    runs: Arc<AtomicU64>,
}

/// The right to look at one password. Ask `lockout` between taking a turn and using it: who is
/// turned away by the lock then costs no hash, and who is turned away here counts as no attempt.
#[derive(Debug)]
pub struct PasswordTurn {
    nobody: Arc<PasswordHash>,
    runs: Arc<AtomicU64>,
    permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// And the stored hash is to be replaced by a new one of the same password.
    RightButOutdated,
    /// Or there is no such user: the caller says the same in both cases.
    Wrong,
}

/// Too many log-ins wait; the answer is 503 with `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many log-ins at once")]
pub struct PasswordBusy;

// === impl PasswordPool ===

impl PasswordPool {
    /// Blocks for one hash. `at_once` usually is `passwords_at_once` of the machine's cores.
    pub fn new(at_once: usize, waiting_max: usize) -> Result<Self, PasswordError> {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting_max = waiting_max.min(Semaphore::MAX_PERMITS / 2);
        let random = random_bytes::<32>()?;
        let password = NewPassword(Secret::new(data_encoding::HEXLOWER.encode(&*random)));
        let runs = Arc::default();
        Ok(Self {
            inside: Arc::new(Semaphore::new(at_once + waiting_max)),
            slots: Arc::new(Semaphore::new(at_once)),
            nobody: Arc::new(password.hash(&runs)?),
            runs,
        })
    }

    /// Waits for a slot, unless too many wait already.
    pub async fn enter(&self) -> Result<PasswordTurn, PasswordBusy> {
        let inside = Arc::clone(&self.inside)
            .try_acquire_owned()
            .map_err(|_none_left| PasswordBusy)?;
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_never_closed| PasswordBusy)?;
        Ok(PasswordTurn {
            nobody: Arc::clone(&self.nobody),
            runs: Arc::clone(&self.runs),
            permits: (slot, inside),
        })
    }

    /// How many hashes were computed since the start, for the metrics.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}

// === impl PasswordTurn ===

impl PasswordTurn {
    pub async fn hash(self, password: NewPassword) -> Result<PasswordHash, PasswordError> {
        self.run(move |_nobody, runs| password.hash(runs)).await?
    }

    /// `known` is the user's hash, `None` when there is no such user (or one without a password).
    pub async fn verify(
        self,
        presented: Secret,
        known: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        // Longer than any that could be set: wrong whoever the user is.
        if presented.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(Verdict::Wrong);
        }
        self.run(move |nobody, runs| {
            let is_right = known.as_ref().unwrap_or(nobody).is_of(&presented, runs);
            match known {
                Some(known) if is_right && known.is_outdated() => Verdict::RightButOutdated,
                Some(_) if is_right => Verdict::Right,
                _ => Verdict::Wrong,
            }
        })
        .await
    }

    /// The permits go where the work goes: dropping the future frees no slot early.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&PasswordHash, &AtomicU64) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&self.nobody, &self.runs);
            drop(self.permits);
            result
        });
        task.await.map_err(PasswordError::Task)
    }
}
