//! Against a provider that plays by the rules until a test breaks one.

mod provider;
mod settings;
mod token;

use std::time::Duration;

use cp_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Secret;
use crate::clock::after;
use crate::role::{Role, Scope, Subject};
use provider::{CLIENT, ISSUER, Provider, SECRET, Signer};

const NOW: Timestamp = Timestamp::from_unix_us(1_800_000_000_000_000);

fn settings() -> OidcSettings {
    let rule = |value: &str, role, scope| RoleRule {
        value: value.to_owned(),
        grant: Subject { role, scope },
    };
    OidcSettings {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(Secret::new(SECRET.to_owned())),
        redirect_uri: "https://bascule.example/api/v1/session/oidc".to_owned(),
        scopes: vec!["email".to_owned(), "groups".to_owned()],
        user_claim: "email".to_owned(),
        role_claim: "groups".to_owned(),
        rules: vec![
            rule("ops", Role::Operator, Scope::Whole),
            rule("crm", Role::Developer, Scope::parse(["crm."]).unwrap()),
        ],
        otherwise: None,
    }
}

fn client(settings: OidcSettings) -> OidcClient {
    OidcClient::new(OidcConfig::parse(settings).unwrap())
}

/// A whole log-in at a provider.
async fn log_in(client: &OidcClient, provider: &Provider) -> Result<OidcIdentity, OidcError> {
    log_in_at(client, provider, NOW).await
}

async fn log_in_at(
    client: &OidcClient,
    provider: &Provider,
    now: Timestamp,
) -> Result<OidcIdentity, OidcError> {
    let start = client.begin(provider, now).await?;
    let back = provider.authorize(&start.url);
    client
        .finish(provider, &start.pending, back.callback(&start.state), now)
        .await
}

/// How a log-in with changed claims ends; `null` takes a claim away.
async fn with_claims(changes: Value) -> Result<OidcIdentity, OidcError> {
    let provider = Provider::new(Signer::p256("k1"));
    provider.change_claims(changes);
    log_in(&client(settings()), &provider).await
}

async fn refused(changes: Value) -> IdTokenRefused {
    match with_claims(changes.clone()).await {
        Err(OidcError::IdToken(refused)) => refused,
        other => panic!("{changes}: {other:?}"),
    }
}

#[tokio::test]
async fn a_person_logs_in_with_each_kind_of_key() {
    for signer in [Signer::p256("k1"), Signer::rsa("k1"), Signer::ed25519("k1")] {
        let provider = Provider::new(signer);
        let identity = log_in(&client(settings()), &provider).await.unwrap();
        assert_eq!(identity.user.as_str(), "ana@example.com");
        assert_eq!(
            (identity.issuer.as_str(), identity.subject.as_str()),
            (ISSUER, "248289761001")
        );
        assert_eq!(identity.grant.role, Role::Developer);
        assert!(identity.grant.scope.holds("crm.orders"));
    }
}

#[tokio::test]
async fn the_question_has_all_that_protects_the_answer() {
    let provider = Provider::new(Signer::p256("k1"));
    let client = client(settings());
    let start = client.begin(&provider, NOW).await.unwrap();
    let pairs: std::collections::HashMap<_, _> = start.url.query_pairs().into_owned().collect();
    assert!(
        start
            .url
            .as_str()
            .starts_with("https://id.example/authorize?prompt=login&")
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("scope", "openid email groups"),
        ("state", start.state.expose()),
        ("nonce", start.pending.nonce.expose()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(pairs[name], value, "{name}");
    }
    assert_ne!(pairs["code_challenge"], start.pending.verifier.expose());
    let again = client.begin(&provider, NOW).await.unwrap();
    assert_ne!(again.state.expose(), start.state.expose());
    assert_ne!(again.pending.nonce.expose(), start.pending.nonce.expose());
    assert_ne!(
        again.pending.verifier.expose(),
        start.pending.verifier.expose()
    );
    let shown = format!("{start:?}");
    assert!(!shown.contains(start.state.expose()) && !shown.contains(start.pending.nonce.expose()));
}

#[tokio::test]
async fn only_the_browser_that_began_finishes_and_in_time() {
    let provider = Provider::new(Signer::p256("k1"));
    let client = client(settings());
    let start = client.begin(&provider, NOW).await.unwrap();
    let other = client.begin(&provider, NOW).await.unwrap();
    let back = provider.authorize(&start.url);
    let right = back.callback(&start.state);
    for callback in [
        OidcCallback {
            cookie_state: None,
            ..right
        },
        OidcCallback {
            cookie_state: Some(other.state.expose()),
            ..right
        },
        OidcCallback {
            state: None,
            ..right
        },
        OidcCallback {
            state: Some(other.state.expose()),
            ..right
        },
        OidcCallback {
            code: None,
            ..right
        },
        OidcCallback::default(),
    ] {
        let finished = client
            .finish(&provider, &start.pending, callback, NOW)
            .await;
        assert!(
            matches!(finished, Err(OidcError::NotPending)),
            "{finished:?}"
        );
    }
    let late = after(NOW, OIDC_PENDING_LIFE);
    let finished = client.finish(&provider, &start.pending, right, late).await;
    assert!(matches!(finished, Err(OidcError::NotPending)));
    let denied = OidcCallback {
        error: Some("access_denied\r\nx"),
        code: None,
        ..right
    };
    let finished = client.finish(&provider, &start.pending, denied, NOW).await;
    assert!(matches!(finished, Err(OidcError::Denied(code)) if code == "access_deniedx"));
    // None of that spoiled the code.
    assert!(
        client
            .finish(&provider, &start.pending, right, NOW)
            .await
            .is_ok()
    );
    // The provider takes it once.
    let finished = client.finish(&provider, &start.pending, right, NOW).await;
    let Err(OidcError::Status {
        status: 400,
        code: Some(code),
        ..
    }) = finished
    else {
        panic!("{finished:?}");
    };
    assert_eq!(code, "invalid_grant");
}

#[tokio::test]
async fn a_code_of_another_log_in_is_worth_nothing() {
    let provider = Provider::new(Signer::p256("k1"));
    let client = client(settings());
    let (mine, theirs) = (
        client.begin(&provider, NOW).await.unwrap(),
        client.begin(&provider, NOW).await.unwrap(),
    );
    let (back, stolen) = (
        provider.authorize(&mine.url),
        provider.authorize(&theirs.url),
    );
    let callback = OidcCallback {
        code: Some(&stolen.code),
        ..back.callback(&mine.state)
    };
    // The provider sees by PKCE that it was not us who began it.
    let finished = client.finish(&provider, &mine.pending, callback, NOW).await;
    assert!(
        matches!(finished, Err(OidcError::Status { status: 400, .. })),
        "{finished:?}"
    );
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched_and_not_too_often() {
    let provider = Provider::new(Signer::p256("k1"));
    let client = client(settings());
    log_in(&client, &provider).await.unwrap();
    assert_eq!(provider.key_fetches(), 1);
    log_in(&client, &provider).await.unwrap();
    assert_eq!(provider.key_fetches(), 1);

    provider.rotate(Signer::p256("k2"));
    let unknown = log_in(&client, &provider).await;
    assert!(matches!(
        unknown,
        Err(OidcError::IdToken(IdTokenRefused::UnknownKey))
    ));
    assert_eq!(provider.key_fetches(), 1);
    let later = after(NOW, Duration::from_secs(30));
    log_in_at(&client, &provider, later).await.unwrap();
    assert_eq!(provider.key_fetches(), 2);
    // The old key is withdrawn.
    provider.sign_with(Signer::p256("k1"), false);
    let old = log_in_at(&client, &provider, after(later, Duration::from_secs(30))).await;
    assert!(matches!(
        old,
        Err(OidcError::IdToken(IdTokenRefused::UnknownKey))
    ));
    // Without a word of an unknown key they are fetched anew after an hour.
    let fetches = provider.key_fetches();
    provider.rotate(Signer::p256("k3"));
    provider.change_claims(json!({"exp": 1_800_010_000}));
    log_in_at(&client, &provider, after(later, Duration::from_hours(2)))
        .await
        .unwrap();
    assert_eq!(provider.key_fetches(), fetches + 1);
}

#[tokio::test]
async fn keys_without_ids_are_tried_and_fetched_anew() {
    let provider = Provider::new(Signer::ed25519(""));
    let client = client(settings());
    log_in(&client, &provider).await.unwrap();
    provider.rotate(Signer::ed25519(""));
    let later = after(NOW, Duration::from_mins(1));
    log_in_at(&client, &provider, later).await.unwrap();
}

#[tokio::test]
async fn the_client_proves_itself_as_the_provider_likes_it() {
    for methods in [
        json!(null),
        json!(["client_secret_basic"]),
        json!(["client_secret_post"]),
    ] {
        let provider = Provider::new(Signer::p256("k1"));
        provider.change_document(json!({"token_endpoint_auth_methods_supported": methods}));
        log_in(&client(settings()), &provider).await.unwrap();
    }
    let wrong = OidcSettings {
        client_secret: Some(Secret::new("wrong".into())),
        ..settings()
    };
    let provider = Provider::new(Signer::p256("k1"));
    let finished = log_in(&client(wrong), &provider).await;
    assert!(matches!(
        finished,
        Err(OidcError::Status { status: 401, .. })
    ));
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused() {
    let provider = Provider::new(Signer::p256("k1"));
    provider.change_document(json!({"authorization_response_iss_parameter_supported": true}));
    let client = client(settings());
    for (iss, is_good) in [
        (None, false),
        (Some("https://evil.example"), false),
        (Some(ISSUER), true),
    ] {
        let start = client.begin(&provider, NOW).await.unwrap();
        let back = provider.authorize(&start.url);
        let callback = OidcCallback {
            iss,
            ..back.callback(&start.state)
        };
        let finished = client
            .finish(&provider, &start.pending, callback, NOW)
            .await;
        assert_eq!(finished.is_ok(), is_good, "{iss:?}");
    }
}

/// So that tests can say what a browser brings back.
impl provider::Back {
    fn callback<'a>(&'a self, cookie: &'a Secret) -> OidcCallback<'a> {
        OidcCallback {
            code: Some(&self.code),
            state: Some(&self.state),
            cookie_state: Some(cookie.expose()),
            ..OidcCallback::default()
        }
    }
}
