//! Event-driven servers over TLS.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use longwire::mode::Run;
use longwire::{By, Client, ClientTls, Engine, Limits, Message, Roots, Server, Tls};
use rcgen::{CertificateParams, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{
    BINARY, CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, end, for_each_engine, masked, patient,
    upgrade_request,
};

/// A server with a self-signed certificate.
struct Secure {
    server: EventServer,
    pem: String,
}

impl Secure {
    async fn run(engine: Engine, script: Script, set_up: impl FnOnce(Server<Run>) -> Server<Run>) -> Secure {
        let (pem, tls) = signed_by_itself();
        Secure { server: script.run(engine, |server| set_up(server.tls(tls))).await, pem }
    }

    fn client(&self) -> Client {
        Client::new().tls(ClientTls::new(Roots::None).add_pem(&self.pem).unwrap())
    }

    fn url(&self) -> String {
        format!("wss://localhost:{}/", self.server.addr.port())
    }

    /// A client of raw bytes within TLS.
    async fn raw(&self) -> Raw<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Raw::new(TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await.unwrap())
    }
}

/// Anyone on the network path can modify a page of `http://`.
#[test]
fn a_page_of_http_is_not_the_servers_own() {
    for_each_engine(async |engine| {
        let secure = Secure::run(engine, Script::new(), |server| server).await;
        for (origin, status) in [("https://example.com", 101), ("http://example.com", 403)] {
            let mut raw = secure.raw().await;
            raw.send(upgrade_request(&format!("Origin: {origin}\r\n"))).await;
            let head = raw.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {head}");
        }
    });
}

#[test]
fn messages_come_back() {
    for_each_engine(async |engine| {
        let mut secure = Secure::run(engine, Script::new(), |server| server).await;
        let mut client = secure.client().connect(secure.url()).await.unwrap();
        for message in
            [Message::from("hello"), Message::from(vec![7; 4 << 20]), Message::from("κ".repeat(1 << 20))]
        {
            client.send(message.clone()).await.unwrap();
            assert!(client.recv().await.unwrap() == Some(message));
        }
        let closed = client.close(4001, "bye").await.unwrap();
        assert_eq!(end(&closed), (4001, "bye", By::Local, true));
        secure.server.expect_sometime(Told::close(4001, "bye", By::Peer, true)).await;
    });
}

/// A self-signed certificate for `localhost`, and its identity.
fn signed_by_itself() -> (String, Tls) {
    let key = KeyPair::generate().unwrap();
    let pem = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let tls = Tls::pem(&pem, key.serialize_pem()).unwrap();
    (pem, tls)
}

#[test]
fn a_certificate_is_replaced_while_connections_go_on() {
    for_each_engine(async |engine| {
        let (old, tls) = signed_by_itself();
        let (new, renewed) = signed_by_itself();
        let kept = tls.clone();
        let server = Script::new().run(engine, |server| server.tls(tls)).await;
        let url = format!("wss://localhost:{}/", server.addr.port());
        let trusting = |pem: &str| Client::new().tls(ClientTls::new(Roots::None).add_pem(pem).unwrap());

        let mut before = trusting(&old).connect(&url).await.unwrap();
        trusting(&new).connect(&url).await.unwrap_err();
        kept.replace(&renewed);
        trusting(&new).connect(&url).await.unwrap();
        trusting(&old).connect(&url).await.unwrap_err();
        before.send("still here").await.unwrap();
        assert_eq!(before.recv().await.unwrap(), Some("still here".into()));
    });
}

#[test]
fn a_connection_may_ask_for_a_page_and_then_for_a_websocket() {
    for_each_engine(async |engine| {
        let router = Router::new().route("/page", get(async || "a page"));
        let secure = Secure::run(engine, Script::new(), |server| server.http(router)).await;
        let mut raw = secure.raw().await;
        raw.send("GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        raw.expect("a page").await;
        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one")].concat()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        raw.send(masked(TEXT, "two")).await;
        for expected in ["one", "two"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, expected));
        }
    });
}

#[test]
fn a_refusal_is_readable() {
    for_each_engine(async |engine| {
        let secure = Secure::run(engine, Script::new(), |server| server).await;
        let mut raw = secure.raw().await;
        raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let answer = String::from_utf8(raw.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.ends_with("only WebSockets are served here\n"), "{answer}");
    });
}

/// The end of the transport must follow the data that TLS buffers. It was once forgotten there, and the client waited
/// for it until the time for closing was over.
#[test]
fn the_end_reaches_a_client_that_reads_late() {
    for_each_engine(async |engine| {
        let hour = Duration::from_secs(3600);
        let limits =
            Limits::default().low_water(1 << 20).high_water(100 << 20).close_time(hour).keepalive(None);
        let script = Script::new().on_text(|socket, _| {
            socket.send(vec![0; 16 << 20]).or_drop();
        });
        let mut secure = Secure::run(engine, script, |server| server.limits(limits)).await;
        let mut raw = secure.raw().await;
        raw.send(upgrade_request("")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        raw.send([masked(TEXT, "go"), masked(CLOSE, close(1000, ""))].concat()).await;
        secure.server.expect_sometime(Told::close(1000, "", By::Peer, true)).await;
        assert_eq!(raw.frame().await.payload.len(), 16 << 20);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.expect_end().await;
    });
}

#[test]
fn who_does_not_shake_hands_in_time_is_disconnected_and_others_are_not_kept_waiting() {
    for_each_engine(async |engine| {
        let limits = Limits::default().handshake_time(Duration::from_millis(200));
        let secure = Secure::run(engine, Script::new(), |server| server.limits(limits)).await;
        let mut silent = secure.server.raw().await;
        let mut garbage = secure.server.raw().await;
        garbage.send("GET / HTTP/1.1\r\n\r\n").await;
        // On a busy machine it may time out itself.
        let mut client = loop {
            if let Ok(client) = secure.client().connect(secure.url()).await {
                break client;
            }
        };
        silent.expect_end().await;
        garbage.rest().await;
        client.send("still here").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some("still here".into()));
    });
}

#[test]
fn who_cuts_the_connection_is_lost_without_an_error() {
    for_each_engine(async |engine| {
        let mut secure = Secure::run(engine, Script::new(), |server| server).await;
        let mut raw = secure.raw().await;
        raw.send(upgrade_request("")).await;
        raw.head().await;
        // Without close_notify.
        drop(raw.into_inner().into_inner());
        secure.server.expect(Told::Open).await;
        secure.server.expect(Told::lost()).await;
        secure.server.end().await;
    });
}

#[test]
fn all_are_told_of_the_shutdown() {
    for_each_engine(async |engine| {
        let mut secure = Secure::run(engine, Script::new(), |server| server).await;
        let mut client = secure.client().connect(secure.url()).await.unwrap();
        secure.server.stop();
        assert_eq!(client.recv().await.unwrap(), None);
        assert_eq!(end(&client.closed()), (1001, "the server is shutting down", By::Peer, true));
        secure.server.returned().await;
    });
}

/// Data that is already encrypted is written like other data, even if the client has ended its side.
#[test]
fn answers_are_written_to_a_peer_that_has_ended_its_side() {
    for_each_engine(async |engine| {
        for (count, size) in [(200_u8, 64_000), (20, 640_000)] {
            let script = Script::new().on_message(move |socket, message| {
                socket.send(message.as_bytes().repeat(size)).or_drop();
            });
            let secure = Secure::run(engine, script, |server| server.limits(patient())).await;
            let mut raw = secure.raw().await;
            raw.send(upgrade_request("")).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            let messages: Vec<u8> = (0..count).flat_map(|number| masked(BINARY, [number])).collect();
            raw.send([messages, masked(CLOSE, close(1000, ""))].concat()).await;
            raw.finish().await;
            for number in 0..count {
                assert_eq!(raw.frame().await, Frame::new(BINARY, vec![number; size]));
            }
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.expect_end().await;
        }
    });
}

/// With readiness, the shutdown once waited for an unfinished TLS handshake until its time was over.
#[test]
fn who_does_not_shake_hands_does_not_delay_the_end() {
    for_each_engine(async |engine| {
        let hour = Duration::from_secs(3600);
        let limits = Limits::default().handshake_time(hour);
        let set_up = |server: Server<Run>| server.limits(limits).shutdown_time(hour);
        let mut secure = Secure::run(engine, Script::new(), set_up).await;
        let mut silent = secure.server.raw().await;
        // A later connection is open, so this one has been accepted.
        drop(secure.client().connect(secure.url()).await.unwrap());
        secure.server.stop();
        silent.expect_end().await;
        secure.server.returned().await;
    });
}

/// The server does not read from a client whose queue is full; it notices a reset when it writes.
#[test]
fn a_reset_of_a_peer_that_does_not_read_is_noticed() {
    const MANY: usize = 400;
    for_each_engine(async |engine| {
        let script = Script::new().on_message(|socket, message| {
            match message.as_text() {
                Some(round) => socket.send(round),
                None => socket.send(vec![0; 64_000]),
            }
            .or_drop();
        });
        let mut secure = Secure::run(engine, script, |server| server.limits(patient())).await;
        let (mut other, mut slow) = (secure.raw().await, secure.raw().await);
        for raw in [&mut other, &mut slow] {
            raw.send(upgrade_request("")).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        }
        slow.send(masked(BINARY, "go").repeat(MANY)).await;
        for _ in 0..4 {
            other.send(masked(TEXT, "round")).await;
            assert_eq!(other.frame().await, Frame::new(TEXT, "round"));
        }
        slow.into_inner().get_ref().0.set_zero_linger().unwrap();
        let mut delivered = 0;
        loop {
            match secure.server.told().await.unwrap() {
                Told::Message(message) => delivered += usize::from(!message.is_text()),
                Told::Close(..) => break,
                _ => {}
            }
        }
        assert_eq!(delivered, MANY);
    });
}

/// The loop stops reading from a connection while the limit of futures is reached, and resumes where it stopped.
#[test]
fn messages_over_tls_wait_for_futures() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(super::waiting::answer_later);
        let secure = Secure::run(engine, script, |server| server.spawned_per_connection(1)).await;
        let mut raw = secure.raw().await;
        raw.send(upgrade_request("")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        let text = |number: usize| format!("{number:01000}");
        raw.send((0..200).flat_map(|number| masked(TEXT, text(number))).collect::<Vec<u8>>()).await;
        for number in 0..200 {
            assert_eq!(raw.frame().await, Frame::new(TEXT, text(number)));
        }
    });
}
