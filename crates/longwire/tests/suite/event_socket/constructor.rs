//! "new WebSocket(url, protocols)".

use std::io;

use http::HeaderValue;
use http::header::HOST;
use longwire::event_socket::ReadyState;
use longwire::{Client, Error, EventSocket, HandshakeError, UrlError};
use tokio::io::DuplexStream;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::{FAILED, Heard, later, nobody};
use crate::support::{Peer, echo, run, serve};

fn url_error(url: &str) -> UrlError {
    match EventSocket::new(url, later) {
        Err(Error::Url(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn is_syntax_error(protocols: &[&str]) -> bool {
    let made = EventSocket::with_protocols("ws://localhost:1/", protocols, later);
    matches!(made, Err(Error::Handshake(error)) if matches!(*error, HandshakeError::Request(_)))
}

#[test]
fn step_3_if_url_record_is_failure_throw_a_syntax_error() {
    run(async {
        let invalid = ["", "/relative", "#top", "ws://a b/", "ws://localhost:65536/", "ws://localhost:-1/"];
        for url in invalid {
            assert!(matches!(url_error(url), UrlError::Invalid { .. }), "{url}");
        }
        assert!(matches!(url_error("ws://"), UrlError::NoHost(_)));
    });
}

#[test]
fn steps_4_and_5_http_becomes_ws_and_https_becomes_wss() {
    run(async {
        let url = |url: &str| EventSocket::new(url, later).unwrap().url().to_owned();
        assert_eq!(url("http://localhost:1/x"), "ws://localhost:1/x");
        assert_eq!(url("HTTPS://LOCALHOST:1"), "wss://localhost:1/");

        let serving = serve(|server| server, echo).await;
        let socket = EventSocket::new(format!("http://{}/", serving.addr), later).unwrap();
        Heard::by(&socket).expect("open").await;
    });
}

#[test]
fn step_6_if_the_scheme_is_another_throw_a_syntax_error() {
    run(async {
        for url in ["ftp://localhost/", "localhost:80", "mailto:me@localhost", "about:blank"] {
            assert!(matches!(url_error(url), UrlError::Scheme(_)), "{url}");
        }
    });
}

#[test]
fn step_7_if_the_fragment_is_non_null_throw_a_syntax_error() {
    run(async {
        for url in ["ws://localhost/#top", "ws://localhost/#", "https://localhost/?q#top"] {
            assert!(matches!(url_error(url), UrlError::Fragment(_)), "{url}");
        }
    });
}

#[test]
fn step_9_if_protocols_occur_more_than_once_or_are_no_tokens_throw_a_syntax_error() {
    run(async {
        assert!(is_syntax_error(&["chat", "chat"]));
        for invalid in ["", "two words", "caf\u{e9}", "line\nbreak", "\0", "\x7f"] {
            assert!(is_syntax_error(&[invalid]), "{invalid:?}");
        }
        for separator in "()<>@,;:\\\"/[]?={} \t".chars() {
            assert!(is_syntax_error(&[&format!("a{separator}b")]), "{separator:?}");
        }
        assert!(!is_syntax_error(&["chat", "Chat", "x!#$%&'*+-.^_`|~"]));
    });
}

#[test]
fn step_12_the_connection_is_established_in_parallel() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        let mut heard = Heard::by(&socket);
        let _raw = peer.open().await;
        heard.expect("open").await;
    });
}

#[test]
fn note_a_connection_that_cannot_be_established_fires_close() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let mut heard = Heard::by(&socket);
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        assert_eq!(heard.rest().await, FAILED);
        assert_eq!(socket.ready_state(), ReadyState::Closed);
    });
}

#[test]
fn the_set_up_of_a_client_is_used() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new()
            .subprotocols(["of-the-client"])
            .header(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer 1"));
        let asked = async |protocols: &[&str]| {
            let _socket = EventSocket::from_client(&client, peer.url(), protocols, later).unwrap();
            peer.accept().await.head().await.to_ascii_lowercase()
        };
        let head = asked(&["of-the-socket"]).await;
        assert!(head.contains("authorization: bearer 1\r\n"), "{head}");
        assert!(head.contains("sec-websocket-protocol: of-the-socket\r\n"), "{head}");
        let head = asked(&[]).await;
        assert!(head.contains("sec-websocket-protocol: of-the-client\r\n"), "{head}");

        // The client may proceed without a subprotocol that it offered (RFC 6455 §4.1).
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        let _raw = peer.open().await;
        heard.expect("open").await;
    });
}

#[test]
fn a_header_that_cannot_be_sent_is_found_out_at_once() {
    run(async {
        let forged = Client::new().header(HOST, HeaderValue::from_static("other.example"));
        let error = EventSocket::from_client(&forged, "ws://localhost:1/", &[], later).unwrap_err();
        assert_eq!(error.to_string(), "header host is reserved for the opening handshake");
    });
}

#[test]
fn outside_of_a_runtime_it_is_said_what_is_missing() {
    let error = EventSocket::new("ws://localhost:1/", later).unwrap_err();
    assert_eq!(error.to_string(), "an EventSocket must be created inside a tokio runtime");
}

/// By the time they are added, the connection has failed, and the single thread of the runtime is free to report it.
#[test]
fn listeners_of_the_constructor_are_added_before_the_first_event() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let broken = Client::new().connector(|_| async { Err::<DuplexStream, _>(io::Error::other("no cable")) });
    let _entered = runtime.enter();
    let mut heard = None;
    let add = |socket: &EventSocket| {
        // Tasks spawned from outside run in the order in which they are spawned, so earlier ones have run.
        runtime.block_on(runtime.spawn(yield_now())).unwrap();
        heard = Some(Heard::by(socket));
    };
    let _socket = EventSocket::from_client(&broken, "ws://server.example/", &[], add).unwrap();
    assert_eq!(runtime.block_on(heard.unwrap().rest()), FAILED);
}
