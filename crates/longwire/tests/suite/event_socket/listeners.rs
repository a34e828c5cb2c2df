//! Event handlers (`on_…`) and event listeners, in the terms of the DOM Standard.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use longwire::event_socket::EventKind;
use longwire::{Client, EventSocket};

use super::{Heard, later, nobody};
use crate::support::{CLOSE, Frame, Peer, TEXT, close, patient, plain, run};

fn telling(tell: &Sender<&'static str>, what: &'static str) -> impl FnMut(&EventSocket) + Send + 'static {
    let tell = tell.clone();
    move |_| tell.send(what).unwrap()
}

/// Opens a connection, and ends it.
async fn open_and_end(socket: &EventSocket, peer: &Peer) {
    drop(peer.open().await);
    socket.ended().await;
}

/// The example from every tutorial.
#[test]
fn the_four_handlers() {
    run(async {
        let peer = Peer::listen().await;
        let (tell, told) = channel();
        let [opened, heard, closed, failed] = [(); 4].map(|()| tell.clone());
        drop(tell);

        let socket = EventSocket::new(peer.url(), later).unwrap();
        socket.on_open(move |socket| {
            opened.send("connected".to_owned()).unwrap();
            socket.send("Hello, Server!").or_drop();
        });
        socket.on_message(move |_, event| {
            heard.send(format!("message from server: {}", event.data())).unwrap();
        });
        socket.on_close(move |_, event| {
            closed.send(format!("closed: {} {}", event.code(), event.reason())).unwrap();
        });
        socket.on_error(move |_, error| failed.send(format!("error: {error}")).unwrap());

        let mut raw = peer.open().await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "Hello, Server!"));
        raw.send([plain(TEXT, "Hello, Client!"), plain(CLOSE, close(1000, "enough"))].concat()).await;
        drop(raw);
        socket.ended().await;

        assert_eq!(
            told.iter().collect::<Vec<_>>(),
            ["connected", "message from server: Hello, Client!", "closed: 1000 (normal closure) enough"]
        );
    });
}

#[test]
fn a_handler_takes_the_place_of_the_one_before_and_listeners_are_called_in_their_order() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = channel();
        socket.on_open(telling(&tell, "replaced"));
        let mut second = telling(&tell, "second");
        socket.add_event_listener(EventKind::Open, move |socket, _| second(socket));
        let first = socket.on_open(telling(&tell, "first"));
        assert_eq!(socket.on_open(telling(&tell, "still first")), first);
        open_and_end(&socket, &peer).await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["still first", "second"]);
    });
}

#[test]
fn a_listener_can_be_removed_even_by_one_before_it() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = channel();
        let later = Arc::new(Mutex::new(None));
        let (removed, tell_first) = (Arc::clone(&later), tell.clone());
        socket.on_open(move |socket| {
            tell_first.send("first").unwrap();
            socket.remove_event_listener(removed.lock().unwrap().unwrap());
        });
        let mut second = telling(&tell, "second");
        let id = socket.add_event_listener(EventKind::Open, move |socket, _| second(socket));
        *later.lock().unwrap() = Some(id);
        let mut third = telling(&tell, "third");
        let gone = socket.add_event_listener(EventKind::Open, move |socket, _| third(socket));
        socket.remove_event_listener(gone);
        open_and_end(&socket, &peer).await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["first"]);
    });
}

/// Like `socket.onopen = null`.
#[test]
fn a_handler_can_be_taken_back_and_set_again_behind_the_others() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = channel();
        let handler = socket.on_open(telling(&tell, "taken back"));
        let mut listener = telling(&tell, "listener");
        socket.add_event_listener(EventKind::Open, move |socket, _| listener(socket));
        socket.remove_event_listener(handler);
        socket.on_open(telling(&tell, "handler"));
        open_and_end(&socket, &peer).await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["listener", "handler"]);
    });
}

#[test]
fn a_listener_may_add_others_which_hear_of_the_next_event() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = channel();
        socket.on_message(move |socket, event| {
            let (tell, added_at) = (tell.clone(), event.data().to_string());
            socket.add_event_listener(EventKind::Message, move |_, event| {
                tell.send(format!("{added_at} hears {}", super::shown(event))).unwrap();
            });
        });
        let mut raw = peer.open().await;
        raw.send([plain(TEXT, "1"), plain(TEXT, "2"), plain(TEXT, "3")].concat()).await;
        drop(raw);
        socket.ended().await;
        assert_eq!(
            told.try_iter().collect::<Vec<_>>(),
            ["1 hears message 2", "1 hears message 3", "2 hears message 3"]
        );
    });
}

#[test]
fn a_handler_may_replace_itself() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let (tell, told) = channel();
        socket.on_message(move |socket, _| {
            let tell = tell.clone();
            socket.on_message(move |_, event| tell.send(event.data().to_string()).unwrap());
        });
        let mut raw = peer.open().await;
        raw.send([plain(TEXT, "for the first"), plain(TEXT, "for the second")].concat()).await;
        drop(raw);
        socket.ended().await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["for the second"]);
    });
}

#[test]
fn a_listener_that_panics_takes_nobody_with_it() {
    run(async {
        let (peer, other_peer) = (Peer::listen().await, Peer::listen().await);
        // Printing the panic takes time, during which the other socket waits.
        let client = Client::new().limits(patient());
        let socket = EventSocket::from_client(&client, peer.url(), &[], later).unwrap();
        let other = EventSocket::from_client(&client, other_peer.url(), &[], later).unwrap();
        socket.on_open(|_| panic!("a mistake of the application"));
        socket.on_message(|_, event| assert_ne!(event.data().as_text(), Some("1"), "another one"));
        let (mut heard, mut other_heard) = (Heard::by(&socket), Heard::by(&other));
        let (mut raw, mut other_raw) = (peer.open().await, other_peer.open().await);
        raw.send([plain(TEXT, "1"), plain(TEXT, "2")].concat()).await;
        other_raw.send(plain(TEXT, "hello")).await;
        for event in ["open", "message 1", "message 2"] {
            heard.expect(event).await;
        }
        other_heard.expect("open").await;
        other_heard.expect("message hello").await;
        socket.send("alive").or_drop();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "alive"));
    });
}

#[test]
fn everything_may_be_called_in_a_listener() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let (tell, told) = channel();
        socket.on_close(move |socket, _| {
            let attributes = (socket.url(), socket.protocol(), socket.extensions(), socket.ready_state());
            let clone = socket.clone();
            clone.send("into the void").or_drop();
            clone.close(1000, "").unwrap();
            tell.send(format!("{attributes:?} {clone:?} {}", clone.buffered_amount())).unwrap();
        });
        socket.ended().await;
        assert!(told.recv().unwrap().ends_with("ready_state: Closed, .. } 13"));
    });
}

#[test]
fn everybody_who_waits_is_told_the_end() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let (one, two) = tokio::join!(socket.ended(), socket.ended());
        assert_eq!((one.code().get(), &one), (1006, &two));
        assert_eq!(socket.ended().await, one);
    });
}
