//! Peers that violate the protocol, and transports that fail.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use longwire::{By, Error, Limits, ProtocolError, Role, TrySendError, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, TEXT, against_raw, close, config, end, masked, plain,
    run_paused, server_and_raw,
};

#[test]
fn what_the_peer_did_wrong_is_told_once_and_to_both_ends() {
    run_paused(async {
        let limits = Limits::default().message(100).fragments(3);
        let fragments = [masked(0x01, "a"), masked(0x00, ""), masked(0x00, ""), masked(0x00, "")].concat();
        let cases: [(Vec<u8>, u16, ProtocolError); 8] = [
            (plain(TEXT, "not masked"), 1002, ProtocolError::NotMasked),
            (masked(TEXT | 0x40, "x"), 1002, ProtocolError::ReservedBit),
            (masked(0x83, "x"), 1002, ProtocolError::ReservedOpcode(3)),
            (masked(PING, "x".repeat(126)), 1002, ProtocolError::ControlTooLong),
            (masked(CLOSE, close(1005, "")), 1002, ProtocolError::CloseCode(1005)),
            (masked(TEXT, b"\xff"), 1007, ProtocolError::TextNotUtf8),
            (masked(BINARY, [0; 101]), 1009, ProtocolError::MessageTooBig { limit: 100 }),
            (fragments, 1008, ProtocolError::TooManyFragments { limit: 3 }),
        ];
        for (wrong, code, expected) in cases {
            let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits.clone());
            raw.send([masked(TEXT, "fine"), wrong, masked(TEXT, "ignored")].concat()).await;
            assert_eq!(socket.recv().await.unwrap(), Some("fine".into()));
            let error = socket.recv().await.unwrap_err();
            assert!(
                matches!(error, Error::Protocol(error) if error == expected),
                "{error} is not {expected}"
            );
            assert_eq!(end(&socket.closed()), (code, &*expected.to_string(), By::Local, false));
            assert_eq!(socket.recv().await.unwrap(), None);
            assert_eq!(socket.recv().await.unwrap(), None);
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(code, &expected.to_string())));
            raw.expect_end().await;
        }
    });
}

#[test]
fn a_failure_reads_like_a_sentence() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(plain(TEXT, "x")).await;
        assert_eq!(
            socket.recv().await.unwrap_err().to_string(),
            "the peer broke the protocol: a frame of the client is not masked"
        );
        assert_eq!(
            socket.closed().to_string(),
            "ended by this end: 1002 (protocol error): a frame of the client is not masked"
        );
    });
}

/// The peer can read the Close frame even if it continues to send: this end reads its bytes, so that the transport
/// does not end with a reset.
#[test]
fn what_a_failed_peer_still_sends_is_discarded() {
    run_paused(async {
        let (mut socket, mut raw) = against_raw(Role::Server, 1000, Limits::default());
        raw.send(plain(TEXT, "x")).await;
        socket.recv().await.unwrap_err();
        for _ in 0..100 {
            raw.send(masked(TEXT, "y".repeat(1000))).await;
        }
        assert_eq!(raw.frame().await.first, CLOSE);
        raw.expect_end().await;
    });
}

#[test]
fn a_failed_peer_that_stays_is_given_up_after_the_time_for_closing() {
    run_paused(async {
        let limits = Limits::default().close_time(Duration::from_secs(3));
        let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits);
        raw.send(plain(TEXT, "x")).await;
        socket.recv().await.unwrap_err();
        drop(socket);
        let begun = tokio::time::Instant::now();
        assert_eq!(raw.frame().await.first, CLOSE);
        // Once the transport is closed, writing to it fails.
        let mut stream = raw.into_inner();
        while tokio::io::AsyncWriteExt::write_all(&mut stream, &[0; 1000]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(begun.elapsed().as_secs(), 3);
    });
}

/// If the program ended at once, the transport would end too, perhaps before the server has read the Close frame.
#[test]
fn a_client_that_failed_its_server_waits_for_the_end_of_the_transport() {
    run_paused(async {
        let limits = Limits::default().close_time(Duration::from_secs(3));
        let (mut socket, mut raw) = against_raw(Role::Client, ROOMY, limits.clone());
        raw.send(masked(TEXT, "x")).await;
        socket.recv().await.unwrap_err();
        let begun = tokio::time::Instant::now();
        let closed = socket.close(1000, "").await.unwrap();
        assert_eq!(begun.elapsed(), limits.close_time, "it must wait as long as the server does not end it");
        assert_eq!((closed.code.into(), closed.by, closed.clean), (1002_u16, By::Local, false));
        assert_eq!(raw.frame().await.first, CLOSE);

        let (mut socket, mut raw) = against_raw(Role::Client, ROOMY, limits);
        raw.send(masked(TEXT, "x")).await;
        socket.recv().await.unwrap_err();
        let begun = tokio::time::Instant::now();
        let server = async {
            assert_eq!(raw.frame().await.first, CLOSE);
            drop(raw);
        };
        let (closed, ()) = tokio::join!(socket.close(1000, ""), server);
        assert!(!closed.unwrap().clean);
        assert_eq!(begun.elapsed(), Duration::ZERO, "the server ended it");
    });
}

#[test]
fn after_the_end_nothing_is_received_and_nothing_sent() {
    run_paused(async {
        let (mut socket, raw) = server_and_raw();
        let sender = socket.sender();
        drop(raw);
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
        assert_eq!(socket.closed().to_string(), "connection lost: 1006 (no closing handshake)");
        for error in [
            socket.send("x").await.unwrap_err(),
            socket.feed("x").await.unwrap_err(),
            socket.send_ping("x").await.unwrap_err(),
            socket.flush().await.unwrap_err(),
            sender.send("x").await.unwrap_err(),
            sender.flush().await.unwrap_err(),
        ] {
            assert!(matches!(&error, Error::Closed(closed) if closed.code == 1006), "{error:?}");
        }
        assert!(matches!(sender.try_send("x"), Err(TrySendError::Closed(closed)) if closed.code == 1006));
        assert_eq!(socket.close(1000, "").await.unwrap(), socket.closed());
        assert_eq!((socket.is_open(), socket.sender().buffered()), (false, 0));
    });
}

#[test]
fn who_waits_to_send_is_told_when_the_peer_vanishes() {
    run_paused(async {
        let (socket, raw) = against_raw(Role::Server, 100, Limits::default().low_water(0).high_water(0));
        let (sender, mut receiver) = socket.split();
        sender.send(vec![0; 1000]).await.unwrap();
        let waiting = [
            tokio::spawn({
                let sender = sender.clone();
                async move { sender.send("waits").await }
            }),
            tokio::spawn({
                let sender = sender.clone();
                async move { sender.flush().await }
            }),
            tokio::spawn(async move { sender.send_ping("waits").await }),
        ];
        crate::support::settle().await;
        drop(raw);
        assert_eq!(receiver.recv().await.unwrap(), None);
        for waiting in waiting {
            assert!(matches!(waiting.await.unwrap(), Err(Error::Closed(_))));
        }
    });
}

/// Output that was queued but never written was not flushed.
#[test]
fn flush_fails_when_the_transport_refused_what_was_queued() {
    run_paused(async {
        let (mut socket, raw) = server_and_raw();
        socket.feed("never arrives").await.unwrap();
        drop(raw);
        assert!(matches!(socket.flush().await, Err(Error::Closed(_))));
    });
}

/// A transport that fails to write and never yields bytes. It notifies the test when it is dropped.
struct Deaf {
    read: io::Result<()>,
    _dropped: oneshot::Sender<()>,
}

impl Deaf {
    fn new(read: io::Result<()>) -> (Deaf, oneshot::Receiver<()>) {
        let (dropped, is_dropped) = oneshot::channel();
        (Deaf { read, _dropped: dropped }, is_dropped)
    }
}

impl AsyncRead for Deaf {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match std::mem::replace(&mut self.read, Ok(())) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_transport_that_fails_is_an_error_told_once() {
    run_paused(async {
        let (transport, _) = Deaf::new(Err(io::Error::other("the cable melted")));
        let mut socket = WebSocket::over(transport, Role::Server, config(Limits::default()), Vec::new());
        assert_eq!(
            socket.recv().await.unwrap_err().to_string(),
            "cannot read from the peer: the cable melted"
        );
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
    });
}

/// A peer that has closed its reading side (possible on Unix sockets) and stays silent must not keep a connection
/// alive that the application has dropped.
#[test]
fn a_dropped_connection_that_cannot_be_written_to_ends() {
    run_paused(async {
        let (transport, dropped) = Deaf::new(Ok(()));
        let mut socket = WebSocket::over(transport, Role::Server, config(Limits::default()), Vec::new());
        socket.send("refused").await.unwrap();
        assert!(!socket.is_open());
        drop(socket);
        let gone = tokio::time::timeout(Duration::from_secs(60), dropped).await;
        assert!(gone.is_ok(), "the transport is still held");
    });
}

#[test]
fn a_ping_that_is_too_long_is_the_callers_mistake() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        assert!(matches!(socket.send_ping([0; 126]).await, Err(Error::Send(_))));
        socket.send_ping([7; 125]).await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(PING, [7; 125]));
        raw.send([masked(PONG, [7; 125]), masked(PONG, "nobody asked"), masked(TEXT, "on")].concat()).await;
        assert_eq!(socket.recv().await.unwrap(), Some("on".into()));
    });
}
