//! An identity provider in memory: it authorizes at once, checks what a real one checks, and signs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::super::{Fetch, FetchError, OidcRequest, OidcResponse};

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const CLIENT: &str = "bascule:prod";
/// With characters that have to be encoded.
pub(super) const SECRET: &str = "s%cret+with &all/of=it";
/// Made for these tests; nothing else trusts it.
const RSA_KEY: &[u8] = include_bytes!("../../../testdata/rsa-2048.der");

pub(super) struct Provider(Mutex<State>);

struct State {
    signer: Signer,
    /// What the key set shows.
    published: Vec<Value>,
    codes: HashMap<String, Asked>,
    claims: Value,
    document: Value,
    header: Option<(Value, Option<String>)>,
    hmac: bool,
    is_away: bool,
    key_fetches: usize,
}

struct Asked {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

/// What the browser brings back.
pub(super) struct Back {
    pub(super) code: String,
    pub(super) state: String,
}

pub(super) struct Signer {
    id: String,
    key: Key,
}

enum Key {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

// === impl Provider ===

impl Provider {
    pub(super) fn new(signer: Signer) -> Self {
        let document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/authorize?prompt=login",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/keys",
            "code_challenge_methods_supported": ["plain", "S256"],
        });
        let claims = json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "248289761001",
            "iat": 1_800_000_000, "exp": 1_800_000_300,
            "email": "Ana@example.com", "email_verified": true,
            "groups": ["staff", "crm"],
        });
        Self(Mutex::new(State {
            published: vec![signer.jwk()],
            signer,
            codes: HashMap::new(),
            claims,
            document,
            header: None,
            hmac: false,
            is_away: false,
            key_fetches: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// `null` takes a claim away.
    pub(super) fn change_claims(&self, changes: Value) {
        let Value::Object(changes) = changes else {
            panic!("{changes}")
        };
        self.state().claims.as_object_mut().unwrap().extend(changes);
    }

    pub(super) fn change_document(&self, changes: Value) {
        merge(&mut self.state().document, changes);
    }

    /// Writes this header, and this in the place of the signature.
    pub(super) fn change_header(&self, header: Value, signature: Option<String>) {
        self.state().header = Some((header, signature));
    }

    pub(super) fn sign_with_hmac_of_public_key(&self) {
        self.state().hmac = true;
    }

    /// Exchanges the key and publishes the new one alone.
    pub(super) fn rotate(&self, signer: Signer) {
        let mut state = self.state();
        state.published = vec![signer.jwk()];
        state.signer = signer;
    }

    /// Signs with a key that is not published; the token may bring it along.
    pub(super) fn sign_with(&self, signer: Signer, brings_it: bool) {
        let mut state = self.state();
        if brings_it {
            let mut header = signer.header();
            header["jwk"] = signer.jwk();
            state.header = Some((header, None));
        }
        state.signer = signer;
    }

    pub(super) fn be_away(&self) {
        self.state().is_away = true;
    }

    pub(super) fn key_fetches(&self) -> usize {
        self.state().key_fetches
    }

    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": self.state().published })
    }

    /// The person says yes.
    pub(super) fn authorize(&self, url: &Url) -> Back {
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(
            (asked["client_id"].as_str(), asked["response_type"].as_str()),
            (CLIENT, "code")
        );
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut state = self.state();
        let code = format!("code-{}", state.codes.len());
        let remembered = Asked {
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
        };
        state.codes.insert(code.clone(), remembered);
        Back {
            code,
            state: asked["state"].clone(),
        }
    }

    pub(super) fn id_token(&self, nonce: &str) -> String {
        self.state().id_token(nonce)
    }
}

fn merge(into: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else {
        panic!("{changes}")
    };
    let fields = into.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Value::Null => drop(fields.remove(&name)),
            value => drop(fields.insert(name, value)),
        }
    }
}

impl Fetch for Provider {
    async fn fetch(&self, request: OidcRequest) -> Result<OidcResponse, FetchError> {
        let mut state = self.state();
        if state.is_away {
            return Err("connection refused".into());
        }
        let (status, body) = match request {
            OidcRequest::Get { url } => match url.path() {
                "/.well-known/openid-configuration" => (200, state.document.clone()),
                "/keys" => {
                    state.key_fetches += 1;
                    let other = json!({"kty": "oct", "k": "AAAA"});
                    let mut keys = vec![other, json!("nonsense")];
                    keys.extend(state.published.clone());
                    (200, json!({ "keys": keys }))
                }
                _ => (404, json!({})),
            },
            OidcRequest::Post {
                url,
                form,
                authorization,
            } => {
                assert_eq!(url.path(), "/token");
                let form = form_urlencoded::parse(form.expose().as_bytes());
                let authorization = authorization.as_ref().map(crate::Secret::expose);
                state.redeem(&form.into_owned().collect(), authorization)
            }
        };
        Ok(OidcResponse {
            status,
            body: body.to_string().into_bytes(),
        })
    }
}

// === impl State ===

impl State {
    fn redeem(&mut self, form: &HashMap<String, String>, basic: Option<&str>) -> (u16, Value) {
        let by_post =
            self.document["token_endpoint_auth_methods_supported"] == json!(["client_secret_post"]);
        let presented = if by_post {
            assert_eq!(basic, None);
            (form["client_id"].clone(), form["client_secret"].clone())
        } else {
            credentials(basic.unwrap())
        };
        if presented != (CLIENT.to_owned(), SECRET.to_owned()) {
            return (401, json!({"error": "invalid_client"}));
        }
        assert_eq!(form["grant_type"], "authorization_code");
        let bad = (400, json!({"error": "invalid_grant"}));
        let Some(asked) = self.codes.remove(&form["code"]) else {
            return bad;
        };
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(form["code_verifier"].as_bytes()));
        if challenge != asked.challenge || form["redirect_uri"] != asked.redirect_uri {
            return bad;
        }
        let token = self.id_token(&asked.nonce);
        (
            200,
            json!({"access_token": "unused", "token_type": "Bearer", "id_token": token}),
        )
    }

    fn id_token(&self, nonce: &str) -> String {
        let mut claims = json!({ "nonce": nonce });
        merge(&mut claims, self.claims.clone());
        let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let (header, signature) = match &self.header {
            Some((header, signature)) => (header.clone(), signature.clone()),
            None if self.hmac => (json!({"alg": "HS256", "kid": self.signer.id}), None),
            None => (self.signer.header(), None),
        };
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = signature.unwrap_or_else(|| {
            let signature = if self.hmac {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.signer.public());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            } else {
                self.signer.sign(message.as_bytes())
            };
            BASE64URL_NOPAD.encode(&signature)
        });
        format!("{message}.{signature}")
    }
}

fn credentials(basic: &str) -> (String, String) {
    let decoded = BASE64
        .decode(basic.strip_prefix("Basic ").unwrap().as_bytes())
        .unwrap();
    let text = String::from_utf8(decoded).unwrap();
    let (id, secret) = text.split_once(':').unwrap();
    let decoded = |text: &str| {
        let pair = format!("x={text}");
        let (_, value) = form_urlencoded::parse(pair.as_bytes()).next().unwrap();
        value.into_owned()
    };
    (decoded(id), decoded(secret))
}

// === impl Signer ===

impl Signer {
    pub(super) fn p256(id: &str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random);
        Self {
            id: id.to_owned(),
            key: Key::P256(key.unwrap()),
        }
    }

    pub(super) fn ed25519(id: &str) -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
        Self {
            id: id.to_owned(),
            key: Key::Ed25519(key),
        }
    }

    pub(super) fn rsa(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            key: Key::Rsa(RsaKeyPair::from_der(RSA_KEY).unwrap()),
        }
    }

    fn alg(&self) -> &'static str {
        match self.key {
            Key::P256(_) => "ES256",
            Key::Rsa(_) => "RS256",
            Key::Ed25519(_) => "EdDSA",
        }
    }

    fn header(&self) -> Value {
        match self.id.as_str() {
            "" => json!({"alg": self.alg(), "typ": "JWT"}),
            id => json!({"alg": self.alg(), "typ": "JWT", "kid": id}),
        }
    }

    fn public(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(key) => key.public_key().as_ref().to_vec(),
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
            Key::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let public = self.public();
        let mut jwk = match &self.key {
            Key::P256(_) => {
                json!({"kty": "EC", "crv": "P-256", "x": text(&public[1..33]), "y": text(&public[33..])})
            }
            Key::Rsa(key) => {
                let parts: rsa::PublicKeyComponents<Vec<u8>> = key.public_key().into();
                json!({"kty": "RSA", "n": text(&parts.n), "e": text(&parts.e), "use": "sig"})
            }
            Key::Ed25519(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(&public)}),
        };
        jwk["alg"] = json!(self.alg());
        if !self.id.is_empty() {
            jwk["kid"] = json!(self.id);
        }
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::P256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }
}
