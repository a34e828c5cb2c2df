//! Connecting, and what is said when that fails.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use longwire_hub_redis::{ConnectError, Deployment, RedisOptions, RedisStore, SentinelServer, TlsFiles};

use crate::recorder::Node;
use crate::server::{Server, free_port};

async fn failure(options: RedisOptions) -> ConnectError {
    RedisStore::connect(options, Arc::new(Ignore)).await.expect_err("it has connected")
}

struct Ignore;

impl longwire_hub::StoreEvents for Ignore {
    fn arrived(
        &self,
        _: &longwire_hub::ChannelName,
        _: longwire_hub::Record,
        _: Option<longwire_hub::StreamPosition>,
    ) {
    }
    fn told(&self, _: bytes::Bytes) {}
    fn interrupted(&self, _: &dyn Fn(&longwire_hub::ChannelName) -> bool) {}
    fn restored(&self, _: &dyn Fn(&longwire_hub::ChannelName) -> bool) {}
}

/// A server that answers the first bytes with these.
fn answering(answer: &'static [u8]) -> RedisOptions {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _sent = stream.write_all(answer);
            std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    RedisOptions::new(Deployment::Servers(vec![format!("redis://:secret@127.0.0.1:{port}").parse().unwrap()]))
}

#[tokio::test]
async fn users_and_passwords_come_from_the_url_or_the_options() {
    let server = Server::start(&[]);
    let () = server.ask(&["ACL", "SETUSER", "hub", "on", ">other", "~*", "&*", "+@all"]);
    let () = server.ask(&["CONFIG", "SET", "requirepass", "secret"]);
    let mut options = server.options();
    let lacking = failure(options.clone()).await;
    assert!(matches!(lacking, ConnectError::Authentication { .. }), "{lacking}");
    options.password = Some("wrong".to_owned());
    let wrong = failure(options.clone()).await;
    assert!(matches!(wrong, ConnectError::Authentication { .. }), "{wrong}");
    assert!(!format!("{wrong} {wrong:?} {options:?}").contains("wrong\""), "{wrong:?} {options:?}");
    options.password = Some("secret".to_owned());
    Node::connect(options, &[]).await.published("news", "x").await;
    let url = format!("redis://hub:other@127.0.0.1:{}", server.port).parse().unwrap();
    let options = RedisOptions::new(Deployment::Servers(vec![url]));
    Node::connect(options, &[]).await.published("news", "x").await;
}

#[tokio::test]
async fn the_database_of_the_url_is_used() {
    let server = Server::start(&[]);
    let connect = async |number: u32| {
        let url = format!("redis://127.0.0.1:{}/{number}", server.port).parse().unwrap();
        Node::connect(RedisOptions::new(Deployment::Servers(vec![url])), &[]).await
    };
    connect(3).await.published("news", "x").await;
    assert!(connect(0).await.contents("news").await.is_empty());
    assert_eq!(connect(3).await.contents("news").await, ["x"]);
    let url = format!("redis://127.0.0.1:{}/99", server.port).parse().unwrap();
    let refused = failure(RedisOptions::new(Deployment::Servers(vec![url]))).await;
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn errors_name_the_server_and_what_is_wrong() {
    let port = free_port();
    let url = format!("redis://:secret@127.0.0.1:{port}").parse().unwrap();
    let gone = failure(RedisOptions::new(Deployment::Servers(vec![url]))).await;
    assert!(matches!(gone, ConnectError::Unreachable { .. }), "{gone}");
    assert!(gone.to_string().contains(&format!("127.0.0.1:{port}")) && !gone.to_string().contains("secret"));

    let map = b"%4\r\n+version\r\n+6.2.14\r\n+mode\r\n+standalone\r\n+role\r\n+master\r\n+proto\r\n:3\r\n";
    let old = failure(answering(map)).await;
    assert!(matches!(&old, ConnectError::Version { version, .. } if version == "6.2.14"), "{old}");
    let older = failure(answering(b"-ERR unknown command `HELLO`, with args beginning with: \r\n")).await;
    assert!(matches!(older, ConnectError::Version { .. }), "{older}");
    let other = failure(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    assert!(matches!(other, ConnectError::Unreachable { .. }), "{other}");

    let mut options = answering(b"");
    options.connect_timeout = Duration::from_millis(100);
    let silent = failure(options).await;
    assert!(matches!(silent, ConnectError::Timeout { .. }), "{silent}");

    let server = Server::start(&[]);
    let cluster = failure(RedisOptions::new(Deployment::Cluster(vec![server.url()]))).await;
    assert!(matches!(cluster, ConnectError::Deployment { .. }), "{cluster}");
    let deployment = Deployment::Sentinel {
        sentinels: vec![server.url()],
        master: "main".to_owned(),
        server: SentinelServer::default(),
    };
    let sentinel = failure(RedisOptions::new(deployment)).await;
    assert!(matches!(sentinel, ConnectError::Deployment { .. }), "{sentinel}");
}

#[tokio::test]
async fn a_replica_and_an_unknown_master_are_refused() {
    let master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", &format!("127.0.0.1 {}", master.port)]);
    let refused = failure(replica.options()).await;
    assert!(matches!(refused, ConnectError::Replica { .. }), "{refused}");
    let sentinel = Server::sentinel(master.port);
    let deployment = Deployment::Sentinel {
        sentinels: vec![sentinel.url()],
        master: "other".to_owned(),
        server: SentinelServer::default(),
    };
    let unknown = failure(RedisOptions::new(deployment)).await;
    assert!(matches!(unknown, ConnectError::UnknownMaster { .. }), "{unknown}");
}

#[tokio::test]
async fn tls_is_used_as_the_url_says() {
    let folder = tempfile::TempDir::new().unwrap();
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("cert.pem"), key.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), key.signing_key.serialize_pem()).unwrap();
    let tls_port = free_port();
    let _server = Server::start(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &path("cert.pem"),
        "--tls-key-file",
        &path("key.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://127.0.0.1:{tls_port}").parse().unwrap();
    let mut options = RedisOptions::new(Deployment::Servers(vec![url]));
    let distrusted = failure(options.clone()).await;
    assert!(distrusted.to_string().contains("certificate"), "{distrusted}");
    let mut files = TlsFiles::default();
    files.ca = Some(path("cert.pem").into());
    options.tls = Some(files.config().unwrap());
    let node = Node::connect(options, &[]).await;
    node.listen("news").await;
    node.published("news", "x").await;
    node.recorder.until_published("news", "x").await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("cert.pem"), key.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), key.signing_key.serialize_pem()).unwrap();
    let port = free_port();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let _server = Server::start(&[&["--tls-port", &port.to_string()], &files[..]].concat());
    let url = format!("rediss://127.0.0.1:{port}").parse().unwrap();
    let mut options = RedisOptions::new(Deployment::Servers(vec![url]));
    let mut files = TlsFiles::default();
    files.ca = Some(certificate.clone().into());
    options.tls = Some(files.config().unwrap());
    assert!(matches!(failure(options.clone()).await, ConnectError::Unreachable { .. }));
    files.client_certificate = Some((certificate.into(), key.into()));
    options.tls = Some(files.config().unwrap());
    Node::connect(options, &[]).await.published("news", "x").await;
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let refused = |change: fn(&mut TlsFiles, std::path::PathBuf)| {
        let mut files = TlsFiles::default();
        change(&mut files, file.clone());
        files.config().unwrap_err().to_string()
    };
    let ca = |files: &mut TlsFiles, file| files.ca = Some(file);
    let name = format!("cannot use {}: ", file.display());
    assert!(refused(ca).starts_with(&name), "it is not there");
    std::fs::write(&file, "nothing").unwrap();
    assert_eq!(refused(ca), name.clone() + "it has no certificate");
    let both = |files: &mut TlsFiles, file: std::path::PathBuf| {
        files.client_certificate = Some((file.clone(), file));
    };
    assert_eq!(refused(both), name + "it has no certificate");
}

#[tokio::test]
async fn the_user_is_one_of_the_master_and_not_of_its_sentinels() {
    let master = Server::start(&[]);
    let () = master.ask(&["ACL", "SETUSER", "hub", "on", ">secret", "~*", "&*", "+@all"]);
    let sentinel = Server::sentinel(master.port);
    let mut options = RedisOptions::new(Deployment::Sentinel {
        sentinels: vec![sentinel.url()],
        master: "main".to_owned(),
        server: SentinelServer::default(),
    });
    (options.user, options.password) = (Some("hub".to_owned()), Some("secret".to_owned()));
    Node::connect(options, &[]).await.published("news", "x").await;
}
