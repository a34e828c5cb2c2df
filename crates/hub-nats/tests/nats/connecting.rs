//! Connecting, and what is said if it fails.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longwire_hub::Store as _;
use longwire_hub_nats::{NatsCredentials, NatsError, NatsOptions, NatsStore};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::heard::{Heard, PATIENCE};
use crate::server::NatsServer;
use crate::setup::{Node, member, name, now};

/// A pair of keys that is only in this file.
const NKEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const NKEY_SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

async fn refused(options: NatsOptions) -> NatsError {
    NatsStore::connect(options, Arc::new(Heard::default())).await.unwrap_err()
}

fn with(server: &NatsServer, credentials: NatsCredentials) -> NatsOptions {
    let mut options = NatsOptions::new(server.url());
    options.credentials = credentials;
    options.call_timeout = Duration::from_secs(2);
    options
}

async fn expect_works(options: NatsOptions) {
    let node = Node::with(options).await;
    node.listen("news").await;
    assert_eq!(node.offset_of("news", "a").await, 1);
    assert_eq!(node.heard.next_text().await, ("a".to_owned(), 1));
    assert_eq!(node.kept("news").await.0, ["a"]);
    let news = name("news");
    node.store.add_presence(&news, member("c", "1", PATIENCE), false, now()).await.unwrap();
    assert_eq!(node.store.presence(&news, 10, now()).await.unwrap().clients.len(), 1);
    assert_eq!(node.store.presence_stats(&news, now()).await.unwrap().clients, 1);
    node.store.remove_presence(&news, "c", false, now()).await.unwrap();
    node.store.remove_history(&news, now()).await.unwrap();
}

#[tokio::test]
async fn a_server_without_jetstream_is_named_as_such() {
    let server = NatsServer::bare("").await;
    let error = refused(NatsOptions::new(server.url())).await;
    assert_eq!(error, NatsError::NoJetStream);
    assert!(error.to_string().contains("jetstream {}"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_such() {
    let mut server = NatsServer::start().await;
    server.kill();
    let error = refused(NatsOptions::new(server.url())).await;
    assert!(matches!(&error, NatsError::Unreachable(why) if why.contains("refused")), "{error}");
    let error = refused(NatsOptions::new("nats://:a:b:c")).await;
    assert!(matches!(error, NatsError::Address(_)), "{error}");
}

#[tokio::test]
async fn passwords_and_tokens_are_checked_and_not_shown() {
    let server = NatsServer::with("authorization { user: hub, password: \"s3cret\" }").await;
    let password =
        |password: &str| NatsCredentials::Password { user: "hub".into(), password: password.into() };
    expect_works(with(&server, password("s3cret"))).await;
    let error = refused(with(&server, password("wr0ng"))).await;
    assert_eq!(error, NatsError::Unauthorized);
    let in_url = NatsOptions::new(format!("nats://hub:s3%63ret@{}", server.at));
    assert_eq!(Node::with(in_url).await.offset_of("news", "b").await, 2);

    let server = NatsServer::with("authorization { token: \"s3cret\" }").await;
    expect_works(NatsOptions::new(format!("nats://s3cret@{}", server.at))).await;
    Node::with(with(&server, NatsCredentials::Token("s3cret".into()))).await;
    assert_eq!(refused(with(&server, NatsCredentials::Token("wr0ng".into()))).await, NatsError::Unauthorized);
    let bad_url = NatsOptions::new("nats://hub:s3cret@host:99999");
    assert!(!refused(bad_url).await.to_string().contains("s3cret"));
}

#[tokio::test]
async fn nkeys_are_accepted_and_files_that_cannot_be_used_are_named() {
    let server = NatsServer::with(&format!("authorization {{ users: [ {{ nkey: {NKEY} }} ] }}")).await;
    expect_works(with(&server, NatsCredentials::NkeySeed(NKEY_SEED.into()))).await;
    let error = refused(with(&server, NatsCredentials::NkeySeed("SUbroken".into()))).await;
    assert!(matches!(error, NatsError::Credentials(_)), "{error}");
    let error = refused(with(&server, NatsCredentials::File("/does/not/exist.creds".into()))).await;
    assert!(matches!(&error, NatsError::Credentials(why) if why.contains("exist.creds")), "{error}");
}

#[tokio::test]
async fn an_account_that_may_not_use_the_subjects_is_told_which() {
    let users = |permissions: &str| {
        format!(
            "authorization {{ users: [ {{ user: hub, password: x, permissions: {{ {permissions} }} }} ] }}"
        )
    };
    let credentials = || NatsCredentials::Password { user: "hub".into(), password: "x".into() };
    let server = NatsServer::with(&users("publish: [\"_INBOX.>\", \"$JS.API.>\"]")).await;
    let error = refused(with(&server, credentials())).await;
    assert!(
        matches!(&error, NatsError::NotPermitted { subjects } if subjects.contains("longwire.>")),
        "{error}"
    );
    let server = NatsServer::with(&users("publish: [\"_INBOX.>\", \"longwire.>\"]")).await;
    let error = refused(with(&server, credentials())).await;
    assert!(
        matches!(&error, NatsError::NotPermitted { subjects } if subjects.contains("$JS.API")),
        "{error}"
    );
    let all =
        "publish: [\"_INBOX.>\", \"longwire.>\", \"$JS.API.>\"], subscribe: [\"_INBOX.>\", \"longwire.>\"]";
    let server = NatsServer::with(&users(all)).await;
    expect_works(with(&server, credentials())).await;
}

/// Writes an authority and a certificate for 127.0.0.1.
fn certificates(folder: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let signed = own.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap();
    let files = [
        ("ca.pem", authority.self_signed(&authority_key).unwrap().pem()),
        ("cert.pem", signed.pem()),
        ("key.pem", key.serialize_pem()),
    ];
    for (file, pem) in files {
        std::fs::write(folder.join(file), pem).unwrap();
    }
}

#[tokio::test]
async fn a_server_over_tls_is_checked() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(folder.path());
    certificates(other.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls {{ cert_file: {:?}, key_file: {:?} }}", file("cert.pem"), file("key.pem"));
    let server = NatsServer::with(&tls).await;
    let mut options = NatsOptions::new(format!("tls://{}", server.at));
    options.tls.ca_file = Some(folder.path().join("ca.pem"));
    expect_works(options.clone()).await;
    options.tls.ca_file = Some(other.path().join("ca.pem"));
    let error = refused(options.clone()).await;
    assert!(matches!(&error, NatsError::Tls(why) if why.contains("certificate")), "{error}");

    let tls = format!("{} , verify: true, ca_file: {:?} }}", tls.trim_end_matches('}'), file("ca.pem"));
    let strict = NatsServer::with(&tls).await;
    options.servers = vec![format!("tls://{}", strict.at)];
    options.tls.ca_file = Some(folder.path().join("ca.pem"));
    let error = refused(options.clone()).await;
    assert!(matches!(error, NatsError::Tls(_) | NatsError::Unreachable(_)), "{error}");
    options.tls.client_certificate = Some((folder.path().join("cert.pem"), folder.path().join("key.pem")));
    expect_works(options.clone()).await;

    let plain = NatsServer::start().await;
    options.servers = vec![plain.url()];
    options.tls.is_required = true;
    let error = refused(options).await;
    assert!(matches!(error, NatsError::Tls(_) | NatsError::Unreachable(_)), "{error}");
}
