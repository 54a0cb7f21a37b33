//! Life, rotation and revocation of stored sessions.

use proptest::prelude::*;

use super::*;
use crate::clock::after;

const NOW: Timestamp = Timestamp::from_unix_us(1_800_000_000_000_000);
const NEVER: Timestamp = Timestamp::from_unix_us(0);

fn origin() -> SessionOrigin {
    SessionOrigin::new([192, 0, 2, 1].into(), "Mozilla/5.0")
}

fn open(stage: SessionStage) -> (Secret, StoredSession) {
    StoredSession::open(UserName::parse("ana").unwrap(), stage, origin(), NOW).unwrap()
}

fn check(session: &StoredSession, secret: &Secret, now: Timestamp) -> Result<(), SessionEnded> {
    StoredSession::check(Some(session), secret.expose(), NEVER, now).map(drop)
}

#[test]
fn it_ends_half_an_hour_after_the_last_use() {
    let (secret, mut session) = open(SessionStage::Open);
    let nearly = STORED_SESSION_IDLE_MAX
        .checked_sub(Duration::from_micros(1))
        .unwrap();
    assert_eq!(check(&session, &secret, after(NOW, nearly)), Ok(()));
    let idle = after(NOW, STORED_SESSION_IDLE_MAX);
    assert_eq!(session.ends_at(), idle);
    assert_eq!(check(&session, &secret, idle), Err(SessionEnded::Idle));
    session.used_at = session.use_to_note(after(NOW, nearly)).unwrap();
    assert_eq!(check(&session, &secret, idle), Ok(()));
}

#[test]
fn it_ends_after_twelve_hours_however_busy() {
    let (mut secret, mut session) = open(SessionStage::Open);
    let mut now = NOW;
    while check(&session, &secret, now).is_ok() {
        now = after(now, Duration::from_mins(20));
        // A rotation does not prolong it either.
        (secret, session) = session.rotate(SessionStage::Open, now).unwrap();
    }
    assert_eq!(now, after(NOW, STORED_SESSION_LIFE_MAX));
    assert_eq!(check(&session, &secret, now), Err(SessionEnded::TooOld));
}

#[test]
fn a_rotation_leaves_the_old_id_worth_nothing() {
    let (before, half) = open(SessionStage::SecondFactor);
    let (secret, session) = half
        .rotate(SessionStage::Open, after(NOW, Duration::from_secs(9)))
        .unwrap();
    assert_eq!(session.user, half.user);
    assert_eq!(
        (session.logged_in_at, session.stage),
        (NOW, SessionStage::Open)
    );
    assert_eq!(check(&session, &before, NOW), Err(SessionEnded::Unknown));
    assert_eq!(
        check(&session, &secret, after(NOW, Duration::from_mins(10))),
        Ok(())
    );
    // What waits for the second factor does not wait long.
    let late = after(NOW, SECOND_FACTOR_LIFE_MAX);
    assert_eq!(check(&half, &before, late), Err(SessionEnded::TooOld));
    assert_eq!(half.ends_at(), late);
}

#[test]
fn one_is_revoked_or_all_are() {
    let (secret, session) = open(SessionStage::Open);
    let revoked = StoredSession {
        revoked_at: Some(NOW),
        ..session.clone()
    };
    assert_eq!(check(&revoked, &secret, NOW), Err(SessionEnded::Revoked));

    let everywhere = after(NOW, Duration::from_secs(1));
    let at = |session, secret: &Secret, now| {
        StoredSession::check(Some(session), secret.expose(), everywhere, now).map(drop)
    };
    assert_eq!(
        at(&session, &secret, everywhere),
        Err(SessionEnded::Revoked)
    );
    // The one in which the password was changed goes on under another id.
    let (secret, session) = session.rotate(SessionStage::Open, everywhere).unwrap();
    assert_eq!(at(&session, &secret, everywhere), Ok(()));
}

#[test]
fn an_id_is_its_digest_and_nothing_else_opens() {
    let (secret, session) = open(SessionStage::Open);
    assert_eq!(session.id, TokenDigest::of(secret.expose()));
    let (other, _) = open(SessionStage::Open);
    for wrong in ["", other.expose()] {
        let ended = StoredSession::check(Some(&session), wrong, NEVER, NOW);
        assert_eq!(ended, Err(SessionEnded::Unknown));
    }
    let none = StoredSession::check(None, secret.expose(), NEVER, NOW);
    assert_eq!(none, Err(SessionEnded::Unknown));
    assert!(!format!("{session:?}").contains(secret.expose()));
}

#[test]
fn a_use_is_noted_once_a_minute() {
    let (_, session) = open(SessionStage::Open);
    assert_eq!(
        session.use_to_note(after(NOW, Duration::from_secs(59))),
        None
    );
    let minute = after(NOW, STORED_SESSION_USE_STEP);
    assert_eq!(session.use_to_note(minute), Some(minute));
    assert_eq!(session.use_to_note(NEVER), None);
}

#[test]
fn what_a_browser_calls_itself_is_cut_short() {
    let origin = SessionOrigin::new([192, 0, 2, 1].into(), &"a\u{1b}\n".repeat(1_000));
    assert_eq!(origin.agent, "a".repeat(AGENT_CHARS_MAX));
}

proptest! {
    #[test]
    fn it_counts_exactly_until_it_ends(
        used in 0_u64..50_000, now in 0_u64..60_000, is_open in any::<bool>(),
    ) {
        let stage = if is_open { SessionStage::Open } else { SessionStage::SecondFactor };
        let (secret, mut session) = open(stage);
        session.used_at = after(NOW, Duration::from_secs(used));
        let now = after(NOW, Duration::from_secs(now));
        prop_assert_eq!(check(&session, &secret, now).is_ok(), now < session.ends_at());
    }
}
