//! "send(data)".

use longwire::event_socket::ReadyState;
use longwire::{Client, EventSocket, Message, SendStatus};

use super::{Heard, later};
use crate::support::{BINARY, CLOSE, Frame, Peer, TEXT, close, plain, run, settle};

#[test]
fn step_1_while_connecting_it_is_an_invalid_state_error() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        assert_eq!(socket.send("early"), SendStatus::Connecting);
        assert_eq!(socket.buffered_amount(), 0);
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        socket.send("in time").or_drop();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "in time"));
    });
}

#[test]
fn step_2_text_and_binary_messages_leave_in_their_order() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new().deflate(None);
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        socket.on_open(|socket| {
            socket.send("text").or_drop();
            socket.send(vec![1, 2]).or_drop();
            socket.send(String::from("owned")).or_drop();
            socket.send(Message::from("plain").uncompressed()).or_drop();
            socket.send("").or_drop();
        });
        let mut raw = peer.open().await;
        for (first, payload) in
            [(TEXT, &b"text"[..]), (BINARY, &[1, 2]), (TEXT, b"owned"), (TEXT, b"plain"), (TEXT, b"")]
        {
            assert_eq!(raw.frame().await, Frame::new(first, payload));
        }
    });
}

#[test]
fn step_2_while_closing_or_closed_it_only_increases_buffered_amount() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        socket.close(1000, "").unwrap();
        assert_eq!(socket.send("late"), SendStatus::Closed);
        assert_eq!(socket.buffered_amount(), 4);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send(plain(CLOSE, close(1000, ""))).await;
        drop(raw);
        heard.rest().await;
        assert_eq!(socket.send("later"), SendStatus::Closed);
        assert_eq!(socket.buffered_amount(), 9);
    });
}

#[test]
fn step_2_if_the_buffer_is_full_flag_as_full_and_close_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        socket.set_max_buffered_amount(10);
        let mut heard = Heard::by(&socket);
        let (tell, told) = std::sync::mpsc::channel();
        socket.on_error(move |_, error| tell.send(error.to_string()).unwrap());
        let _raw = peer.open().await;
        heard.expect("open").await;
        assert_eq!(socket.send("0123456789"), SendStatus::Queued);
        assert_eq!(socket.send("x"), SendStatus::Full);
        assert_eq!(socket.buffered_amount(), 11);
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        assert_eq!(heard.rest().await, super::FAILED);
        assert_eq!(told.recv().unwrap(), "more than 10 bytes wait to be written");
    });
}

#[test]
fn a_server_that_does_not_read_does_not_make_send_wait() {
    run(async {
        let peer = Peer::listen().await;
        let client = Client::new().deflate(None);
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        for _ in 0..32 {
            assert_eq!(socket.send(vec![0; 1 << 20]), SendStatus::Queued);
            settle().await;
        }
        // Messages of the server are still received.
        raw.send(plain(TEXT, "hello")).await;
        heard.expect("message hello").await;
        socket.set_max_buffered_amount(32 << 20);
        assert_eq!(socket.send(vec![0; 32 << 20]), SendStatus::Full);
        assert_eq!(heard.rest().await, super::FAILED);
    });
}
