//! What makes an id token be refused.

use super::*;

#[tokio::test]
async fn a_token_of_another_log_in_is_refused() {
    assert_eq!(
        refused(json!({"nonce": "another"})).await,
        IdTokenRefused::Nonce
    );
    assert_eq!(refused(json!({"nonce": null})).await, IdTokenRefused::Nonce);
}

#[tokio::test]
async fn a_token_for_others_or_from_others_is_refused() {
    for audience in [
        json!("other"),
        json!(["other"]),
        json!([]),
        json!(7),
        json!(null),
    ] {
        assert_eq!(
            refused(json!({"aud": audience})).await,
            IdTokenRefused::Audience
        );
    }
    let several = json!([CLIENT, "other"]);
    let party = IdTokenRefused::AuthorizedParty;
    assert_eq!(refused(json!({"aud": several})).await, party);
    assert_eq!(
        refused(json!({"aud": several, "azp": "other"})).await,
        party
    );
    assert_eq!(refused(json!({"azp": "other"})).await, party);
    assert!(
        with_claims(json!({"aud": several, "azp": CLIENT}))
            .await
            .is_ok()
    );
    assert!(with_claims(json!({"aud": [CLIENT]})).await.is_ok());
    for issuer in [
        json!("https://id.example/"),
        json!("https://evil.example"),
        json!(null),
    ] {
        assert_eq!(
            refused(json!({"iss": issuer})).await,
            IdTokenRefused::Issuer
        );
    }
}

#[tokio::test]
async fn a_token_counts_in_its_time_and_a_minute_around_it() {
    let now = NOW.unix_us() / 1_000_000;
    assert!(with_claims(json!({"exp": now - 59})).await.is_ok());
    assert_eq!(
        refused(json!({"exp": now - 60})).await,
        IdTokenRefused::Expired
    );
    assert!(with_claims(json!({"iat": now + 60})).await.is_ok());
    assert_eq!(
        refused(json!({"iat": now + 61})).await,
        IdTokenRefused::NotYet
    );
    assert_eq!(
        refused(json!({"nbf": now + 61})).await,
        IdTokenRefused::NotYet
    );
    for gone in [
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"exp": "soon"}),
    ] {
        assert!(matches!(refused(gone).await, IdTokenRefused::Malformed(_)));
    }
    assert_eq!(
        refused(json!({"exp": i64::MIN})).await,
        IdTokenRefused::Expired
    );
    assert!(with_claims(json!({"exp": 1e300})).await.is_ok());
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let provider = Provider::new(Signer::rsa("k1"));
    let with_header = async |header: Value, signature: &str| {
        provider.change_header(header, Some(signature.to_owned()));
        match log_in(&client(settings()), &provider).await {
            Err(OidcError::IdToken(refused)) => refused,
            other => panic!("{other:?}"),
        }
    };
    for alg in [
        "none", "None", "NONE", "", "HS256", "RS512", "PS256", "rs256",
    ] {
        let refused = with_header(json!({"alg": alg, "kid": "k1"}), "").await;
        assert_eq!(refused, IdTokenRefused::Algorithm, "{alg}");
    }
    let refused = with_header(json!({"alg": "RS256", "kid": "k1"}), "").await;
    assert_eq!(refused, IdTokenRefused::Signature);
    let refused = with_header(json!({"alg": "RS256", "kid": "k1"}), "AAAA").await;
    assert_eq!(refused, IdTokenRefused::Signature);
    // The id of the RSA key with the name of another algorithm.
    let refused = with_header(json!({"alg": "ES256", "kid": "k1"}), "AAAA").await;
    assert_eq!(refused, IdTokenRefused::UnknownKey);
    let refused = with_header(json!({"alg": "RS256", "kid": "../../dev/null"}), "AAAA").await;
    assert_eq!(refused, IdTokenRefused::UnknownKey);
    let refused = with_header(json!({"alg": "RS256", "crit": ["exp"]}), "AAAA").await;
    assert!(matches!(refused, IdTokenRefused::Malformed(_)));
}

#[tokio::test]
async fn an_hmac_with_the_public_key_is_refused() {
    let provider = Provider::new(Signer::rsa("k1"));
    provider.sign_with_hmac_of_public_key();
    let finished = log_in(&client(settings()), &provider).await;
    let refused = Err(IdTokenRefused::Algorithm);
    assert_eq!(
        finished
            .map_err(|error| match error {
                OidcError::IdToken(refused) => refused,
                other => panic!("{other:?}"),
            })
            .map(drop),
        refused
    );
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let provider = Provider::new(Signer::p256("k1"));
    let intruder = Signer::p256("k1");
    provider.sign_with(intruder, true);
    let finished = log_in(&client(settings()), &provider).await;
    assert!(matches!(
        finished,
        Err(OidcError::IdToken(IdTokenRefused::Signature))
    ));
}

/// Signatures that others made: RFC 7515, A.2 and A.3, and RFC 8037, A.4.
#[test]
fn the_signatures_of_the_rfcs_are_verified() {
    let rsa = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let body = json!({"keys": [
        {"kty": "RSA", "kid": "A.2", "n": rsa, "e": "AQAB"},
        {"kty": "EC", "kid": "A.3", "crv": "P-256",
         "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty": "OKP", "kid": "A.4", "crv": "Ed25519",
         "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    let keys = keys::Keys::parse(body.to_string().as_bytes()).unwrap();
    let joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    for (id, algorithm, message, signature) in [
        (
            "A.2",
            keys::Algorithm::Rs256,
            format!("eyJhbGciOiJSUzI1NiJ9.{joe}"),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            "A.3",
            keys::Algorithm::Es256,
            format!("eyJhbGciOiJFUzI1NiJ9.{joe}"),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            "A.4",
            keys::Algorithm::EdDsa,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let signature = data_encoding::BASE64URL_NOPAD
            .decode(signature.as_bytes())
            .unwrap();
        let verify =
            |message: &str| keys.verify(algorithm, Some(id), message.as_bytes(), &signature);
        assert_eq!(verify(&message), Ok(()), "{id}");
        assert_eq!(
            verify(&format!("{message}x")),
            Err(IdTokenRefused::Signature),
            "{id}"
        );
    }
}

proptest! {
    #[test]
    fn any_token_and_key_set_are_read_or_refused(token in "\\PC{0,80}", dotted in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}", body in "\\PC{0,80}") {
        let provider = Provider::new(Signer::p256("k1"));
        let keys = keys::Keys::parse(provider.jwks().to_string().as_bytes()).unwrap();
        let expected = id_token::Expected { issuer: ISSUER, client_id: CLIENT, nonce: "n" };
        for token in [token, dotted] {
            prop_assert!(id_token::verify(&token, &keys, expected, NOW).is_err());
        }
        prop_assert!(keys::Keys::parse(body.as_bytes()).is_err());
    }

    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), to in prop::sample::select(vec!['A', 'b', '7', '_', '.', '='])) {
        let provider = Provider::new(Signer::ed25519("k1"));
        let keys = keys::Keys::parse(provider.jwks().to_string().as_bytes()).unwrap();
        let expected = id_token::Expected { issuer: ISSUER, client_id: CLIENT, nonce: "n" };
        let token = provider.id_token("n");
        prop_assert!(id_token::verify(&token, &keys, expected, NOW).is_ok());
        let mut chars: Vec<char> = token.chars().collect();
        let at = at.index(chars.len());
        if chars[at] != to {
            chars[at] = to;
            let changed: String = chars.into_iter().collect();
            prop_assert!(id_token::verify(&changed, &keys, expected, NOW).is_err());
        }
    }

    #[test]
    fn a_key_of_any_content_is_read_or_passed_over(n in "[A-Za-z0-9_=-]{0,20}", kty in "(RSA|EC|OKP|oct)", crv in "(P-256|Ed25519|P-384)") {
        let body = json!({"keys": [{"kty": kty, "crv": crv, "n": n, "e": "AQAB", "x": n, "y": n}]});
        let keys = keys::Keys::parse(body.to_string().as_bytes()).unwrap();
        for algorithm in [keys::Algorithm::Rs256, keys::Algorithm::Es256, keys::Algorithm::EdDsa] {
            prop_assert!(keys.verify(algorithm, None, b"message", &[7; 64]).is_err());
        }
    }
}
