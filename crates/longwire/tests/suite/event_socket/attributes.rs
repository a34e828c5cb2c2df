//! The attributes `url`, `readyState`, `extensions`, `protocol`, and `bufferedAmount`.

use longwire::event_socket::ReadyState;
use longwire::{Client, EventSocket, Limits, SendStatus};

use super::{Heard, later};
use crate::support::{BINARY, CLOSE, Frame, Peer, close, echo, plain, run, serve, settle};

/// More than the system buffers between two ends of a connection.
const LARGE: usize = 16 << 20;

#[test]
fn url_is_serialized() {
    run(async {
        let url = |url: &str| EventSocket::new(url, later).unwrap().url().to_owned();
        assert_eq!(url("WS://LocalHost:80/a b/../c?q=\u{e9}"), "ws://localhost/c?q=%C3%A9");
        assert_eq!(url("ws://me:secret@localhost:1"), "ws://me:secret@localhost:1/");
        // The standard does not say what `Debug` shows.
        let socket = EventSocket::new("ws://me:secret@localhost:1", later).unwrap();
        assert!(!format!("{socket:?}").contains("secret"), "{socket:?}");
    });
}

#[test]
fn ready_state_is_connecting_open_closing_closed() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        assert_eq!(socket.ready_state(), ReadyState::Open);
        socket.close(1000, "").unwrap();
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        raw.frame().await;
        raw.send(plain(CLOSE, close(1000, ""))).await;
        raw.finish().await;
        heard.expect("close 1000 \"\" clean").await;
        assert_eq!(socket.ready_state(), ReadyState::Closed);
        assert_eq!([0, 1, 2, 3], [ReadyState::Connecting as u8, 1, ReadyState::Closing as u8, 3]);
    });
}

#[test]
fn extensions_and_protocol_are_empty_until_the_connection_is_established() {
    run(async {
        let serving = serve(|server| server.subprotocols(["chat"]), echo).await;
        let socket = EventSocket::with_protocols(serving.url("/"), &["chat"], later).unwrap();
        let mut heard = Heard::by(&socket);
        assert_eq!((socket.extensions(), socket.protocol()), (String::new(), String::new()));
        heard.expect("open").await;
        assert_eq!(socket.protocol(), "chat");
        assert!(socket.extensions().starts_with("permessage-deflate"), "{}", socket.extensions());
    });
}

#[test]
fn extensions_and_protocol_stay_empty_if_there_are_none() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let _raw = peer.open().await;
        heard.expect("open").await;
        assert_eq!((socket.extensions(), socket.protocol()), (String::new(), String::new()));
    });
}

#[test]
fn buffered_amount_counts_content_that_was_not_transmitted_without_framing() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        assert_eq!(socket.send("\u{e9}"), SendStatus::Queued);
        assert_eq!(socket.send(vec![0; 7]), SendStatus::Queued);
        assert_eq!(socket.buffered_amount(), 9);
        raw.frame().await;
        raw.frame().await;
        settle().await;
        assert_eq!(socket.buffered_amount(), 0);
    });
}

#[test]
fn buffered_amount_includes_what_was_sent_in_the_current_task() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        socket.on_open(move |socket| {
            for _ in 0..3 {
                socket.send("four").or_drop();
                tell.send(socket.buffered_amount()).unwrap();
            }
        });
        let mut raw = peer.open().await;
        for _ in 0..3 {
            assert_eq!(raw.frame().await.payload, b"four");
        }
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [4, 8, 12]);
    });
}

#[test]
fn buffered_amount_falls_as_the_server_reads() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new().deflate(None);
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        let chunk = vec![0; 1 << 20];
        for _ in 0..LARGE / chunk.len() {
            socket.send(chunk.clone()).or_drop();
        }
        settle().await;
        assert!((1..=LARGE).contains(&socket.buffered_amount()), "{}", socket.buffered_amount());
        let mut least = LARGE;
        for _ in 0..LARGE / chunk.len() {
            assert_eq!(raw.frame().await, Frame::new(BINARY, &chunk));
            assert!(socket.buffered_amount() <= least);
            least = socket.buffered_amount();
        }
        settle().await;
        assert_eq!(socket.buffered_amount(), 0);
    });
}

#[test]
fn buffered_amount_does_not_reset_once_the_connection_closes() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new().deflate(None).limits(Limits::default().keepalive(None));
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        let raw = peer.open().await;
        heard.expect("open").await;
        socket.send(vec![0; LARGE]).or_drop();
        drop(raw);
        heard.rest().await;
        assert_eq!(socket.buffered_amount(), LARGE);
        assert_eq!(socket.send("more"), SendStatus::Closed);
        assert_eq!(socket.buffered_amount(), LARGE + 4);
    });
}
