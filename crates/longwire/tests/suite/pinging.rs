//! Waiting for pongs, on a paused clock where possible.

use std::time::Duration;

use longwire::{Error, Limits, Reconnect, Role, WebSocket};
use tokio::io::DuplexStream;
use tokio::time::sleep;

use crate::support::{
    Frame, PING, PONG, ROOMY, Raw, TEXT, against_raw, dialled, masked, plain, run, run_paused, serve, settle,
};

const SECOND: Duration = Duration::from_secs(1);

fn client_and_raw() -> (WebSocket, Raw<DuplexStream>) {
    against_raw(Role::Client, ROOMY, Limits::default())
}

/// No task receives while the ping waits.
#[test]
fn a_ping_tells_how_long_its_pong_takes_and_messages_wait() {
    run_paused(async {
        let (mut socket, mut server) = client_and_raw();
        server.send(plain(TEXT, "before")).await;
        let answering = tokio::spawn(async move {
            let ping = server.frame().await;
            assert_eq!(ping.first, PING);
            server.send(plain(TEXT, "between")).await;
            sleep(3 * SECOND).await;
            server.send([plain(TEXT, "behind"), plain(PONG, ping.payload)].concat()).await;
            server
        });
        assert_eq!(socket.ping().await.unwrap(), 3 * SECOND);
        assert_eq!(socket.rtt(), Some(3 * SECOND));
        for text in ["before", "between", "behind"] {
            assert_eq!(socket.recv().await.unwrap(), Some(text.into()));
        }
        let mut server = answering.await.unwrap();
        server.send(plain(TEXT, "after")).await;
        assert_eq!(socket.recv().await.unwrap(), Some("after".into()));
    });
}

/// More than one read returns, split anywhere, of which the application has taken a part.
#[test]
fn a_pong_is_found_behind_what_the_application_has_not_taken() {
    run_paused(async {
        let (mut socket, mut server) = client_and_raw();
        let message = "x".repeat(1000);
        server.send(plain(TEXT, &message).repeat(100)).await;
        assert_eq!(socket.recv().await.unwrap(), Some(message.as_str().into()));
        let answering = tokio::spawn(async move {
            let ping = server.frame().await;
            for byte in [plain(TEXT, "last"), plain(PONG, ping.payload)].concat() {
                server.send([byte]).await;
                tokio::task::yield_now().await;
            }
            server
        });
        socket.ping().await.unwrap();
        for _ in 1..100 {
            assert_eq!(socket.recv().await.unwrap(), Some(message.as_str().into()));
        }
        assert_eq!(socket.recv().await.unwrap(), Some("last".into()));
        answering.await.unwrap();
    });
}

/// The receiving task may be busy, or may have stopped waiting.
#[test]
fn a_sender_sees_its_pong_whether_or_not_somebody_receives() {
    run_paused(async {
        let (mut socket, mut server) = client_and_raw();
        let sender = socket.sender();
        // A receive that is dropped and not repeated.
        assert!(tokio::time::timeout(SECOND, socket.recv()).await.is_err());
        let answering = tokio::spawn(async move {
            for _ in 0..2 {
                server.answer_ping().await;
            }
            server
        });
        sender.ping().await.unwrap();
        // A task that receives all the time.
        let receiving = tokio::spawn(async move { socket.recv().await });
        sender.ping().await.unwrap();
        let mut server = answering.await.unwrap();
        server.send(plain(TEXT, "hello")).await;
        assert_eq!(receiving.await.unwrap().unwrap(), Some("hello".into()));
        // No task will receive.
        let answering = tokio::spawn(async move { server.answer_ping().await });
        sender.ping().await.unwrap();
        answering.await.unwrap();
    });
}

/// RFC 6455 §5.5.3: "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame".
#[test]
fn a_pong_answers_all_pings_before_it() {
    run_paused(async {
        let (socket, mut server) = client_and_raw();
        let pings = [(); 3].map(|()| {
            let sender = socket.sender();
            tokio::spawn(async move { sender.ping().await })
        });
        let mut frames = Vec::new();
        for _ in 0..3 {
            frames.push(server.frame().await);
            sleep(SECOND).await;
        }
        let [first, second, third] = pings;
        server.send(plain(PONG, &frames[1].payload)).await;
        assert_eq!(first.await.unwrap().unwrap(), 3 * SECOND);
        assert_eq!(second.await.unwrap().unwrap(), 3 * SECOND);
        settle().await;
        assert!(!third.is_finished());
        server.send(plain(PONG, &frames[2].payload)).await;
        third.await.unwrap().unwrap();
    });
}

#[test]
fn a_pong_that_nobody_asked_for_answers_nothing() {
    run_paused(async {
        let (mut socket, mut server) = client_and_raw();
        let answering = tokio::spawn(async move {
            let ping = server.frame().await;
            for payload in [&b""[..], b"unasked", &[0; 8], &[0, 0, 0, 0, 0, 0, 0, 9]] {
                server.send(plain(PONG, payload)).await;
            }
            sleep(SECOND).await;
            server.send(plain(PONG, ping.payload)).await;
            server
        });
        assert_eq!(socket.ping().await.unwrap(), SECOND);
        answering.await.unwrap();
    });
}

#[test]
fn whoever_waits_for_a_pong_is_told_of_the_end() {
    run_paused(async {
        let (mut socket, mut server) = client_and_raw();
        server.send(plain(TEXT, "before")).await;
        let leaving = tokio::spawn(async move {
            server.frame().await;
        });
        assert!(matches!(socket.ping().await, Err(Error::Closed(_))));
        leaving.await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("before".into()));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert!(matches!(socket.ping().await, Err(Error::Closed(_))));
    });
}

/// A server's session drives its connection.
#[test]
fn a_handler_pings_its_client() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            socket.ping().await?;
            while let Some(message) = socket.recv().await? {
                socket.send(message).await?;
            }
            Ok(())
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        raw.send([masked(TEXT, "one"), masked(TEXT, "two")].concat()).await;
        let ping = raw.frame().await;
        assert_eq!(ping.first, PING);
        raw.send(masked(PONG, ping.payload)).await;
        for text in ["one", "two"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, text));
        }
    });
}

#[test]
fn a_connection_that_is_made_again_is_pinged_while_there_is_one() {
    run_paused(async {
        let (client, mut dialled) = dialled(ROOMY, Limits::default());
        let mut socket = client.reconnecting(Reconnect::default()).connect("ws://a.example/").unwrap();
        assert!(matches!(socket.ping().await, Err(Error::Disconnected { queued: 0 })));
        let answering = tokio::spawn(async move {
            let mut raw = dialled.open().await;
            raw.send(plain(TEXT, "hello")).await;
            raw.answer_ping().await;
            raw.frame().await;
            dialled
        });
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        socket.ping().await.unwrap();
        assert!(matches!(socket.ping().await, Err(Error::Closed(_))), "the connection ended before the pong");
        answering.await.unwrap();
    });
}
