//! "Feedback from the protocol", "Ping and Pong frames", and the interface `CloseEvent`.

use std::io;
use std::time::Duration;

use longwire::event_socket::ReadyState;
use longwire::{Client, Error, EventSocket, Keepalive, Limits, Refusal, Upgrade};

use super::{FAILED, Heard, later, nobody};
use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, Peer, ROOMY, TEXT, close, dialled, echo, plain, run, run_on_threads,
    run_paused, serve,
};

#[test]
fn when_established_the_state_is_open_and_open_is_fired() {
    run(async {
        let serving = serve(|server| server.subprotocols(["chat"]), echo).await;
        let socket = EventSocket::with_protocols(serving.url("/"), &["chat"], later).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        socket.on_open(move |socket| {
            tell.send((socket.ready_state(), socket.protocol(), socket.extensions().is_empty())).unwrap();
        });
        Heard::by(&socket).expect("open").await;
        assert_eq!(told.recv().unwrap(), (ReadyState::Open, "chat".to_owned(), false));
    });
}

#[test]
fn note_listeners_of_the_constructor_hear_of_open() {
    run_on_threads(async {
        let serving = serve(|server| server, echo).await;
        let mut heard = None;
        let add = |socket: &EventSocket| heard = Some(Heard::by(socket));
        let _socket = EventSocket::new(serving.url("/"), add).unwrap();
        heard.unwrap().expect("open").await;
    });
}

#[test]
fn when_a_message_has_been_received_it_is_told_with_its_type_and_origin() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        socket.on_message(move |_, event| {
            tell.send((event.data().clone(), event.origin().to_owned())).unwrap();
        });
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        raw.send(plain(TEXT, "on")).await;
        raw.send(plain(BINARY, [0, 1])).await;
        for event in ["open", "message on", "message <2 bytes>"] {
            heard.expect(event).await;
        }
        let origin = format!("ws://{}", peer.addr());
        assert_eq!(told.recv().unwrap(), ("on".into(), origin.clone()));
        assert_eq!(told.recv().unwrap(), (vec![0, 1].into(), origin));
    });
}

#[test]
fn when_a_message_has_been_received_a_byte_order_mark_is_part_of_it() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        raw.send([plain(TEXT, "\u{feff}x"), plain(CLOSE, close(1000, "\u{feff}y"))].concat()).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["open", "message \u{feff}x", "close 1000 \"\\u{feff}y\" clean"]);
    });
}

#[test]
fn when_a_message_has_been_received_and_the_state_is_not_open_return() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        socket.on_message(|socket, _| socket.close(1000, "").unwrap());
        let mut raw = peer.open().await;
        let both = [plain(TEXT, "first"), plain(TEXT, "second")].concat();
        raw.send(both).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send([plain(TEXT, "third"), plain(CLOSE, close(1000, ""))].concat()).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["open", "message first", "close 1000 \"\" clean"]);
    });
}

#[test]
fn messages_that_come_with_the_handshake_and_with_the_close_frame_are_told_between_open_and_close() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.accept().await;
        let answer = crate::support::agreement(&raw.head().await, "");
        let frames = [plain(TEXT, "1"), plain(TEXT, "2"), plain(CLOSE, close(1001, "bye"))].concat();
        raw.send([answer.as_bytes(), &frames].concat()).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["open", "message 1", "message 2", "close 1001 \"bye\" clean"]);
    });
}

#[test]
fn when_the_closing_handshake_is_started_by_the_server_the_state_is_closing() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        raw.send(plain(CLOSE, close(1000, ""))).await;
        // The server has not ended the connection, so no event is fired yet.
        while socket.ready_state() == ReadyState::Open {
            tokio::task::yield_now().await;
        }
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        assert!(heard.events.is_empty());
        drop(raw);
        assert_eq!(heard.rest().await, ["close 1000 \"\" clean"]);
    });
}

#[test]
fn when_closed_the_state_is_closed_before_anybody_is_told() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let and_close = tell.clone();
        socket.on_error(move |socket, _| tell.send(socket.ready_state()).unwrap());
        socket.on_close(move |socket, _| and_close.send(socket.ready_state()).unwrap());
        socket.ended().await;
        assert_eq!(told.iter().collect::<Vec<_>>(), [ReadyState::Closed, ReadyState::Closed]);
    });
}

#[test]
fn when_closed_cleanly_close_is_fired_without_error() {
    run(async {
        let peer = Peer::listen().await;
        for (payload, told) in [
            (close(1000, "done"), "close 1000 \"done\" clean"),
            (close(4001, "\u{e9}"), "close 4001 \"\u{e9}\" clean"),
            (close(1011, ""), "close 1011 \"\" clean"),
            (Vec::new(), "close 1005 \"\" clean"),
        ] {
            let socket = EventSocket::new(peer.url(), later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = peer.open().await;
            raw.send(plain(CLOSE, &payload)).await;
            drop(raw);
            assert_eq!(heard.rest().await, ["open", told]);
            assert!(socket.ended().await.was_clean());
        }
    });
}

#[test]
fn when_closed_what_came_behind_the_close_frame_is_not_told() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        raw.send([plain(CLOSE, close(1000, "")), plain(TEXT, "too late"), vec![0xf1, 0]].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        drop(raw);
        assert_eq!(heard.rest().await, ["open", "close 1000 \"\" clean"]);
    });
}

#[test]
fn when_the_connection_has_to_be_failed_error_is_fired_before_close() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new().limits(Limits::default().message(10));
        // Reserved bits; a message that is too large; text that is not UTF-8; an end without a Close frame.
        for wrong in [&[0xf1, 0][..], &plain(TEXT, "x".repeat(11)), &plain(TEXT, b"\xff"), b""] {
            let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = peer.open().await;
            raw.send(wrong).await;
            drop(raw);
            assert_eq!(heard.next().await, "open");
            assert_eq!(heard.rest().await, FAILED, "{wrong:?}");
        }
    });
}

#[test]
fn warning_the_code_and_the_reason_are_those_of_a_lost_connection_whatever_went_wrong() {
    run(async {
        let peer = Peer::listen().await;
        let not_routed = Client::new().connector(async |_| {
            Err::<tokio::net::TcpStream, _>(io::Error::from(io::ErrorKind::HostUnreachable))
        });
        let not_resolved = Client::new().resolver(async |_| Ok(Vec::new()));
        for (client, url) in [
            (not_resolved, "ws://name.example/".to_owned()),
            (not_routed, "ws://name.example/".to_owned()),
            (Client::new(), nobody()),
        ] {
            let socket = EventSocket::from_client(&client, url, &[], later).unwrap();
            assert_eq!(Heard::by(&socket).rest().await, FAILED);
        }
        // A failing TLS handshake, opening handshake, and subprotocol, and a lost connection.
        for (scheme, answer) in [
            ("wss", "HTTP/1.1 400 Bad Request\r\n\r\n"),
            ("ws", "SSH-2.0-OpenSSH_9.9\r\n"),
            ("ws", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ] {
            let socket = EventSocket::new(format!("{scheme}://{}/", peer.addr()), later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = peer.accept().await;
            raw.bytes(1).await;
            raw.send(answer).await;
            raw.finish().await;
            assert_eq!(heard.rest().await, FAILED, "{scheme} {answer}");
        }
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let _raw = peer.open_with("Sec-WebSocket-Protocol: not.asked.for\r\n").await;
        assert_eq!(heard.rest().await, FAILED);
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        drop(peer.open().await);
        assert_eq!(heard.rest().await, ["open", FAILED[0], FAILED[1]]);
    });
}

/// These codes stand for conditions that no Close frame can express (RFC 6455 §7.4.1).
#[test]
fn warning_note_1015_is_told_not_even_if_the_server_sends_it() {
    run(async {
        let peer = Peer::listen().await;
        for code in [1005, 1006, 1015] {
            let socket = EventSocket::new(peer.url(), later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = peer.open().await;
            raw.send(plain(CLOSE, close(code, "mine"))).await;
            drop(raw);
            assert_eq!(heard.rest().await, ["open", FAILED[0], FAILED[1]], "{code}");
        }
    });
}

/// A browser must not reveal its user's network to a page; here, the error says what went wrong.
#[test]
fn warning_what_went_wrong_is_told_by_the_error_and_not_by_the_code() {
    run(async {
        let refuse = async |_: &Upgrade<'_>| Err(Refusal::new(http::StatusCode::FORBIDDEN, "members only"));
        let serving = serve(|server| server.on_upgrade(refuse), echo).await;
        let (tell, told) = std::sync::mpsc::channel();
        let not_resolved = Client::new().resolver(async |_| Err(io::Error::other("no such name")));
        for url in [serving.url("/"), nobody(), "ws://name.example/".to_owned()] {
            let socket = EventSocket::from_client(&not_resolved, url, &[], later).unwrap();
            let tell = tell.clone();
            socket.on_error(move |_, error| {
                let kind = match error {
                    Error::Refused(refused) => refused.status().to_string(),
                    Error::Io { .. } => "not connected".to_owned(),
                    other => other.to_string(),
                };
                tell.send(kind).unwrap();
            });
            let close = socket.ended().await;
            assert_eq!((close.code().get(), close.reason(), close.was_clean()), (1006, "", false));
        }
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), ["403 Forbidden", "not connected", "not connected"]);
    });
}

#[test]
fn ping_and_pong_frames_are_not_exposed() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        raw.send([plain(PING, "1"), plain(PONG, "2")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "1"));
        drop(raw);
        assert_eq!(heard.rest().await, ["open", FAILED[0], FAILED[1]]);
    });
}

#[test]
fn ping_frames_are_sent_to_detect_a_failed_connection_and_for_nothing_else() {
    run_paused(async {
        let every = Duration::from_secs(10);
        for (keepalive, pinged) in [(Some(Keepalive::every(every)), true), (None, false)] {
            let (client, mut dialled) = dialled(ROOMY, Limits::default());
            let client = client.limits(Limits::default().keepalive(keepalive));
            let socket = EventSocket::from_client(&client, "ws://name.example/", &[], later).unwrap();
            let mut heard = Heard::by(&socket);
            let mut raw = dialled.open().await;
            heard.expect("open").await;
            let frame = tokio::time::timeout(2 * every, raw.frame()).await;
            assert_eq!(frame.ok().map(|frame| frame.first), pinged.then_some(PING));
        }
    });
}
