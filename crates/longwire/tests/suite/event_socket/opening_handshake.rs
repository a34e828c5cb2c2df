//! "WebSocket protocol alterations": "Connections" and "Opening handshake".

use longwire::{Client, EventSocket};
use longwire_proto::handshake::ClientKey;
use tokio::sync::mpsc::unbounded_channel;

use super::{FAILED, Heard, later, nobody};
use crate::support::{Peer, agreement, run};

/// The head of the request for a URL with `rest` after the server's name, in lower case.
async fn head_for(peer: &Peer, rest: &str, protocols: &[&str]) -> String {
    let url = format!("ws://{}{rest}", peer.addr());
    let _socket = EventSocket::with_protocols(url, protocols, later).unwrap();
    peer.accept().await.head().await.to_ascii_lowercase()
}

/// The events of a socket that requests `protocols`, with a server that answers with these bytes.
async fn told_of(answer: impl AsRef<[u8]>, protocols: &[&str]) -> Vec<String> {
    let peer = Peer::listen().await;
    let socket = EventSocket::with_protocols(peer.url(), protocols, later).unwrap();
    let mut heard = Heard::by(&socket);
    let mut raw = peer.accept().await;
    raw.head().await;
    raw.send(answer).await;
    drop(raw);
    heard.rest().await
}

#[test]
fn connections_steps_1_and_2_host_and_port_are_those_of_the_url() {
    run(async {
        for (url, host, port) in [
            ("ws://Name.Example/", "name.example", 80),
            ("wss://name.example:80/", "name.example", 80),
            ("https://name.example/", "name.example", 443),
            ("ws://b\u{fc}cher.example:8080/", "xn--bcher-kva.example", 8080),
        ] {
            let (tell, mut told) = unbounded_channel();
            let client = Client::new().resolver(move |asked| {
                tell.send((asked.host().to_owned(), asked.port())).unwrap();
                async { Ok(Vec::new()) }
            });
            let _socket = EventSocket::from_client(&client, url, &[], later).unwrap();
            assert_eq!(told.recv().await.unwrap(), (host.to_owned(), port), "{url}");
        }
    });
}

#[test]
fn connections_step_3_the_resource_name_is_the_path_with_its_empty_strings() {
    run(async {
        let peer = Peer::listen().await;
        for (path, name) in [("", "/"), ("/", "/"), ("/a//b/", "/a//b/"), ("/a/../b c", "/b%20c")] {
            let head = head_for(&peer, path, &[]).await;
            assert!(head.starts_with(&format!("get {name} http/1.1\r\n")), "{head}");
        }
    });
}

#[test]
fn connections_step_4_a_query_that_is_not_empty_is_appended() {
    run(async {
        let peer = Peer::listen().await;
        for (query, name) in [("?", "/"), ("/?q=1&r", "/?q=1&r"), ("/?x\0y", "/?x%00y"), ("?a?b", "/?a?b")] {
            let head = head_for(&peer, query, &[]).await;
            assert!(head.starts_with(&format!("get {name} http/1.1\r\n")), "{head}");
        }
    });
}

#[test]
#[cfg(feature = "tls")]
fn connections_step_5_secure_is_false_for_ws_and_true_for_wss() {
    run(async {
        let peer = Peer::listen().await;
        // The first byte of a TLS record that carries a handshake (RFC 8446 §5.1).
        for (scheme, first) in [("ws", b'G'), ("http", b'G'), ("wss", 0x16), ("https", 0x16)] {
            let _socket = EventSocket::new(format!("{scheme}://{}/", peer.addr()), later).unwrap();
            assert_eq!(peer.accept().await.bytes(1).await, [first], "{scheme}");
        }
    });
}

#[test]
fn step_2_no_referrer_is_told_and_credentials_are_included() {
    run(async {
        let peer = Peer::listen().await;
        let url = format!("ws://me:secret@{}/", peer.addr());
        let _socket = EventSocket::new(url, later).unwrap();
        let head = peer.accept().await.head().await;
        assert!(!head.to_ascii_lowercase().contains("\r\nreferer:"), "{head}");
        assert!(head.contains(": Basic bWU6c2VjcmV0\r\n"), "{head}");
    });
}

#[test]
fn step_2_a_redirect_is_an_error() {
    run(async {
        let other = Peer::listen().await;
        let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\n\r\n", other.url());
        assert_eq!(told_of(answer, &[]).await, FAILED);
        tokio::select! {
            biased;
            _ = other.accept() => panic!("the redirect was followed"),
            () = crate::support::settle() => {}
        }
    });
}

#[test]
fn steps_3_to_7_the_request_carries_the_headers_of_the_protocol() {
    run(async {
        let peer = Peer::listen().await;
        let head = head_for(&peer, "/", &[]).await;
        for header in ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
        }
        assert!(!head.contains("sec-websocket-protocol"), "{head}");
    });
}

#[test]
fn step_5_the_key_is_a_nonce_of_16_bytes() {
    run(async {
        let peer = Peer::listen().await;
        let key = async || {
            let _socket = EventSocket::new(peer.url(), later).unwrap();
            let head = peer.accept().await.head().await;
            let (_, key) = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
                .unwrap();
            key.to_owned()
        };
        let keys = [key().await, key().await];
        assert_ne!(keys[0], keys[1]);
        for key in keys {
            assert!(ClientKey::parse(key.as_bytes()).is_ok(), "{key}");
        }
    });
}

#[test]
fn step_8_the_protocols_are_asked_for_in_their_order() {
    run(async {
        let head = head_for(&Peer::listen().await, "/", &["chat.v2", "chat.v1"]).await;
        assert!(head.contains("\r\nsec-websocket-protocol: chat.v2, chat.v1\r\n"), "{head}");
    });
}

#[test]
fn steps_9_and_10_permessage_deflate_is_offered() {
    run(async {
        let head = head_for(&Peer::listen().await, "/", &[]).await;
        assert!(head.contains("\r\nsec-websocket-extensions: permessage-deflate"), "{head}");
    });
}

#[test]
fn step_11_1_a_network_error_or_another_status_than_101_fails_the_connection() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        assert_eq!(Heard::by(&socket).rest().await, FAILED);
        for status in ["200 OK", "204 No Content", "401 Unauthorized", "426 Upgrade Required", "503 Busy"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(told_of(answer, &[]).await, FAILED, "{status}");
        }
    });
}

#[test]
fn step_11_2_a_server_that_chooses_none_of_the_protocols_fails_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        for answer in ["", "Sec-WebSocket-Protocol: \r\n"] {
            let socket = EventSocket::with_protocols(peer.url(), &["chat"], later).unwrap();
            let mut heard = Heard::by(&socket);
            let _raw = peer.open_with(answer).await;
            assert_eq!(heard.rest().await, FAILED, "{answer:?}");
        }
    });
}

#[test]
fn step_11_3_a_server_that_chooses_another_protocol_fails_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        for asked in [&["chat"][..], &[]] {
            let socket = EventSocket::with_protocols(peer.url(), asked, later).unwrap();
            let mut heard = Heard::by(&socket);
            let _raw = peer.open_with("Sec-WebSocket-Protocol: other\r\n").await;
            assert_eq!(heard.rest().await, FAILED);
        }
    });
}

#[test]
fn step_11_3_an_answer_that_is_not_that_of_the_protocol_fails_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        for (right, wrong) in [
            ("Upgrade: websocket\r\n", ""),
            ("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"),
            ("Connection: Upgrade\r\n", "Connection: close\r\n"),
            ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
            ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x-unheard-of\r\n\r\n"),
        ] {
            let socket = EventSocket::new(peer.url(), later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = peer.accept().await;
            let agreed = agreement(&raw.head().await, "");
            let answer = agreed.replace(right, wrong);
            assert_ne!(answer, agreed);
            raw.send(answer).await;
            assert_eq!(heard.rest().await, FAILED, "{wrong:?}");
        }
    });
}
