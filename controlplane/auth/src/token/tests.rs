//! Form, life and use of API and join tokens.

use std::time::Duration;

use cp_model::{NodeName, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::role::{Role, Scope, Subject};
use crate::{Fingerprint, Secret};

const NOW: Timestamp = Timestamp::from_unix_us(1_800_000_000_000_000);

fn later(seconds: u64) -> Timestamp {
    crate::clock::after(NOW, Duration::from_secs(seconds))
}

fn grant() -> Subject {
    Subject {
        role: Role::Developer,
        scope: Scope::parse(["crm."]).unwrap(),
    }
}

fn api_token() -> (Secret, ApiToken) {
    ApiToken::issue(grant(), NOW, API_TOKEN_LIFE_DEFAULT).unwrap()
}

fn join_token(node: Option<&str>) -> (Secret, JoinToken) {
    let node = node.map(|name| NodeName::parse(name).unwrap());
    JoinToken::issue(Fingerprint::of(b"ca"), node, NOW, JOIN_TOKEN_LIFE_MAX).unwrap()
}

#[test]
fn an_api_token_counts_until_it_expires_or_is_revoked() {
    let (text, token) = api_token();
    let shape: Vec<&str> = text.expose().split('_').collect();
    assert_eq!(shape[..2], ["bsc", token.id.as_str()]);
    assert_eq!(shape[2].len(), 46);
    let presented = PresentedApiToken::parse(text.expose()).unwrap();
    assert_eq!(presented.id(), &token.id);
    let admitted = ApiToken::admit(Some(&token), &presented, NOW).unwrap();
    assert_eq!(admitted.grant, grant());

    let end = token.expires_at;
    assert_eq!(
        ApiToken::admit(Some(&token), &presented, end),
        Err(ApiTokenRefused::Expired(end))
    );
    let revoked = ApiToken {
        revoked_at: Some(later(9)),
        ..token
    };
    assert_eq!(
        ApiToken::admit(Some(&revoked), &presented, end),
        Err(ApiTokenRefused::Revoked(later(9)))
    );
    assert_eq!(revoked.life_left(NOW), Duration::ZERO);
}

#[test]
fn only_the_secret_learns_why() {
    let (_, mut token) = api_token();
    token.revoked_at = Some(NOW);
    let (other, other_row) = api_token();
    let presented = PresentedApiToken::parse(other.expose()).unwrap();
    // A guess: the id of one token with the secret of another.
    let mixed = ApiToken {
        id: other_row.id,
        ..token
    };
    for found in [None, Some(&mixed)] {
        let refused = ApiToken::admit(found, &presented, NOW);
        assert_eq!(refused, Err(ApiTokenRefused::Unknown));
    }
}

#[test]
fn a_row_of_another_id_never_counts() {
    let (text, token) = api_token();
    let wrong = ApiToken {
        id: api_token().1.id,
        ..token
    };
    let presented = PresentedApiToken::parse(text.expose()).unwrap();
    let refused = ApiToken::admit(Some(&wrong), &presented, NOW);
    assert_eq!(refused, Err(ApiTokenRefused::Unknown));
}

#[test]
fn a_use_is_noted_once_a_minute() {
    let (_, mut token) = api_token();
    let noted = token.use_to_note(later(59)).unwrap();
    assert_eq!(noted, NOW);
    token.used_at = Some(noted);
    assert_eq!(token.use_to_note(later(59)), None);
    assert_eq!(token.use_to_note(later(60)), Some(later(60)));
    // The clock was set back: the later use stands.
    assert_eq!(token.use_to_note(Timestamp::from_unix_us(0)), None);
}

#[test]
fn no_token_lives_for_ever() {
    for life in [Duration::ZERO, API_TOKEN_LIFE_MAX + Duration::from_secs(1)] {
        assert!(ApiToken::issue(grant(), NOW, life).is_err());
    }
    for life in [Duration::ZERO, JOIN_TOKEN_LIFE_MAX + Duration::from_secs(1)] {
        assert!(JoinToken::issue(Fingerprint::of(b"ca"), None, NOW, life).is_err());
    }
}

#[test]
fn a_join_token_works_once_and_says_why_not() {
    let (text, mut token) = join_token(None);
    let presented = PresentedJoinToken::parse(text.expose()).unwrap();
    assert_eq!(presented.ca(), Fingerprint::of(b"ca"));
    let node = NodeName::parse("node-1").unwrap();
    let redeem = |token: &JoinToken, now| JoinToken::redeem(Some(token), &presented, &node, now);

    assert_eq!(
        redeem(&token, token.expires_at),
        Err(JoinRefused::Expired(token.expires_at))
    );
    let used = redeem(&token, later(5)).unwrap();
    assert_eq!((&used.node, used.at), (&node, later(5)));
    token.used = Some(used);
    assert_eq!(redeem(&token, later(6)), Err(JoinRefused::Used(later(5))));
    // A replay stays one when the token has expired, too.
    assert_eq!(
        redeem(&token, token.expires_at),
        Err(JoinRefused::Used(later(5)))
    );
    let unknown = JoinToken::redeem(None, &presented, &node, NOW);
    assert_eq!(unknown, Err(JoinRefused::Unknown));
}

#[test]
fn a_join_token_for_one_name_is_for_no_other() {
    let (text, token) = join_token(Some("node-1"));
    let presented = PresentedJoinToken::parse(text.expose()).unwrap();
    let redeem = |name| {
        let node = NodeName::parse(name).unwrap();
        JoinToken::redeem(Some(&token), &presented, &node, NOW)
    };
    assert_eq!(redeem("node-2"), Err(JoinRefused::OtherNode));
    assert!(redeem("node-1").is_ok());
}

#[test]
fn one_kind_of_token_is_not_the_other() {
    let (api, _) = api_token();
    let (join, _) = join_token(None);
    assert_eq!(
        PresentedApiToken::parse(join.expose()).unwrap_err(),
        TokenTextError::Foreign("bsc")
    );
    assert_eq!(
        PresentedJoinToken::parse(api.expose()).unwrap_err(),
        TokenTextError::Foreign("bsj")
    );
    // The admin token has the prefix and no id.
    let admin = Secret::random("bsc_").unwrap();
    assert!(PresentedApiToken::parse(admin.expose()).is_err());
}

#[test]
fn nothing_prints_a_secret() {
    let (text, token) = join_token(None);
    let secret = text.expose().split('_').nth(2).unwrap().to_owned();
    let presented = PresentedJoinToken::parse(text.expose()).unwrap();
    let (api_text, api) = api_token();
    let api_secret = api_text.expose().split('_').nth(2).unwrap().to_owned();
    let presented_api = PresentedApiToken::parse(api_text.expose()).unwrap();
    let shown = format!("{text:?}{token:?}{presented:?}{api:?}{presented_api:?}");
    assert!(
        !shown.contains(&secret) && !shown.contains(&api_secret),
        "{shown}"
    );
}

/// One slip of the hand, other than none at all.
fn slip(text: &str, at: usize, how: usize) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at % chars.len();
    match how % 4 {
        0 => drop(chars.remove(at)),
        1 => chars[at] = if chars[at] == 'x' { '7' } else { 'x' },
        2 => chars.truncate(at),
        _ => chars.insert(at, 'q'),
    }
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn a_slip_is_told_from_a_revoked_token(at in 0_usize..200, how in 0_usize..4) {
        let (api, _) = api_token();
        let (join, _) = join_token(None);
        prop_assert!(PresentedApiToken::parse(&slip(api.expose(), at, how)).is_err());
        prop_assert!(PresentedJoinToken::parse(&slip(join.expose(), at, how)).is_err());
        if at >= 4 && at < api.expose().len() {
            let error = PresentedApiToken::parse(&slip(api.expose(), at, how)).unwrap_err();
            prop_assert_eq!(error, TokenTextError::Mistyped);
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,300}", id in "[0-9a-z_]{0,80}") {
        for text in [text.clone(), format!("bsc_{text}"), format!("bsj_{id}"), id.clone()] {
            prop_assert!(PresentedApiToken::parse(&text).is_err());
            prop_assert!(PresentedJoinToken::parse(&text).is_err());
        }
        if let Ok(parsed) = TokenId::parse(&id) {
            prop_assert_eq!(parsed.as_str(), &id);
        }
    }
}
