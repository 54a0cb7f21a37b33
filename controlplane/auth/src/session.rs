//! Sessions of people in a browser, in memory: a restart of the control plane logs everyone out.
//!
//! Owns their life; refuses cookies (cp-api writes them). Invariant: an id is 256 random bits, is
//! made new at each log-in, and only its digest is kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Secret, SecretError, TokenDigest};

/// A working day: whoever was away longer logs in again.
pub const SESSION_IDLE_MAX: Duration = Duration::from_hours(12);
/// However busy, a session ends after a week.
const SESSION_LIFE_MAX: Duration = Duration::from_hours(7 * 24);
/// Bounds the memory; the session that was idle longest makes room.
const SESSIONS_MAX: usize = 1_000;

/// What the cookie holds.
pub type SessionId = Secret;

/// All open sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<TokenDigest, Session>>,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    opened: Instant,
    used: Instant,
}

// === impl Sessions ===

impl Sessions {
    pub fn open(&self, now: Instant) -> Result<SessionId, SecretError> {
        let id = Secret::random("bss_")?;
        let mut open = self.lock();
        open.retain(|_, session| session.is_alive(now));
        if open.len() >= SESSIONS_MAX {
            let idlest = open
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(id, _)| *id);
            if let Some(idlest) = idlest {
                open.remove(&idlest);
            }
        }
        open.insert(
            id.digest(),
            Session {
                opened: now,
                used: now,
            },
        );
        Ok(id)
    }

    /// True when the session is open; marks it used.
    pub fn touch(&self, id: &str, now: Instant) -> bool {
        // The map is keyed by digest: an attacker who learns how long a look-up took learns about
        // the hash of a guess, not about an id.
        let digest = TokenDigest::of(id);
        let mut open = self.lock();
        match open.get_mut(&digest) {
            Some(session) if session.is_alive(now) => {
                session.used = now;
                true
            }
            Some(_) => {
                open.remove(&digest);
                false
            }
            None => false,
        }
    }

    /// True while the session is open. Unlike `touch` this is no use of it: whoever only watches is
    /// away.
    pub fn is_open(&self, id: &TokenDigest, now: Instant) -> bool {
        let open = self.lock();
        open.get(id).is_some_and(|session| session.is_alive(now))
    }

    pub fn close(&self, id: &str) {
        self.lock().remove(&TokenDigest::of(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenDigest, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Session ===

impl Session {
    fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) < SESSION_IDLE_MAX
            && now.saturating_duration_since(self.opened) < SESSION_LIFE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_look_at_a_session_does_not_keep_it_open() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let id = sessions.open(start).unwrap();
        let nearly = SESSION_IDLE_MAX.saturating_sub(Duration::from_secs(1));
        assert!(sessions.is_open(&id.digest(), start + nearly));
        assert!(!sessions.is_open(&id.digest(), start + SESSION_IDLE_MAX));
        sessions.close(id.expose());
        assert!(!sessions.is_open(&id.digest(), start));
    }

    #[test]
    fn a_session_ends_when_idle_when_old_and_when_closed() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let id = sessions.open(start).unwrap();
        let nearly = SESSION_IDLE_MAX.saturating_sub(Duration::from_secs(1));
        assert!(sessions.touch(id.expose(), start + nearly));
        assert!(sessions.touch(id.expose(), start + nearly * 2));
        assert!(!sessions.touch(id.expose(), start + nearly * 2 + SESSION_IDLE_MAX));

        let busy = sessions.open(start).unwrap();
        let mut now = start;
        while now < start + SESSION_LIFE_MAX {
            assert!(sessions.touch(busy.expose(), now));
            now += nearly;
        }
        assert!(!sessions.touch(busy.expose(), now));

        let closed = sessions.open(start).unwrap();
        sessions.close(closed.expose());
        assert!(!sessions.touch(closed.expose(), start));
        assert!(!sessions.touch("bss_guess", start));
    }
}
