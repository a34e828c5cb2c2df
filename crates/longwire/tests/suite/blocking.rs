//! The client for threads without async.

use std::time::Duration;

use longwire::{
    By, Client, Direction, Error, FrameObserver, Keepalive, Limits, Message, UrlError, WebSocket, blocking,
};
use tokio::sync::oneshot;

use crate::support::{
    CLOSE, Frame, PING, PONG, Peer, TEXT, close, deserted, echo, end, masked, plain, run, serve,
};

/// Runs `script` on a thread without async.
async fn on_thread<T: Send + 'static>(script: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = oneshot::channel();
    std::thread::spawn(move || done.send(script()));
    outcome.await.unwrap()
}

/// Connects to a peer of raw bytes, on another thread.
fn connecting(peer: &Peer, client: Client) -> oneshot::Receiver<blocking::WebSocket> {
    let (connected, socket) = oneshot::channel();
    let url = peer.url();
    std::thread::spawn(move || {
        let _test_has_ended = connected.send(blocking::connect_with(&client, url).unwrap());
    });
    socket
}

#[test]
fn a_script_sends_receives_and_closes() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let url = serving.url("/");
        on_thread(move || {
            let mut socket = blocking::connect(url).unwrap();
            assert!(socket.is_open());
            for message in ["one", "two"] {
                socket.send(message).unwrap();
                assert_eq!(socket.recv().unwrap(), Some(message.into()));
            }
            assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
            let closed = socket.close(4001, "bye").unwrap();
            assert_eq!(end(&closed), (4001, "bye", By::Local, true));
            assert_eq!(socket.close(1000, "").unwrap(), closed);
            assert_eq!((socket.closed(), socket.is_open()), (closed, false));
            assert!(matches!(socket.send("late"), Err(Error::Closed(_))));
            assert_eq!(socket.recv().unwrap(), None);
        })
        .await;
    });
}

#[test]
fn the_messages_are_iterated_to_the_end() {
    run(async {
        let tell = async |mut socket: WebSocket| {
            for message in ["one", "two", "three"] {
                socket.send(message).await?;
            }
            socket.close(4000, "that was all").await?;
            Ok(())
        };
        let serving = serve(|server| server, tell).await;
        let url = serving.url("/");
        on_thread(move || {
            let mut socket = blocking::connect(url).unwrap();
            let heard: Vec<_> = (&mut socket).map(|message| message.unwrap().to_string()).collect();
            assert_eq!(heard, ["one", "two", "three"]);
            assert_eq!(end(&socket.closed()), (4000, "that was all", By::Peer, true));
        })
        .await;
    });
}

#[test]
fn a_time_for_receiving_passes_without_loss() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let url = serving.url("/");
        on_thread(move || {
            let mut socket = blocking::connect(url).unwrap();
            let error = socket.recv_timeout(Duration::from_millis(10)).unwrap_err();
            assert_eq!(error.to_string(), "cannot receive a message: it took longer than 0.01 s");
            socket.send("hello").unwrap();
            assert_eq!(socket.recv_timeout(Duration::from_secs(20)).unwrap(), Some("hello".into()));
            socket.close(1000, "").unwrap();
            assert_eq!(socket.recv_timeout(Duration::from_secs(20)).unwrap(), None);
        })
        .await;
    });
}

#[test]
fn closing_does_not_wait_for_messages_to_be_received() {
    run(async {
        let flood = async |mut socket: WebSocket| {
            for _ in 0..1000 {
                socket.send("flood").await?;
            }
            while socket.recv().await?.is_some() {}
            Ok(())
        };
        let serving = serve(|server| server, flood).await;
        let url = serving.url("/");
        on_thread(move || {
            let mut socket = blocking::connect(url).unwrap();
            assert!(socket.close(1000, "").unwrap().clean);
            assert!(matches!(socket.close(1005, ""), Err(Error::Close(_))));
        })
        .await;
    });
}

#[test]
fn a_mistake_of_the_peer_is_told_once() {
    run(async {
        let peer = Peer::listen().await;
        let socket = connecting(&peer, Client::new());
        let mut raw = peer.open().await;
        raw.send(masked(TEXT, "a server does not mask")).await;
        let mut socket = socket.await.unwrap();
        let told = on_thread(move || {
            assert!(matches!(socket.recv(), Err(Error::Protocol(_))));
            assert_eq!(socket.recv().unwrap(), None);
            assert_eq!(socket.closed().code, 1002);
        });
        // The client waits for the server to end the transport.
        let ending = async {
            assert_eq!(raw.frame().await.first, CLOSE);
            drop(raw);
        };
        tokio::join!(told, ending);
    });
}

#[test]
fn other_threads_send_too() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let url = serving.url("/");
        on_thread(move || {
            let mut socket = blocking::connect(url).unwrap();
            let senders: Vec<_> = (0..4)
                .map(|_| socket.sender())
                .map(|sender| std::thread::spawn(move || (0..50).for_each(|_| sender.send("hi").unwrap())))
                .collect();
            for _ in 0..4 * 50 {
                assert_eq!(socket.recv().unwrap(), Some("hi".into()));
            }
            senders.into_iter().for_each(|sender| sender.join().unwrap());
        })
        .await;
    });
}

#[test]
fn the_connection_is_kept_alive_while_the_program_does_something_else() {
    run(async {
        let peer = Peer::listen().await;
        let keepalive = Keepalive::every(Duration::from_millis(20)).within(Duration::from_secs(20));
        let socket = connecting(&peer, Client::new().keepalive(keepalive));
        let mut raw = peer.open().await;
        let socket = socket.await.unwrap();
        // No thread calls a method of the socket.
        assert_eq!(raw.frame().await.first, PING);
        raw.send(plain(PING, "are you there?")).await;
        while raw.frame().await != Frame::new(PONG, "are you there?") {}
        assert!(socket.is_open());
    });
}

#[test]
fn a_dropped_connection_is_closed_in_the_background() {
    run(async {
        let peer = Peer::listen().await;
        let socket = connecting(&peer, Client::new().keepalive(None));
        let mut raw = peer.open().await;
        let socket = socket.await.unwrap();
        let sender = socket.sender();
        drop(socket);
        // A sender still exists, so what arrives is answered or discarded.
        for _ in 0..40 {
            raw.send(plain(TEXT, "for nobody")).await;
        }
        raw.send(plain(PING, "")).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, ""));
        drop(sender);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
    });
}

#[test]
fn inside_of_an_async_runtime_it_is_an_error_and_no_panic() {
    run(async {
        const WHY: &str = "longwire::blocking was called inside an async runtime, which must not block: use \
                           longwire::connect there";
        let peer = Peer::listen().await;
        assert_eq!(blocking::connect(peer.url()).unwrap_err().to_string(), WHY);
        let url = peer.url();
        let in_its_pool = tokio::task::spawn_blocking(move || blocking::connect(url).unwrap_err());
        assert_eq!(in_its_pool.await.unwrap().to_string(), WHY);

        let socket = connecting(&peer, Client::new());
        let _raw = peer.open().await;
        let mut socket = socket.await.unwrap();
        assert_eq!(socket.send("x").unwrap_err().to_string(), WHY);
        assert_eq!(socket.sender().send("x").unwrap_err().to_string(), WHY);
        assert_eq!(socket.recv().unwrap_err().to_string(), WHY);
        assert_eq!(socket.recv_timeout(Duration::ZERO).unwrap_err().to_string(), WHY);
        assert_eq!(socket.close(1000, "").unwrap_err().to_string(), WHY);
        assert!(socket.is_open());
    });
}

#[test]
fn a_client_is_used_as_it_is_set_up_any_number_of_times() {
    run(async {
        let serving = serve(|server| server.subprotocols(["chat"]), echo).await;
        let url = serving.url("/");
        on_thread(move || {
            let client = Client::new().subprotocols(["chat"]).limits(Limits::default().message(4));
            for _ in 0..2 {
                let mut socket = blocking::connect_with(&client, &url).unwrap();
                assert_eq!(socket.subprotocol(), Some("chat"));
                assert!(socket.extensions().starts_with("permessage-deflate"));
                assert!(socket.response_headers().contains_key("sec-websocket-accept"));
                socket.send("too long").unwrap();
                assert!(matches!(socket.recv(), Err(Error::Protocol(_))));
            }
        })
        .await;
    });
}

/// Code of the application that runs on the thread may panic. Callers must not wait then.
#[test]
fn a_thread_that_has_panicked_is_told() {
    run(async {
        let peer = Peer::listen().await;
        let observer = FrameObserver::new(|frame| assert_eq!(frame.direction, Direction::Sent));
        let socket = connecting(&peer, Client::new().observer(observer));
        peer.open().await.send(plain(TEXT, "unseen")).await;
        let mut socket = socket.await.unwrap();
        on_thread(move || {
            assert_eq!(socket.recv().unwrap(), None);
            assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
            let error = socket.close(1000, "").unwrap_err();
            assert_eq!(error.to_string(), "the thread of the connection has panicked");
        })
        .await;
    });
}

#[test]
fn an_attempt_that_fails_is_told() {
    run(async {
        let nobody = format!("ws://{}/", deserted());
        let refusing = Peer::listen().await;
        let refusing_url = refusing.url();
        let attempts = on_thread(move || {
            [&nobody, "ftp://localhost", &refusing_url].map(|url| blocking::connect(url).unwrap_err())
        });
        let refuse = async {
            let mut raw = refusing.accept().await;
            raw.head().await;
            raw.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        };
        let ([unreachable, no_url, refused], ()) = tokio::join!(attempts, refuse);
        assert!(matches!(unreachable, Error::Io { .. }));
        assert!(matches!(no_url, Error::Url(UrlError::Scheme(_))));
        assert!(matches!(refused, Error::Refused(_)));
    });
}

/// More messages have arrived than are buffered ahead.
#[test]
fn a_thread_pings_without_receiving() {
    run(async {
        let peer = Peer::listen().await;
        let url = peer.url();
        let (done, outcome) = oneshot::channel();
        std::thread::spawn(move || {
            let mut socket = blocking::connect(url).unwrap();
            socket.ping().unwrap();
            let messages: Vec<Message> = socket.by_ref().take(40).map(Result::unwrap).collect();
            done.send(messages).unwrap();
        });
        let mut raw = peer.open().await;
        raw.send(plain(TEXT, "hello").repeat(40)).await;
        raw.answer_ping().await;
        assert_eq!(outcome.await.unwrap(), vec![Message::from("hello"); 40]);
    });
}
