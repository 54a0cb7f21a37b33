//! Sessions of people as rows: they outlive a restart, and any control plane knows them.
//!
//! Owns their lives. Refuses rows and cookies: the caller looks up by `TokenDigest::of` what the
//! cookie holds, and stores what it gets. Invariants: of the cookie's value, 256 random bits, only
//! the digest is kept; a session ends 30 minutes after its last use and 12 hours after the log-in,
//! whatever happens in between; whenever what it allows changes it gets another id, so that an id
//! from before a log-in is worth nothing after it.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use cp_model::Timestamp;

use crate::clock::between;
use crate::user::UserName;
use crate::{Secret, SecretError, TokenDigest};

/// A console that somebody left open is closed before the next person sits down.
pub const STORED_SESSION_IDLE_MAX: Duration = Duration::from_mins(30);
/// A working day: however busy, everyone logs in once a day.
pub const STORED_SESSION_LIFE_MAX: Duration = Duration::from_hours(12);
/// Between password and second factor: to find the telephone.
pub const SECOND_FACTOR_LIFE_MAX: Duration = Duration::from_mins(5);
/// A use is written down once in this time; a session may end so much early.
pub const STORED_SESSION_USE_STEP: Duration = Duration::from_mins(1);
/// Browsers write short novels.
const AGENT_CHARS_MAX: usize = 200;

/// A row. All of it may be shown to its user, but for the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    pub id: TokenDigest,
    pub user: UserName,
    pub stage: SessionStage,
    /// Of the log-in; a rotation does not change it.
    pub logged_in_at: Timestamp,
    /// Of this id.
    pub made_at: Timestamp,
    pub used_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// For the user's list of sessions, and to know the address again (`Lockout::know`).
    pub origin: SessionOrigin,
}

/// How far a log-in has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStage {
    /// The password was right; the session serves to present the second factor and nothing else.
    SecondFactor,
    Open,
}

/// Where a log-in came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOrigin {
    pub address: IpAddr,
    /// What the browser calls itself, cut short.
    pub agent: String,
}

/// Why a session does not count. The client learns that it has to log in; the log may tell more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnded {
    #[error("there is no such session")]
    Unknown,
    #[error("the session was revoked")]
    Revoked,
    #[error("the session was idle for too long")]
    Idle,
    #[error("the log-in was too long ago")]
    TooOld,
}

// === impl StoredSession ===

impl StoredSession {
    /// After a log-in, always with a new id. The secret goes into the cookie.
    pub fn open(
        user: UserName,
        stage: SessionStage,
        origin: SessionOrigin,
        now: Timestamp,
    ) -> Result<(Secret, Self), SecretError> {
        let secret = Secret::random("bss_")?;
        let session = Self {
            id: secret.digest(),
            user,
            stage,
            logged_in_at: now,
            made_at: now,
            used_at: now,
            revoked_at: None,
            origin,
        };
        Ok((secret, session))
    }

    /// The same session under another id: after the second factor, a change of password, of role or
    /// of factors. The caller stores it and deletes the old row in one transaction.
    pub fn rotate(
        &self,
        stage: SessionStage,
        now: Timestamp,
    ) -> Result<(Secret, Self), SecretError> {
        let secret = Secret::random("bss_")?;
        let session = Self {
            id: secret.digest(),
            stage,
            made_at: now,
            used_at: now,
            ..self.clone()
        };
        Ok((secret, session))
    }

    /// `found` is the row of the presented id's digest, if there is one. `valid_from` is the user's:
    /// sessions whose id was made before it were revoked all at once (log out everywhere, a change of
    /// password, a disabled user; take `Timestamp::default()` when that never happened). The caller
    /// also looks at the stage.
    pub fn check<'a>(
        found: Option<&'a Self>,
        presented: &str,
        valid_from: Timestamp,
        now: Timestamp,
    ) -> Result<&'a Self, SessionEnded> {
        let session = found.filter(|session| session.id.matches(presented));
        let session = session.ok_or(SessionEnded::Unknown)?;
        if session.revoked_at.is_some() || session.made_at < valid_from {
            return Err(SessionEnded::Revoked);
        }
        let life_max = match session.stage {
            SessionStage::SecondFactor => SECOND_FACTOR_LIFE_MAX,
            SessionStage::Open => STORED_SESSION_LIFE_MAX,
        };
        if between(session.logged_in_at, now) >= life_max {
            return Err(SessionEnded::TooOld);
        }
        if between(session.used_at, now) >= STORED_SESSION_IDLE_MAX {
            return Err(SessionEnded::Idle);
        }
        Ok(session)
    }

    /// What to write as `used_at`, or `None` when it is recent enough. Not for whoever only watches:
    /// a stream of events that renews itself would keep a deserted console open.
    pub fn use_to_note(&self, now: Timestamp) -> Option<Timestamp> {
        (between(self.used_at, now) >= STORED_SESSION_USE_STEP).then_some(now)
    }

    /// When it ends if nobody uses it again; rows are deleted after that.
    pub fn ends_at(&self) -> Timestamp {
        let idle = crate::clock::after(self.used_at, STORED_SESSION_IDLE_MAX);
        let life = match self.stage {
            SessionStage::SecondFactor => SECOND_FACTOR_LIFE_MAX,
            SessionStage::Open => STORED_SESSION_LIFE_MAX,
        };
        idle.min(crate::clock::after(self.logged_in_at, life))
    }
}

// === impl SessionOrigin ===

impl SessionOrigin {
    pub fn new(address: IpAddr, agent: &str) -> Self {
        let printable = agent.chars().filter(|c| !c.is_control());
        Self {
            address,
            agent: printable.take(AGENT_CHARS_MAX).collect(),
        }
    }
}
