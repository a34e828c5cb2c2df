//! What happens when the peer does not read.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use longwire::{Limits, Message, Role, TrySendError, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

use crate::support::{
    Frame, PING, PONG, ROOMY, TEXT, against_raw, config, masked, pair, poll_once, run, run_paused,
    server_and_raw, settle,
};

/// Frames of 1004 bytes.
const MESSAGE: [u8; 1000] = [b'x'; 1000];

/// The transport takes almost nothing. Senders wait once 5000 bytes are queued, until at most 2000 are left.
fn limits() -> Limits {
    Limits::default().low_water(2000).high_water(5000)
}

#[test]
fn send_waits_above_the_high_mark_until_the_low_one() {
    run_paused(async {
        let (mut socket, mut raw) = against_raw(Role::Server, 4, limits());
        let sender = socket.sender();
        for _ in 0..5 {
            socket.send(&MESSAGE[..]).await.unwrap();
        }
        // The transport took one write of 4 bytes.
        assert_eq!(sender.buffered(), 5 * 1004 - 4);
        let mut sending = Box::pin(socket.send("waits"));
        assert!(poll_once(&mut sending).await.is_pending());
        for waiting in [4012, 3008, 2004] {
            assert_eq!(raw.frame().await.payload, MESSAGE);
            settle().await;
            assert_eq!(sender.buffered(), waiting);
            assert!(poll_once(&mut sending).await.is_pending(), "ready although {waiting} bytes are queued");
        }
        assert_eq!(raw.frame().await.payload, MESSAGE);
        sending.await.unwrap();
        assert_eq!(raw.frame().await.payload, MESSAGE);
        assert_eq!(raw.frame().await, Frame::new(TEXT, "waits"));
    });
}

#[test]
fn try_send_gives_the_message_back_when_there_is_no_room() {
    run_paused(async {
        let (socket, mut raw) = against_raw(Role::Server, 4, limits());
        let (sender, _receiver) = socket.split();
        let mut queued = 0;
        let full = loop {
            match sender.try_send(&MESSAGE[..]) {
                Ok(()) => queued += 1,
                Err(full) => break full,
            }
        };
        assert_eq!(full, TrySendError::Full(Message::from(&MESSAGE[..])));
        assert_eq!(full.to_string(), "too many bytes wait to be written");
        assert_eq!(queued, 5);
        for _ in 0..queued {
            raw.frame().await;
        }
        sender.try_send("again").unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "again"));
    });
}

#[test]
fn what_is_fed_waits_for_a_flush() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        socket.feed("one").await.unwrap();
        socket.feed("two").await.unwrap();
        settle().await;
        let mut frame = Box::pin(raw.frame());
        assert!(poll_once(&mut frame).await.is_pending(), "it was written without a flush");
        socket.flush().await.unwrap();
        assert_eq!(frame.await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));

        socket.feed("three").await.unwrap();
        socket.send("four").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "three"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "four"));
    });
}

#[test]
fn what_is_fed_leaves_before_the_next_read() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        socket.feed("question").await.unwrap();
        let receiving = tokio::spawn(async move { socket.recv().await });
        assert_eq!(raw.frame().await, Frame::new(TEXT, "question"));
        raw.send(masked(TEXT, "answer")).await;
        assert_eq!(receiving.await.unwrap().unwrap(), Some("answer".into()));
    });
}

/// Nothing else writes the queue, so `feed` must do so to make room.
#[test]
fn who_feeds_more_than_there_is_room_for_makes_room() {
    run_paused(async {
        let (mut client, mut server) = pair(1000, limits());
        let feeding = tokio::spawn(async move {
            for _ in 0..50 {
                server.feed(&MESSAGE[..]).await.unwrap();
            }
            server.flush().await.unwrap();
        });
        for _ in 0..50 {
            assert_eq!(client.recv().await.unwrap().unwrap().as_bytes(), MESSAGE);
        }
        feeding.await.unwrap();
    });
}

#[test]
fn who_feeds_much_and_then_sends_makes_room_too() {
    run_paused(async {
        let (mut client, mut server) = pair(1 << 20, limits());
        server.feed(vec![0; 10_000]).await.unwrap();
        server.send("second").await.unwrap();
        assert_eq!(client.recv().await.unwrap().unwrap().len(), 10_000);
        assert_eq!(client.recv().await.unwrap(), Some("second".into()));
    });
}

#[test]
fn flush_waits_until_the_transport_has_taken_everything() {
    run_paused(async {
        let (mut socket, mut raw) = against_raw(Role::Server, 100, Limits::default());
        let sender = socket.sender();
        socket.send(&MESSAGE[..]).await.unwrap();
        let mut flush = Box::pin(socket.flush());
        assert!(poll_once(&mut flush).await.is_pending());
        raw.expect([0x82, 126, 0x03, 0xe8]).await;
        raw.expect(&MESSAGE[..800]).await;
        settle().await;
        assert!(
            poll_once(&mut flush).await.is_pending(),
            "ready although {} bytes are queued",
            sender.buffered()
        );
        raw.expect(&MESSAGE[800..]).await;
        flush.await.unwrap();
        assert_eq!(sender.buffered(), 0);
    });
}

/// A transport that accepts all bytes at once but holds them back, as TLS does, until it may pass them on.
struct Keeping {
    inner: DuplexStream,
    may_pass: watch::Receiver<bool>,
}

impl AsyncRead for Keeping {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Keeping {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let passed = pin!(self.may_pass.wait_for(|&may_pass| may_pass)).poll(cx);
        passed.map(|passed| passed.map(|_| ()).map_err(io::Error::other))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[test]
fn flush_waits_for_the_flush_of_the_transport() {
    run_paused(async {
        let (inner, _raw) = tokio::io::duplex(ROOMY);
        let (pass, may_pass) = watch::channel(false);
        let transport = Keeping { inner, may_pass };
        let mut socket = WebSocket::over(transport, Role::Server, config(Limits::default()), Vec::new());
        socket.feed("kept").await.unwrap();
        let mut flush = Box::pin(socket.flush());
        assert!(poll_once(&mut flush).await.is_pending(), "the transport still holds it back");
        pass.send(true).unwrap();
        flush.await.unwrap();
    });
}

/// A peer that pings and does not read costs a bounded amount of memory, and gets the newest pong when it reads (RFC
/// 6455 §5.5.3).
#[test]
fn pongs_to_a_peer_that_does_not_read_are_bounded() {
    run(async {
        let limits = Limits::default().control_replies(1000);
        let (mut socket, mut raw) = against_raw(Role::Server, 4096, limits);
        let sender = socket.sender();
        let receiving = tokio::spawn(async move { socket.recv().await });
        for number in 0..500_u32 {
            raw.send(masked(PING, [number.to_be_bytes().as_slice(), &[0; 100]].concat())).await;
            tokio::task::yield_now().await;
            assert!(sender.buffered() <= 1000 + 106 + 4096, "{}", sender.buffered());
        }
        raw.send(masked(TEXT, "done")).await;
        assert_eq!(receiving.await.unwrap().unwrap(), Some("done".into()));
        let newest = 499_u32.to_be_bytes();
        loop {
            let pong = raw.frame().await;
            assert_eq!(pong.first, PONG);
            if pong.payload[..4] == newest {
                break;
            }
        }
    });
}
