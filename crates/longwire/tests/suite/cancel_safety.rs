//! Futures that are dropped at every point where they can wait, over a transport that makes them wait at every byte.
//!
//! Each test repeats with the future dropped after one more poll, until the future is ready before it is dropped.

mod event_socket;
mod serving;
mod traits;

#[cfg(feature = "tls")]
use std::net::SocketAddr;
use std::sync::Arc;

use longwire::{By, ByteStream, Client, Limits, Message, Role, WebSocket};
#[cfg(feature = "tls")]
use longwire::{Destination, Proxy};
#[cfg(feature = "tls")]
use tokio::io::copy_bidirectional;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
#[cfg(feature = "tls")]
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, Raw, TEXT, Trickle, close, config, end, masked, polled,
    run_paused,
};
#[cfg(feature = "tls")]
use crate::support::{echo, run, serve};
#[cfg(feature = "tls")]
use crate::tls::Authority;

fn slow(limits: Limits) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let socket = WebSocket::over(Trickle::new(ours), Role::Server, config(limits), Vec::new());
    (socket, Raw::new(theirs))
}

/// Senders wait whenever anything is queued.
fn no_room() -> Limits {
    Limits::default().low_water(0).high_water(0)
}

/// Checks the frames that a peer receives if a call is dropped after some polls: the message before it, the message
/// of the call if and only if the call was ready, and the message after it.
async fn expect_frames(raw: &mut Raw<DuplexStream>, was_ready: bool, frame: Frame) {
    assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
    if was_ready {
        assert_eq!(raw.frame().await, frame);
    }
    assert_eq!(raw.frame().await, Frame::new(TEXT, "after"));
}

#[test]
fn recv_loses_nothing() {
    run_paused(async {
        let sent = [
            masked(0x01, "fra"),
            masked(PING, "between"),
            masked(0x80, "gments"),
            masked(BINARY, [7; 200]),
            masked(TEXT, ""),
            masked(CLOSE, close(1000, "")),
        ]
        .concat();
        let expected = [Message::from("fragments"), Message::from(vec![7; 200]), Message::from("")];
        for polls in 1.. {
            let (mut socket, mut raw) = slow(Limits::default());
            raw.send(&sent).await;
            let mut received = Vec::new();
            let first = polled(polls, socket.recv()).await;
            let ended_early = first.is_some();
            received.extend(first.and_then(Result::unwrap));
            while let Some(message) = socket.recv().await.unwrap() {
                received.push(message);
            }
            assert_eq!(received, expected, "dropped after {polls} polls");
            assert_eq!(end(&socket.closed()), (1000, "", By::Peer, true));
            if ended_early {
                break;
            }
        }
    });
}

#[test]
fn recv_loses_nothing_if_every_single_poll_is_a_call_of_its_own() {
    run_paused(async {
        let (mut socket, mut raw) = slow(Limits::default());
        let expected: Vec<Message> = (0..20).map(|number| format!("message {number}").into()).collect();
        for message in &expected {
            raw.send(masked(TEXT, message.as_bytes())).await;
        }
        raw.send(masked(CLOSE, "")).await;
        let mut received = Vec::new();
        loop {
            match polled(1, socket.recv()).await {
                Some(Ok(Some(message))) => received.push(message),
                Some(Ok(None)) => break,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        assert_eq!(received, expected);
    });
}

#[test]
fn large_messages_survive_too() {
    run_paused(async {
        let (ours, theirs) = tokio::io::duplex(1000);
        let mut socket = WebSocket::over(ours, Role::Server, config(Limits::default()), Vec::new());
        let mut raw = Raw::new(theirs);
        let payload: Vec<u8> = (0..=250).cycle().take(300_000).collect();
        let expected = payload.clone();
        tokio::spawn(async move {
            raw.send([masked(BINARY, &payload), masked(TEXT, "end")].concat()).await;
            raw.rest().await;
        });
        let mut received = Vec::new();
        while received.len() < 2 {
            if let Some(message) = polled(1, socket.recv()).await {
                received.push(message.unwrap().unwrap());
            }
        }
        assert!(received == [Message::from(expected), Message::from("end")]);
    });
}

#[test]
fn send_queues_the_message_or_does_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            socket.send("before").await.unwrap();
            let sent = polled(polls, socket.send(vec![7; 100])).await.map(Result::unwrap).is_some();
            socket.send("after").await.unwrap();
            expect_frames(&mut raw, sent, Frame::new(BINARY, [7; 100])).await;
            if sent {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn feed_queues_the_message_or_does_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            socket.send("before").await.unwrap();
            let fed = polled(polls, socket.feed(vec![7; 100])).await.map(Result::unwrap).is_some();
            socket.flush().await.unwrap();
            socket.send("after").await.unwrap();
            expect_frames(&mut raw, fed, Frame::new(BINARY, [7; 100])).await;
            if fed {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn ping_is_sent_or_is_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            socket.send("before").await.unwrap();
            let sent = polled(polls, socket.send_ping("are you there?")).await.map(Result::unwrap).is_some();
            socket.send("after").await.unwrap();
            expect_frames(&mut raw, sent, Frame::new(PING, "are you there?")).await;
            if sent {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

/// What arrives during a wait for a pong is available afterwards, and a dropped wait blocks nothing.
#[test]
fn waiting_for_a_pong_loses_nothing() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            socket.send("before").await.unwrap();
            let answering = tokio::spawn(async move {
                raw.send([masked(TEXT, "one"), masked(TEXT, "two")].concat()).await;
                while let Some(frame) = raw.frame_or_end().await {
                    if frame.first == PING {
                        raw.send([masked(TEXT, "three"), masked(PONG, frame.payload)].concat()).await;
                        break;
                    }
                }
                raw
            });
            let answered = polled(polls, socket.ping()).await.map(Result::unwrap).is_some();
            for text in ["one", "two"] {
                assert_eq!(socket.recv().await.unwrap(), Some(text.into()));
            }
            if answered {
                assert!(polls > 1, "it never waited");
                assert_eq!(socket.recv().await.unwrap(), Some("three".into()));
                break;
            }
            answering.abort();
        }
    });
}

#[test]
fn a_message_in_pieces_begins_or_does_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            socket.send("before").await.unwrap();
            let begun = polled(polls, socket.stream_binary()).await.map(Result::unwrap);
            let was_ready = begun.is_some();
            if let Some(message) = begun {
                message.finish().await.unwrap();
            }
            socket.send("after").await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
            if was_ready {
                assert_eq!(raw.frame().await, Frame::new(0x02, ""));
                assert_eq!(raw.frame().await, Frame::new(0x80, ""));
            }
            assert_eq!(raw.frame().await, Frame::new(TEXT, "after"));
            if was_ready {
                break;
            }
        }
    });
}

#[test]
fn a_piece_of_a_message_is_sent_or_is_not() {
    run_paused(async {
        for polls in 1.. {
            let (socket, mut raw) = slow(no_room());
            let mut message = socket.stream_text().await.unwrap();
            let was_ready = polled(polls, message.write("piece")).await.is_some();
            message.write("after").await.unwrap();
            message.finish().await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(0x01, ""));
            if was_ready {
                assert_eq!(raw.frame().await, Frame::new(0x00, "piece"));
            }
            assert_eq!(raw.frame().await, Frame::new(0x00, "after"));
            assert_eq!(raw.frame().await, Frame::new(0x80, ""));
            if was_ready {
                break;
            }
        }
    });
}

/// A peer never waits in vain for the rest of a message.
#[test]
fn a_message_whose_end_is_given_up_is_finished_or_closes_the_connection() {
    run_paused(async {
        for polls in 1.. {
            let (socket, mut raw) = slow(no_room());
            let message = socket.stream_text().await.unwrap();
            let was_ready = polled(polls, message.finish()).await.is_some();
            assert_eq!(raw.frame().await, Frame::new(0x01, ""));
            if was_ready {
                assert_eq!(raw.frame().await, Frame::new(0x80, ""));
                break;
            }
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "a message was left unfinished")));
        }
    });
}

#[test]
fn a_message_received_in_pieces_loses_nothing() {
    run_paused(async {
        let (mut socket, mut raw) = slow(Limits::default());
        raw.send([masked(0x01, "frä"), masked(PING, "between"), masked(0x80, "gments")].concat()).await;
        raw.send([masked(BINARY, [7; 200]), masked(CLOSE, close(1000, ""))].concat()).await;
        let mut received = Vec::new();
        loop {
            let mut message = match polled(1, socket.recv_stream()).await.transpose().unwrap() {
                None => continue,
                Some(None) => break,
                Some(Some(message)) => message,
            };
            let mut bytes = Vec::new();
            loop {
                match polled(1, message.next_piece()).await.transpose().unwrap() {
                    None => {}
                    Some(Some(piece)) => bytes.extend_from_slice(piece.as_bytes()),
                    Some(None) => break,
                }
            }
            received.push(bytes);
        }
        assert_eq!(received, ["frägments".as_bytes(), &[7; 200]]);
    });
}

/// Each poll is a separate call, in either direction.
#[test]
fn a_stream_of_bytes_loses_nothing_and_repeats_nothing() {
    run_paused(async {
        let (socket, mut raw) = slow(no_room());
        let mut stream = ByteStream::new(socket);
        raw.send([masked(BINARY, "in ").as_slice(), &masked(BINARY, "pieces"), &masked(CLOSE, "")].concat())
            .await;
        let mut read = Vec::new();
        loop {
            match polled(1, stream.read_buf(&mut read)).await {
                Some(Ok(0)) => break,
                Some(Ok(_)) | None => {}
                Some(Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(read, b"in pieces");

        let (socket, mut raw) = slow(no_room());
        let mut stream = ByteStream::new(socket);
        let mut rest = &b"the first, the second and the third"[..];
        while !rest.is_empty() {
            if let Some(written) = polled(1, stream.write(&rest[..rest.len().min(10)])).await {
                assert_eq!(raw.frame().await, Frame::new(BINARY, &rest[..written.unwrap()]));
                rest = &rest[rest.len().min(10)..];
            }
        }
    });
}

#[test]
fn flush_may_be_given_up_at_any_time() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(Limits::default());
            socket.feed("before").await.unwrap();
            let flushed = polled(polls, socket.flush()).await.map(Result::unwrap).is_some();
            socket.send("after").await.unwrap();
            expect_frames(&mut raw, false, Frame::new(TEXT, "")).await;
            if flushed {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn a_close_that_is_given_up_goes_on() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(Limits::default());
            raw.send([masked(TEXT, "late"), masked(CLOSE, close(1000, ""))].concat()).await;
            socket.feed("before").await.unwrap();
            let closed = polled(polls, socket.close(1000, "bye")).await.map(Result::unwrap).is_some();
            assert!(!socket.is_open());
            let again = socket.close(4000, "again").await.unwrap();
            assert_eq!(end(&again), (1000, "", By::Local, true), "dropped after {polls} polls");
            assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "bye")));
            raw.expect_end().await;
            if closed {
                break;
            }
        }
    });
}

#[test]
fn a_close_of_a_half_that_is_given_up_goes_on() {
    run_paused(async {
        for polls in 1.. {
            let (socket, mut raw) = slow(Limits::default());
            let (sender, mut receiver) = socket.split();
            raw.send([masked(TEXT, "late"), masked(CLOSE, close(1000, ""))].concat()).await;
            let receiving = tokio::spawn(async move {
                let mut received = Vec::new();
                while let Some(message) = receiver.recv().await.unwrap() {
                    received.push(message);
                }
                (received, receiver.closed())
            });
            let done = polled(polls, sender.close(1000, "bye")).await.map(Result::unwrap).is_some();
            drop(sender);
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "bye")));
            let (received, closed) = receiving.await.unwrap();
            assert_eq!(received, ["late"], "dropped after {polls} polls");
            assert_eq!(end(&closed), (1000, "", By::Local, true));
            raw.expect_end().await;
            if done {
                break;
            }
        }
    });
}

#[test]
fn a_connect_that_is_given_up_drops_its_transport() {
    run_paused(async {
        for polls in 1.. {
            let (ours, theirs) = tokio::io::duplex(ROOMY);
            let mut raw = Raw::new(theirs);
            let server = tokio::spawn(async move {
                // Whatever part of the request was sent, and then the end.
                String::from_utf8(raw.rest().await).unwrap()
            });
            let client = Client::new();
            let attempt = client.connect_over(Trickle::new(ours), "ws://example.com/");
            assert!(polled(polls, attempt).await.is_none());
            let request = server.await.unwrap();
            assert!(request.chars().zip("GET / HTTP/1.1\r\n".chars()).all(|(a, b)| a == b), "{request}");
            if request.ends_with("\r\n\r\n") {
                break;
            }
        }
    });
}

/// An HTTP proxy that connects every client to `server`, and a token with one reference per connection.
#[cfg(feature = "tls")]
async fn proxy_to(server: SocketAddr) -> (Proxy, Arc<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::new(listener.local_addr().unwrap().to_string()).unwrap();
    let connections = Arc::new(());
    let token = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let held = Arc::clone(&token);
            tokio::spawn(async move {
                let _held = held;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = client.read_u8().await else { return };
                    head.push(byte);
                }
                let mut server = TcpStream::connect(server).await.unwrap();
                let _gone = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ended = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (proxy, connections)
}

/// The whole path: lookup, TCP, a proxy, TLS, the opening handshake.
#[cfg(feature = "tls")]
#[test]
fn a_connect_that_is_given_up_anywhere_on_its_way_leaves_no_connection() {
    run(async {
        let authority = Authority::for_names(&["a.example"]);
        let identity = authority.identity.clone();
        let serving = serve(|server| server.tls(identity), echo).await;
        let (proxy, connections) = proxy_to(serving.addr).await;
        let looking_up = async |name: Destination| {
            tokio::task::yield_now().await;
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], name.port()))])
        };
        let client = authority.client().resolver(looking_up).proxy(proxy);
        let idle = Arc::strong_count(&connections);
        let mut got_far = false;
        for polls in 1.. {
            let attempt = client.connect("wss://a.example/");
            let socket = polled(polls, attempt).await;
            got_far |= Arc::strong_count(&connections) > idle;
            let is_open = socket.is_some_and(|socket| socket.unwrap().is_open());
            // The proxy sees the end of each connection.
            while Arc::strong_count(&connections) > idle {
                tokio::task::yield_now().await;
            }
            if is_open {
                break;
            }
        }
        assert!(got_far, "no connection was ever made");
    });
}

#[test]
fn a_connect_that_is_given_up_drops_the_attempts_of_the_application() {
    run_paused(async {
        let token = Arc::new(());
        for polls in 1..5 {
            let held = Arc::clone(&token);
            let client = Client::new().connector(move |_| {
                let held = Arc::clone(&held);
                async move {
                    let _held = held;
                    std::future::pending::<std::io::Result<DuplexStream>>().await
                }
            });
            assert!(polled(polls, client.connect("ws://a.example/")).await.is_none());
            drop(client);
            assert_eq!(Arc::strong_count(&token), 1, "dropped after {polls} polls");
        }
    });
}
