//! "Garbage collection": what happens to a socket without handles, and to one whose runtime is shut down.

use std::sync::Arc;

use longwire::event_socket::{EventKind, ReadyState};
use longwire::{EventSocket, SendStatus};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use super::{Heard, later};
use crate::support::{CLOSE, Frame, Peer, TEXT, close, plain, run};

#[test]
fn a_connecting_socket_lives_while_there_are_listeners() {
    run(async {
        let peer = Peer::listen().await;
        let (tell, mut told) = unbounded_channel();
        EventSocket::new(peer.url(), later).unwrap().on_open(move |_| tell.send(()).unwrap());
        let mut raw = peer.open().await;
        told.recv().await.unwrap();
        // An open socket without listeners or handles is closed without a code.
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
    });
}

#[test]
fn a_connecting_socket_without_listeners_is_given_up() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut raw = peer.accept().await;
        raw.head().await;
        drop(socket);
        raw.expect_end().await;
    });
}

#[test]
fn an_open_socket_lives_while_there_are_listeners_for_message_error_or_close() {
    run(async {
        for kind in [EventKind::Message, EventKind::Error, EventKind::Close] {
            let peer = Peer::listen().await;
            let socket = EventSocket::new(peer.url(), later).unwrap();
            let (tell, mut told) = unbounded_channel();
            socket.add_event_listener(kind, move |_, event| tell.send(event.kind()).unwrap());
            drop(socket);
            let mut raw = peer.open().await;
            raw.send(plain(TEXT, "still there?")).await;
            drop(raw);
            assert_eq!(told.recv().await, Some(kind));
        }
    });
}

#[test]
fn an_open_socket_that_is_dropped_sends_what_was_queued_and_closes_without_a_code() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, mut told) = unbounded_channel();
        socket.on_open(move |_| tell.send(()).unwrap());
        let mut raw = peer.open().await;
        told.recv().await.unwrap();
        socket.send("last words").or_drop();
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(TEXT, "last words"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
    });
}

#[test]
fn a_closing_socket_tells_its_end_though_nobody_holds_it() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        socket.close(1000, "").unwrap();
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send(plain(CLOSE, close(1000, ""))).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["close 1000 \"\" clean"]);
    });
}

#[test]
fn listeners_are_dropped_at_the_end_even_if_they_hold_the_socket() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let held = Arc::new(());
        let (myself, token) = (socket.clone(), Arc::clone(&held));
        socket.on_message(move |_, _| drop((myself.clone(), Arc::clone(&token))));
        drop(peer.open().await);
        socket.ended().await;
        assert_eq!(Arc::strong_count(&held), 1);
        let token = Arc::clone(&held);
        socket.on_message(move |_, _| drop(Arc::clone(&token)));
        assert_eq!(Arc::strong_count(&held), 1, "the listeners must be dropped");
    });
}

/// The runtime is to its sockets what a document is to the sockets of a page.
fn another_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn made_in(runtime: &Runtime, url: String) -> EventSocket {
    let _entered = runtime.enter();
    EventSocket::new(url, later).unwrap()
}

#[test]
fn make_disappear_not_yet_established_fail_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        let runtime = another_runtime();
        let socket = made_in(&runtime, peer.url());
        let mut heard = Heard::by(&socket);
        let mut raw = peer.accept().await;
        raw.head().await;
        runtime.shutdown_background();
        raw.expect_end().await;
        assert_eq!(socket.ended().await.code(), 1006);
        assert_eq!(socket.ready_state(), ReadyState::Closed);
        assert!(heard.rest().await.is_empty(), "listeners have no runtime to run on");
    });
}

#[test]
fn make_disappear_established_close_with_1001() {
    run(async {
        let peer = Peer::listen().await;
        let runtime = another_runtime();
        let socket = made_in(&runtime, peer.url());
        let mut heard = Heard::by(&socket);
        let mut raw = peer.open().await;
        heard.expect("open").await;
        runtime.shutdown_background();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
        assert_eq!(socket.ended().await.code(), 1006);
        assert_eq!(socket.send("too late"), SendStatus::Closed);
        assert!(heard.rest().await.is_empty());
    });
}

#[test]
fn make_disappear_though_the_task_never_ran() {
    run(async {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let socket = made_in(&runtime, Peer::listen().await.url());
        let mut heard = Heard::by(&socket);
        runtime.shutdown_background();
        assert_eq!(socket.ended().await.code(), 1006);
        assert!(heard.rest().await.is_empty());
    });
}
