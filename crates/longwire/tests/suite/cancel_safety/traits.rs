//! Dropping the futures of the extension traits of `Stream`, `Sink`, `AsyncRead` and `AsyncWrite`.

use futures_util::{SinkExt, StreamExt};
use longwire::{By, ByteStream, Error, Limits, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{expect_frames, no_room, slow};
use crate::support::{BINARY, CLOSE, Frame, PING, TEXT, close, end, masked, poll_once, polled, run_paused};

#[test]
fn a_stream_loses_no_message() {
    run_paused(async {
        let (mut socket, mut raw) = slow(Limits::default());
        raw.send([masked(0x01, "fra"), masked(PING, "between"), masked(0x80, "gments")].concat()).await;
        raw.send([masked(TEXT, ""), masked(CLOSE, "")].concat()).await;
        let mut received = Vec::new();
        loop {
            match polled(1, socket.next()).await {
                Some(Some(message)) => received.push(message.unwrap()),
                Some(None) => break,
                None => {}
            }
        }
        assert_eq!(received, ["fragments".into(), Message::from("")]);
    });
}

#[test]
fn a_sink_has_taken_a_message_or_has_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(no_room());
            SinkExt::send(&mut socket, "before".into()).await.unwrap();
            SinkExt::feed(&mut socket, "before".into()).await.unwrap();
            let fed = polled(polls, SinkExt::feed(&mut socket, "maybe".into())).await.is_some();
            SinkExt::send(&mut socket, "after".into()).await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
            expect_frames(&mut raw, fed, Frame::new(TEXT, "maybe")).await;
            if fed {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

/// The sink's messages are sent even if nothing waits for the end of the started flush.
#[test]
fn a_flush_of_a_sink_may_be_given_up_at_any_time() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(Limits::default());
            SinkExt::feed(&mut socket, "fed".into()).await.unwrap();
            let flushed = polled(polls, SinkExt::flush(&mut socket)).await.map(Result::unwrap).is_some();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "fed"));
            if flushed {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn a_close_of_a_sink_that_is_given_up_goes_on() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut raw) = slow(Limits::default());
            raw.send([masked(TEXT, "late"), masked(CLOSE, close(1000, ""))].concat()).await;
            SinkExt::feed(&mut socket, "fed".into()).await.unwrap();
            let closed = polled(polls, SinkExt::close(&mut socket)).await.map(Result::unwrap).is_some();
            assert!(!socket.is_open());
            SinkExt::close(&mut socket).await.unwrap();
            assert_eq!(end(&socket.closed()), (1000, "", By::Local, true), "dropped after {polls} polls");
            assert_eq!(raw.frame().await, Frame::new(TEXT, "fed"));
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.expect_end().await;
            if closed {
                break;
            }
        }
    });
}

/// Each poll is a separate call, alternately of one kind and the other.
#[test]
fn a_message_in_pieces_loses_nothing_as_a_stream_and_as_bytes() {
    run_paused(async {
        let (mut socket, mut raw) = slow(Limits::default());
        raw.send([masked(0x02, "fra"), masked(PING, "between"), masked(0x80, "gments")].concat()).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        let mut received = Vec::new();
        loop {
            match polled(1, message.next()).await {
                Some(Some(piece)) => received.extend_from_slice(piece.unwrap().as_bytes()),
                Some(None) => break,
                None => {}
            }
            let mut bytes = [0; 2];
            if let Some(count) = polled(1, message.read(&mut bytes)).await {
                received.extend_from_slice(&bytes[..count.unwrap()]);
            }
        }
        assert_eq!(received, b"fragments");
    });
}

#[test]
fn a_flush_of_a_stream_of_bytes_may_be_given_up_at_any_time() {
    run_paused(async {
        for polls in 1.. {
            let (socket, mut raw) = slow(Limits::default());
            let mut stream = ByteStream::new(socket);
            stream.write_all(b"before").await.unwrap();
            let flushed = polled(polls, stream.flush()).await.map(Result::unwrap).is_some();
            stream.write_all(b"after").await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(BINARY, "before"));
            assert_eq!(raw.frame().await, Frame::new(BINARY, "after"));
            if flushed {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn a_shutdown_of_a_stream_of_bytes_that_is_given_up_goes_on() {
    run_paused(async {
        for polls in 1.. {
            let (socket, mut raw) = slow(Limits::default());
            let mut stream = ByteStream::new(socket);
            stream.write_all(b"before").await.unwrap();
            let shut = polled(polls, stream.shutdown()).await.map(Result::unwrap).is_some();
            assert_eq!(raw.frame().await, Frame::new(BINARY, "before"));
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.send([masked(BINARY, "late"), masked(CLOSE, close(1000, ""))].concat()).await;
            let mut late = String::new();
            stream.read_to_string(&mut late).await.unwrap();
            assert_eq!(late, "late", "dropped after {polls} polls");
            if shut {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

/// A dropped wait for room does not hide the end of the connection from a later one.
#[test]
fn a_sink_that_was_given_up_is_told_of_the_end() {
    run_paused(async {
        let (mut socket, mut raw) = slow(no_room());
        SinkExt::feed(&mut socket, "before".into()).await.unwrap();
        assert!(poll_once(&mut SinkExt::feed(&mut socket, "given up".into())).await.is_pending());
        raw.send(masked(CLOSE, close(1001, ""))).await;
        assert!(socket.next().await.is_none());
        assert!(matches!(SinkExt::feed(&mut socket, "late".into()).await, Err(Error::Closed(_))));
    });
}
