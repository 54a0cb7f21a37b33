//! Hashes, lengths, and the bound on how many run at once.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn new_password(text: &str) -> NewPassword {
    NewPassword::parse(secret(text)).unwrap()
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A hash with a fourth of the memory, as an older release might have made.
fn outdated(text: &str) -> PasswordHash {
    let params = Params::new(MEMORY_KIB / 4, 1, 1, Some(OUTPUT_BYTES)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    PasswordHash(
        argon2
            .hash_password_with_salt(text.as_bytes(), &[7; 16])
            .unwrap(),
    )
}

#[tokio::test]
async fn the_right_password_is_right_and_no_other() {
    let pool = PasswordPool::new(1, 4).unwrap();
    let hash = pool
        .enter()
        .await
        .unwrap()
        .hash(new_password("correct horse"))
        .await
        .unwrap();
    let text = hash.to_string();
    assert!(
        text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{text}"
    );
    let stored = PasswordHash::parse(&text).unwrap();
    assert!(!stored.is_outdated());
    for (presented, expected) in [
        ("correct horse", Verdict::Right),
        ("correct horsf", Verdict::Wrong),
        ("", Verdict::Wrong),
    ] {
        let turn = pool.enter().await.unwrap();
        let verdict = turn
            .verify(secret(presented), Some(stored.clone()))
            .await
            .unwrap();
        assert_eq!(verdict, expected, "{presented}");
    }
}

#[tokio::test]
async fn an_unknown_user_costs_one_hash_too() {
    let pool = PasswordPool::new(1, 4).unwrap();
    let start = pool.runs();
    let turn = pool.enter().await.unwrap();
    assert_eq!(
        turn.verify(secret("whatever it is"), None).await.unwrap(),
        Verdict::Wrong
    );
    assert_eq!(pool.runs(), start + 1);
    let known = outdated("whatever it is");
    let turn = pool.enter().await.unwrap();
    let verdict = turn
        .verify(secret("whatever it is"), Some(known))
        .await
        .unwrap();
    assert_eq!(verdict, Verdict::RightButOutdated);
    assert_eq!(pool.runs(), start + 2);
    // What nobody's password is compared with costs what everybody's does.
    let nobody = pool
        .enter()
        .await
        .unwrap()
        .run(|nobody, _| nobody.clone())
        .await
        .unwrap();
    assert!(!nobody.is_outdated());
}

#[tokio::test]
async fn what_is_too_long_is_not_hashed() {
    let pool = PasswordPool::new(1, 4).unwrap();
    let turn = pool.enter().await.unwrap();
    let long = secret(&"x".repeat(PASSWORD_BYTES_MAX + 1));
    assert_eq!(turn.verify(long, None).await.unwrap(), Verdict::Wrong);
    // That of nobody, at the start.
    assert_eq!(pool.runs(), 1);
}

#[tokio::test]
async fn a_flood_waits_and_what_is_too_much_is_sent_away() {
    let pool = PasswordPool::new(1, 1).unwrap();
    let first = pool.enter().await.unwrap();
    let mut second = pin!(pool.enter());
    assert!(poll_once(second.as_mut()).is_pending());
    assert_eq!(pool.enter().await.unwrap_err(), PasswordBusy);
    drop(first);
    drop(second.await.unwrap());
    assert!(pool.enter().await.is_ok());
}

#[tokio::test]
async fn a_slot_is_held_until_the_hash_is_done() {
    let pool = PasswordPool::new(1, 0).unwrap();
    let (finish, finished) = mpsc::channel::<()>();
    let turn = pool.enter().await.unwrap();
    {
        let mut asked = pin!(turn.run(move |_, _| finished.recv()));
        assert!(poll_once(asked.as_mut()).is_pending());
        // Whoever asked is gone.
    }
    assert_eq!(pool.enter().await.unwrap_err(), PasswordBusy);
    finish.send(()).unwrap();
    while pool.enter().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn length_is_counted_in_characters_and_bounded_in_bytes() {
    for good in ["twelve chars", "зимний ветер", &"x".repeat(1_024)] {
        assert!(NewPassword::parse(secret(good)).is_ok(), "{good}");
    }
    let long = "x".repeat(1_025);
    // Twelve bytes, six characters.
    for bad in ["", "eleven char", "ветер!", &long] {
        let error = NewPassword::parse(secret(bad)).unwrap_err();
        assert_eq!(error.field, "password");
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
}

#[test]
fn a_stored_hash_is_ours_and_bounded() {
    let salt_and_hash = "$c29tZXNhbHRzb21lc2FsdA$CWiFJs9XZ0hhVlZg8F4V1m0VXJdTnEtZMzVAJ1Xcnbs";
    let with = |start: &str| PasswordHash::parse(&format!("{start}{salt_and_hash}"));
    assert!(
        !with("$argon2id$v=19$m=19456,t=2,p=1")
            .unwrap()
            .is_outdated()
    );
    for outdated in [
        "$argon2id$v=19$m=4096,t=3,p=1",
        "$argon2id$v=16$m=19456,t=2,p=1",
    ] {
        assert!(with(outdated).unwrap().is_outdated(), "{outdated}");
    }
    for bad in [
        "",
        "$argon2i$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=4194304,t=2,p=1",
        "$argon2id$v=19$m=19456,t=1000000,p=1",
        "$argon2id$v=19$m=19456,t=2,p=1000",
        "$pbkdf2-sha256$i=1000",
    ] {
        assert!(with(bad).is_err(), "{bad}");
    }
    assert!(PasswordHash::parse("$argon2id$v=19$m=19456,t=2,p=1").is_err());
}

#[test]
fn a_flood_leaves_half_of_the_cores() {
    assert_eq!([1, 2, 3, 4, 16].map(passwords_at_once), [1, 1, 1, 2, 8]);
}

proptest! {
    #[test]
    fn any_stored_text_is_parsed_or_refused(text in "(\\$argon2id)?\\PC{0,120}") {
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert_eq!(hash.to_string(), text);
        }
    }
}
