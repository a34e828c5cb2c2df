//! Tokens that another implementation made (`tokens/make.py`), and tokens that nobody should accept.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use longwire_hub::{
    Algorithm, BoxFuture, Call, ChannelName, ConnectionToken, KeySource, Keys, Millis, RefreshPolicy,
    RefusedKey, SubscriptionToken, TokenError, TokenRejection, TokenVerifier,
};
use serde_json::Value;

/// When the recorded tokens begin and stop to be valid.
const BEGIN: Millis = Millis(1_900_000_000_000);
const END: Millis = Millis(2_000_000_000_000);

fn recorded() -> Value {
    serde_json::from_str(include_str!("tokens/tokens.json")).unwrap()
}

/// A recorded text, such as `/signed/RS256`.
fn text(pointer: &str) -> String {
    recorded().pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}")).to_owned()
}

fn secret() -> Keys {
    Keys::new().hmac(Algorithm::Hs256, text("/secret").as_bytes()).unwrap()
}

fn ready<T>(call: Call<T>) -> T {
    match call {
        Call::Ready(answer) => answer,
        Call::Later(_) => panic!("the answer is not ready"),
    }
}

fn verify(verifier: &TokenVerifier, token: &str, now: Millis) -> Result<ConnectionToken, TokenError> {
    ready(verifier.connection(token, now))
}

/// Why a recorded token is refused by a verifier with the secret.
fn refused(pointer: &str) -> TokenError {
    verify(&TokenVerifier::new(secret()), &text(pointer), BEGIN).unwrap_err()
}

fn subscription(now: Millis) -> Result<SubscriptionToken, TokenError> {
    ready(TokenVerifier::new(secret()).subscription(&text("/subscription"), now))
}

#[test]
fn every_algorithm_is_verified_with_its_key_and_with_no_other() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        let keys = match name.as_bytes()[0] {
            b'H' => Keys::new().hmac(algorithm, text("/secret").as_bytes()).unwrap(),
            _ => Keys::new().pem(Some(algorithm), &text(&format!("/pem/{name}"))).unwrap(),
        };
        let verifier = TokenVerifier::new(keys);
        for other in Algorithm::ALL {
            let verified = verify(&verifier, &text(&format!("/signed/{other}")), BEGIN);
            match verified {
                Ok(token) => assert!(other == algorithm && token.user == "42", "{algorithm} took {other}"),
                Err(error) => assert!(
                    other != algorithm
                        && matches!(error, TokenError::WrongAlgorithm { named, .. } if named == other),
                    "{algorithm}, {other}: {error}"
                ),
            }
        }
    }
}

#[test]
fn the_claims_of_a_connection_are_read() {
    let token = verify(&TokenVerifier::new(secret()), &text("/signed/HS256"), BEGIN).unwrap();
    assert_eq!(token.user, "42");
    assert_eq!(token.expires_at, Some(END));
    assert_eq!(token.issued_at, Some(BEGIN));
    assert_eq!(token.id.as_deref(), Some("token-1"));
    assert_eq!(token.info.as_deref(), Some(r#"{"name":"Ann"}"#));
    assert_eq!(token.meta.as_deref(), Some(r#"{"plan":7}"#));
    let names: Vec<&str> = token.subscriptions.keys().map(|name| &**name).collect();
    assert_eq!(names, ["news", "room"]);
    let room = &token.subscriptions["room"];
    assert_eq!(room.info.as_deref(), Some(r#"{"role":"host"}"#));
    assert_eq!(room.data.as_ref().unwrap().as_bytes(), b"[1,2]");
    assert_eq!(room.overrides.presence, Some(true));
    assert_eq!(room.overrides.force_recovery, None);
}

#[test]
fn the_claims_of_a_subscription_are_read_and_held_against_it() {
    let token = subscription(BEGIN).unwrap();
    assert_eq!(token.expires_at, Some(END + Duration::from_secs(60)));
    assert_eq!(token.grant.info.as_deref(), Some(r#"{"role":"guest"}"#));
    assert_eq!(token.grant.overrides.join_leave, Some(false));
    assert_eq!(token.grant.overrides.force_recovery, Some(true));

    let channel: ChannelName = "$dialogs:a".parse().unwrap();
    let other: ChannelName = "$dialogs:b".parse().unwrap();
    assert_eq!(token.check(&channel, "42", "c1"), Ok(()));
    for (check, claim) in [
        (token.check(&other, "42", "c1"), "channel"),
        (token.check(&channel, "4", "c1"), "sub"),
        (token.check(&channel, "42", "c2"), "client"),
    ] {
        assert!(
            matches!(check, Err(TokenError::WrongClaim { claim: named, .. }) if named == claim),
            "{check:?}"
        );
    }
}

#[test]
fn a_token_of_one_kind_is_not_taken_for_the_other() {
    assert!(refused("/subscription").to_string().contains("this is a subscription token"));
    let verifier = TokenVerifier::new(secret());
    let error = ready(verifier.subscription(&text("/signed/HS256"), BEGIN)).unwrap_err();
    assert_eq!(error, TokenError::MissingClaim("channel"));
}

#[test]
fn a_token_is_valid_from_its_first_second_until_right_before_its_last() {
    let verifier = TokenVerifier::new(secret());
    let at = |now| verify(&verifier, &text("/signed/HS256"), now).map(drop);
    assert_eq!(at(Millis(BEGIN.0 - 1)), Err(TokenError::NotYetValid { at: BEGIN }));
    assert_eq!(at(BEGIN), Ok(()));
    assert_eq!(at(Millis(END.0 - 1)), Ok(()));
    assert_eq!(at(END), Err(TokenError::Expired { at: END }));
    assert_eq!(at(END).unwrap_err().rejection(), TokenRejection::Expired);
    assert_eq!(at(Millis(BEGIN.0 - 1)).unwrap_err().rejection(), TokenRejection::Invalid);
    assert_eq!(subscription(END).unwrap_err(), TokenError::Expired { at: END });
}

#[test]
fn leeway_makes_it_valid_earlier_and_longer() {
    let verifier = TokenVerifier::new(secret()).leeway(Duration::from_secs(3));
    let at = |now| verify(&verifier, &text("/signed/HS256"), now).map(|token| token.expires_at);
    assert_eq!(at(Millis(END.0 + 2_999)), Ok(Some(END)));
    assert!(at(Millis(END.0 + 3_000)).is_err());
    assert!(at(Millis(BEGIN.0 - 3_000)).is_ok() && at(Millis(BEGIN.0 - 3_001)).is_err());
}

#[test]
fn times_may_have_a_fraction_and_the_connection_may_outlive_the_token() {
    let verifier = TokenVerifier::new(secret());
    let fraction = verify(&verifier, &text("/exp_has_a_fraction"), BEGIN).unwrap();
    assert_eq!(fraction.expires_at, Some(END));
    assert_eq!(verify(&verifier, &text("/never_expires"), BEGIN).unwrap().expires_at, None);
    assert_eq!(
        refused("/exp_is_text").to_string(),
        "the token's claim `exp` is wrong: it is not a number of seconds"
    );
}

#[test]
fn a_forged_token_is_refused() {
    assert_eq!(refused("/tampered"), TokenError::WrongSignature);
    assert_eq!(refused("/other_secret"), TokenError::WrongSignature);
    assert_eq!(refused("/none"), TokenError::UnsupportedAlgorithm("none".into()));
    assert_eq!(refused("/signed/ES512"), TokenError::UnsupportedAlgorithm("ES512".into()));
    assert!(matches!(refused("/critical"), TokenError::Malformed(_)));
    assert_eq!(refused("/tampered").rejection(), TokenRejection::Invalid);
}

/// The classic confusion: the public key of RS256, which everybody knows, as the secret of HS256.
#[test]
fn a_public_key_is_never_a_secret() {
    let pem = text("/pem/RS256");
    let verifier = TokenVerifier::new(Keys::new().pem(None, &pem).unwrap());
    let error = verify(&verifier, &text("/confused"), BEGIN).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token's header names the algorithm HS256, but its key is for RS256 or RS384 or RS512"
    );
    assert!(Keys::new().hmac(Algorithm::Hs256, pem.as_bytes()).is_err());
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(refused("/no_sub"), TokenError::MissingClaim("sub"));
    assert!(
        refused("/sub_is_a_number").to_string().starts_with("the token's claim `sub` is wrong: invalid type")
    );
    let error = refused("/bad_channel").to_string();
    assert!(
        error.contains("`channels`") && error.contains("printable ASCII") && !error.contains('\n'),
        "{error}"
    );
    let verifier = TokenVerifier::new(secret());
    assert_eq!(verify(&verifier, &text("/anonymous"), BEGIN).unwrap().user, "");
    let binary = verify(&verifier, &text("/binary_info"), BEGIN).unwrap();
    assert_eq!(binary.info.as_deref(), Some("\"AP8=\""));
}

#[test]
fn audience_and_issuer_are_demanded_if_they_are_configured() {
    let token = text("/signed/HS256");
    let with = |audience: &str| verify(&TokenVerifier::new(secret()).audience(audience), &token, BEGIN);
    assert!(with("news").is_ok());
    assert_eq!(
        with("mail").unwrap_err().to_string(),
        "the token's claim `aud` is wrong: it is chat, news, not mail"
    );
    let demanding = TokenVerifier::new(secret()).audience("news");
    assert_eq!(verify(&demanding, &text("/no_aud"), BEGIN).unwrap_err(), TokenError::MissingClaim("aud"));
    let from = |issuer: &str| verify(&TokenVerifier::new(secret()).issuer(issuer), &token, BEGIN);
    assert!(from("https://accounts.example.com").is_ok());
    assert!(matches!(from("https://example.com"), Err(TokenError::WrongClaim { claim: "iss", .. })));
}

#[test]
fn what_is_not_a_token_is_refused_whatever_it_is() {
    let verifier = TokenVerifier::new(secret());
    let long = "a".repeat(1 << 20);
    assert_eq!(verify(&verifier, &long, BEGIN).unwrap_err(), TokenError::TooLong { len: 1 << 20 });
    let whole = text("/signed/HS256");
    let noisy = [
        whole.clone() + ".",
        whole.clone() + "=",
        ".".repeat(64),
        String::new(),
        "a.b.c".into(),
        "ä.ö.ü".into(),
    ];
    for token in noisy.iter().map(String::as_str).chain((0..whole.len()).filter_map(|end| whole.get(..end))) {
        let error = verify(&verifier, token, BEGIN).unwrap_err();
        assert_eq!(error.rejection(), TokenRejection::Invalid, "{token}: {error}");
    }
    assert_eq!(verify(&TokenVerifier::new(Keys::new()), &whole, BEGIN).unwrap_err(), TokenError::NoKeys);
}

#[test]
fn keys_that_cannot_verify_are_refused_with_the_reason() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n";
    for (text, reason) in [
        (private.to_owned(), "-pubout"),
        ("-----BEGIN CERTIFICATE-----\n".into(), "openssl x509"),
        ("hello".into(), "no public key"),
        ("-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----".into(), "Base64"),
        (text("/pem/ES512"), "P-521"),
    ] {
        let error = Keys::new().pem(None, &text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let error = Keys::new().pem(Some(Algorithm::Es256), &text("/pem/RS256")).unwrap_err().to_string();
    assert!(error.starts_with("the key is for RS256") && error.ends_with("not for ES256"), "{error}");
    let error = Keys::new().pem(Some(Algorithm::Hs256), &text("/pem/RS256")).unwrap_err().to_string();
    assert!(error.ends_with("not for HS256"), "{error}");
    let short = Keys::new().hmac(Algorithm::Hs256, &[7; 31]).unwrap_err().to_string();
    assert!(short.contains("31 bytes") && short.contains("openssl rand"), "{short}");
    assert!(Keys::new().pem(Some(Algorithm::Rs256), &text("/rsa_pkcs1")).is_ok());
}

#[test]
fn a_jwk_set_names_the_keys_that_it_leaves_out() {
    let set = Keys::from_jwks(recorded()["jwks"].to_string().as_bytes()).unwrap();
    let refused: Vec<String> = set.refused.iter().map(RefusedKey::to_string).collect();
    assert_eq!(
        refused,
        [
            r#"key "ES512": the algorithm \"ES512\" is not supported"#,
            r#"key "enc": its use is \"enc\", not \"sig\""#,
            r#"key "oct": it is a secret, which has no place in a JWK set"#,
        ]
    );
    let verifier = TokenVerifier::new(set.keys);
    for name in ["RS256", "RS512", "ES256", "ES384", "EdDSA"] {
        assert!(verify(&verifier, &text(&format!("/signed/{name}")), BEGIN).is_ok(), "{name}");
    }
    let error = verify(&verifier, &text("/signed/PS256"), BEGIN).unwrap_err();
    assert_eq!(error, TokenError::UnknownKey("PS256".into()));
    assert!(Keys::from_jwks(b"[]").is_err());
}

/// A source whose answers the test gives.
#[derive(Clone, Default)]
struct Source {
    fetches: Arc<AtomicU32>,
    answer: Arc<Mutex<Option<Result<Bytes, String>>>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl KeySource for Source {
    fn fetch(&self, _: &RefreshPolicy) -> BoxFuture<Result<Bytes, String>> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let (answer, waker) = (Arc::clone(&self.answer), Arc::clone(&self.waker));
        Box::pin(std::future::poll_fn(move |context| match answer.lock().unwrap().take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                *waker.lock().unwrap() = Some(context.waker().clone());
                Poll::Pending
            }
        }))
    }
}

impl Source {
    fn answers(&self, answer: Result<Value, &str>) {
        let answer = answer.map(|set| Bytes::from(set.to_string())).map_err(str::to_owned);
        *self.answer.lock().unwrap() = Some(answer);
    }

    fn wake(&self) {
        self.waker.lock().unwrap().take().unwrap().wake();
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Ordering::Relaxed)
    }

    /// A set with one of the recorded keys.
    fn holds(&self, id: &str) {
        let all = recorded();
        let keys: Vec<&Value> =
            all["jwks"]["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == id).collect();
        self.answers(Ok(serde_json::json!({ "keys": keys })));
    }
}

type Verified = Result<ConnectionToken, TokenError>;

fn later(call: Call<Verified>) -> BoxFuture<Verified> {
    match call {
        Call::Ready(answer) => panic!("it did not wait: {answer:?}"),
        Call::Later(future) => future,
    }
}

fn poll(future: &mut BoxFuture<Verified>) -> Poll<Verified> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn user(polled: Poll<Verified>) -> String {
    let Poll::Ready(verified) = polled else { panic!("it waits") };
    verified.unwrap().user.to_string()
}

/// A verifier with a source, and a function that verifies the recorded token of an algorithm.
fn with_source() -> (Source, impl Fn(&str, Millis) -> Call<Verified>) {
    let source = Source::default();
    let verifier = TokenVerifier::new(secret()).source(source.clone(), RefreshPolicy::default());
    (source, move |name: &str, now| verifier.connection(&text(&format!("/signed/{name}")), now))
}

#[test]
fn many_clients_wait_for_one_fetch_and_local_keys_need_none() {
    let (source, connect) = with_source();
    assert!(ready(connect("HS256", BEGIN)).is_ok());
    let mut waiting: Vec<_> = (0..100).map(|_| later(connect("ES256", BEGIN))).collect();
    assert!(waiting.iter_mut().all(|client| poll(client).is_pending()));
    source.holds("ES256");
    assert!(waiting.iter_mut().all(|client| user(poll(client)) == "42"));
    assert_eq!(source.fetches(), 1);
    assert!(ready(connect("ES256", BEGIN)).is_ok() && ready(connect("HS256", BEGIN)).is_ok());
}

#[test]
fn a_new_key_is_found_but_unknown_ones_do_not_cause_a_storm() {
    let (source, connect) = with_source();
    source.holds("ES256");
    assert_eq!(user(poll(&mut later(connect("ES256", BEGIN)))), "42");
    for _ in 0..1_000 {
        let error = ready(connect("EdDSA", BEGIN + Duration::from_secs(9))).unwrap_err();
        assert_eq!(error, TokenError::UnknownKey("EdDSA".into()));
    }
    assert_eq!(source.fetches(), 1);
    source.holds("EdDSA");
    assert_eq!(user(poll(&mut later(connect("EdDSA", BEGIN + Duration::from_secs(10))))), "42");
    assert_eq!(source.fetches(), 2);
}

#[test]
fn a_source_that_fails_is_not_the_clients_fault() {
    let (source, connect) = with_source();
    let mut first = later(connect("ES256", BEGIN));
    source.answers(Err("connection refused"));
    let Poll::Ready(Err(error)) = poll(&mut first) else { panic!("it is not refused") };
    assert_eq!(error.rejection(), TokenRejection::Unavailable);
    assert!(error.to_string().ends_with("not available: connection refused"), "{error}");
    let again = ready(connect("ES256", BEGIN + Duration::from_secs(1))).unwrap_err();
    assert_eq!(again.rejection(), TokenRejection::Unavailable);
}

/// Otherwise whoever connects and leaves at once could keep new keys from everybody.
#[test]
fn a_client_that_leaves_does_not_end_the_fetch_that_it_began() {
    let (source, connect) = with_source();
    let mut first = later(connect("ES256", BEGIN));
    let mut second = later(connect("ES256", BEGIN));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(poll(&mut first).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(first);
    assert!(woken.0.load(Ordering::Relaxed), "nobody polls the fetch");
    source.holds("ES256");
    assert_eq!(user(poll(&mut second)), "42");
    assert_eq!(source.fetches(), 1);
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The source wakes the fetch, and everybody who waits hears of it, whoever polled last.
#[test]
fn an_answer_wakes_all_that_wait() {
    let (source, connect) = with_source();
    let clients: Vec<_> =
        (0..3).map(|_| (later(connect("ES256", BEGIN)), Arc::new(Woken::default()))).collect();
    let mut clients = clients;
    for (client, woken) in &mut clients {
        let waker = Waker::from(Arc::clone(woken));
        assert!(client.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    source.holds("ES256");
    source.wake();
    assert!(clients.iter().all(|(_, woken)| woken.0.load(Ordering::Relaxed)));
}

#[test]
fn a_bounded_number_of_clients_waits() {
    let (_source, connect) = with_source();
    let waiting: Vec<_> = (0..4_096).map(|_| later(connect("ES256", BEGIN))).collect();
    let error = ready(connect("ES256", BEGIN)).unwrap_err();
    assert_eq!(error.rejection(), TokenRejection::Unavailable);
    drop(waiting);
    assert!(matches!(connect("ES256", BEGIN), Call::Later(_)));
}

/// Each has a token of nearly 64 KiB, which is kept while it waits.
#[test]
fn tokens_that_wait_are_bounded_in_bytes() {
    let verifier = TokenVerifier::new(secret()).source(Source::default(), RefreshPolicy::default());
    let encoded = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
    let header = encoded(r#"{"alg":"ES256","kid":"of a stranger"}"#);
    let long = format!("{header}.{}.AAAA", encoded(&"x".repeat(45 << 10)));
    let mut waiting = Vec::new();
    let refused = loop {
        match verifier.connection(&long, BEGIN) {
            Call::Later(waits) => waiting.push(waits),
            Call::Ready(refused) => break refused.unwrap_err(),
        }
        assert!(waiting.len() * long.len() <= 8 << 20, "{} tokens wait", waiting.len());
    };
    assert_eq!(refused.rejection(), TokenRejection::Unavailable);
    assert!(waiting.len() > 100);
    let short = format!("{header}.e30.AAAA");
    assert!(matches!(verifier.connection(&short, BEGIN), Call::Later(_)), "a short one still has room");
    drop(waiting);
    assert!(matches!(verifier.connection(&long, BEGIN), Call::Later(_)));
}

#[test]
fn old_keys_stay_in_use_while_they_cannot_be_fetched() {
    let (source, connect) = with_source();
    source.holds("ES256");
    assert_eq!(user(poll(&mut later(connect("ES256", BEGIN)))), "42");
    let old = BEGIN + Duration::from_secs(600);
    let mut refreshing = later(connect("ES256", old));
    source.answers(Err("time-out"));
    assert_eq!(user(poll(&mut refreshing)), "42");
    assert!(ready(connect("ES256", old)).is_ok());
    let too_old = BEGIN + Duration::from_secs(86_400);
    let mut last = later(connect("ES256", too_old));
    source.answers(Err("time-out"));
    assert!(matches!(poll(&mut last), Poll::Ready(Err(TokenError::KeysUnavailable(_)))));
}

#[test]
fn a_set_that_is_too_long_is_refused() {
    let (source, connect) = with_source();
    let mut first = later(connect("ES256", BEGIN));
    source.answers(Ok(Value::String("a".repeat(1 << 20))));
    let Poll::Ready(Err(error)) = poll(&mut first) else { panic!("it is not refused") };
    assert!(error.to_string().contains("more than 262144 bytes"), "{error}");
}
