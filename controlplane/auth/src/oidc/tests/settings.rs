//! What settings, documents and claims lead to.

use url::Url;

use super::*;

#[tokio::test]
async fn claims_become_a_role_by_the_first_rule_that_fits() {
    let role = |settings, groups: Value| async move {
        let provider = Provider::new(Signer::p256("k1"));
        provider.change_claims(json!({"groups": groups, "realm_access": {"roles": groups}}));
        log_in(&client(settings), &provider).await
    };
    for groups in [json!(["crm", "ops"]), json!(["ops"]), json!("ops")] {
        assert_eq!(
            role(settings(), groups).await.unwrap().grant,
            Subject::whole(Role::Operator)
        );
    }
    for groups in [
        json!(null),
        json!([]),
        json!(["Ops"]),
        json!({"ops": true}),
        json!([["ops"]]),
    ] {
        let finished = role(settings(), groups.clone()).await;
        assert!(matches!(finished, Err(OidcError::NoRole)), "{groups}");
        let otherwise = Some(Subject::whole(Role::Viewer));
        let lenient = OidcSettings {
            otherwise,
            ..settings()
        };
        assert_eq!(
            role(lenient, groups).await.unwrap().grant.role,
            Role::Viewer
        );
    }
    let nested = OidcSettings {
        role_claim: "realm_access.roles".to_owned(),
        ..settings()
    };
    assert_eq!(
        role(nested, json!(["ops"])).await.unwrap().grant.role,
        Role::Operator
    );
}

#[tokio::test]
async fn a_name_is_one_that_the_provider_vouches_for() {
    for unverified in [json!(false), json!(null), json!("true")] {
        let refused = refused(json!({"email_verified": unverified})).await;
        assert!(matches!(refused, IdTokenRefused::Malformed(_)));
    }
    assert!(matches!(
        refused(json!({"email": null})).await,
        IdTokenRefused::Malformed(_)
    ));
    assert!(matches!(
        refused(json!({"sub": ""})).await,
        IdTokenRefused::Malformed(_)
    ));
    let bad = with_claims(json!({"email": "ana b@example.com"})).await;
    assert!(matches!(bad, Err(OidcError::User { .. })));
}

#[tokio::test]
async fn a_provider_that_does_not_describe_itself_well_is_refused() {
    for (change, text) in [
        (json!({"issuer": "https://evil.example"}), "another issuer"),
        (
            json!({"token_endpoint": "http://id.example/token"}),
            "https",
        ),
        (json!({"jwks_uri": "file:///etc/passwd"}), "https"),
        (json!({"authorization_endpoint": null}), "malformed"),
        (
            json!({"code_challenge_methods_supported": ["plain"]}),
            "S256",
        ),
    ] {
        let provider = Provider::new(Signer::p256("k1"));
        provider.change_document(change.clone());
        let error = client(settings()).begin(&provider, NOW).await.unwrap_err();
        assert!(error.to_string().contains(text), "{change}: {error}");
    }
    let provider = Provider::new(Signer::p256("k1"));
    provider.be_away();
    let error = client(settings()).begin(&provider, NOW).await.unwrap_err();
    assert!(matches!(
        error,
        OidcError::Fetch {
            what: "configuration",
            ..
        }
    ));
}

#[test]
fn settings_are_checked_before_anybody_is_asked() {
    let issuer = |text: &str| OidcSettings {
        issuer: text.to_owned(),
        ..settings()
    };
    for good in [
        "https://id.example/realms/main",
        "http://127.0.0.1:8080",
        "http://[::1]",
    ] {
        assert!(OidcConfig::parse(issuer(good)).is_ok(), "{good}");
    }
    for bad in [
        "",
        "id.example",
        "http://id.example",
        "ftp://id.example",
        "https://a:b@id.example",
        "https://id.example?x",
        "https://id.example#x",
    ] {
        assert_eq!(
            OidcConfig::parse(issuer(bad)).unwrap_err().field,
            "issuer",
            "{bad}"
        );
    }
    let scopes = OidcSettings {
        scopes: vec!["a b".to_owned()],
        ..settings()
    };
    assert!(OidcConfig::parse(scopes).is_err());
    let client_id = OidcSettings {
        client_id: String::new(),
        ..settings()
    };
    assert!(OidcConfig::parse(client_id).is_err());
    assert!(!format!("{:?}", settings()).contains(SECRET));
}

#[test]
fn the_provider_of_the_tests_is_where_we_think() {
    let config = OidcConfig::parse(settings()).unwrap();
    let expected = Url::parse("https://id.example/.well-known/openid-configuration").unwrap();
    assert_eq!(config.discovery_url(), expected);
}
