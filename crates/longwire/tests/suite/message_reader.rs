//! Receiving a message in pieces.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use longwire::{By, Config, Error, Keepalive, Limits, Message, ProtocolError, Role, WebSocket};
use tokio::io::AsyncReadExt;

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, Raw, TEXT, against_raw, close, end, masked, pair, poll_once,
    run_paused, server_and_raw,
};

/// The first bytes of fragments: of an initial one, and of a continuation, with and without FIN.
const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;

#[test]
fn a_message_is_given_as_it_arrives() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let frame = masked(BINARY, "Hello");
        raw.send(&frame[..8]).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert!(!message.is_text());
        assert_eq!(message.next_piece().await.unwrap(), Some(Message::from(&b"He"[..])));
        assert!(poll_once(&mut Box::pin(message.next_piece())).await.is_pending());
        raw.send(&frame[8..]).await;
        assert_eq!(message.next_piece().await.unwrap(), Some(Message::from(&b"llo"[..])));
        for _ in 0..2 {
            assert_eq!(message.next_piece().await.unwrap(), None);
        }

        raw.send([masked(TEXT, "next"), masked(BINARY, ""), masked(TEXT, "last")].concat()).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert!(message.is_text());
        assert_eq!(message.next_piece().await.unwrap(), Some("next".into()));
        let mut empty = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!((empty.is_text(), empty.next_piece().await.unwrap()), (false, None));
        assert_eq!(
            socket.recv().await.unwrap(),
            Some("last".into()),
            "recv must continue with the next message"
        );
    });
}

#[test]
fn pings_between_the_fragments_are_answered_while_somebody_receives() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send([masked(FIRST_TEXT, "caf\u{e9}".as_bytes().split_at(4).0), masked(PING, "p")].concat())
            .await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!(message.next_piece().await.unwrap(), Some("caf".into()), "the é is incomplete");
        assert!(poll_once(&mut Box::pin(message.next_piece())).await.is_pending());
        assert_eq!(raw.frame().await, Frame::new(PONG, "p"));
        raw.send([masked(NEXT, b"\xa9"), masked(LAST, "")].concat()).await;
        assert_eq!(message.next_piece().await.unwrap(), Some("é".into()));
        assert_eq!(message.next_piece().await.unwrap(), None);
    });
}

#[test]
fn a_message_that_is_longer_than_messages_may_be_needs_no_more_memory_than_a_piece() {
    const LEN: usize = 20 << 20;
    run_paused(async {
        let limits = Limits::default().message(1000).streamed(LEN);
        let (client, mut server) = pair(100_000, limits);
        let sending = tokio::spawn(async move {
            let mut message = client.stream_binary().await.unwrap();
            for number in 0..LEN / 50_000 {
                message.write(vec![number.to_le_bytes()[0]; 50_000]).await.unwrap();
            }
            message.finish().await.unwrap();
            client
        });
        let mut message = server.recv_stream().await.unwrap().unwrap();
        let mut arrived = 0;
        while let Some(piece) = message.next_piece().await.unwrap() {
            assert!(piece.len() <= 128 << 10, "{} bytes at once", piece.len());
            for byte in piece.as_bytes() {
                assert_eq!(*byte, (arrived / 50_000_usize).to_le_bytes()[0]);
                arrived += 1;
            }
        }
        assert_eq!(arrived, LEN / 50_000 * 50_000);
        sending.await.unwrap();
    });
}

#[test]
fn one_frame_of_any_length_is_given_in_pieces_too() {
    run_paused(async {
        let (mut socket, mut raw) = against_raw(Role::Client, ROOMY, Limits::default().streamed(usize::MAX));
        let payload: Vec<u8> = (0..=250).cycle().take(20 << 20).collect();
        let sent = payload.clone();
        let sending = tokio::spawn(async move {
            raw.send([&[BINARY, 127], &sent.len().to_be_bytes()[..]].concat()).await;
            raw.send(sent).await;
            raw
        });
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        let mut received = Vec::new();
        while let Some(piece) = message.next_piece().await.unwrap() {
            assert!(piece.len() <= 128 << 10, "{} bytes at once", piece.len());
            received.extend_from_slice(piece.as_bytes());
        }
        assert!(received == payload);
        sending.await.unwrap();
    });
}

#[test]
fn the_limits_hold_for_messages_in_pieces_too() {
    run_paused(async {
        for (limits, limit) in [
            (Limits::default().message(10), 10),
            (Limits::default().message(10).streamed(5), 10),
            (Limits::default().message(5).streamed(10), 10),
        ] {
            let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits);
            raw.send([masked(FIRST_BINARY, [1; 6]), masked(NEXT, [2; 4])].concat()).await;
            let mut message = socket.recv_stream().await.unwrap().unwrap();
            assert_eq!(message.next_piece().await.unwrap().map(|piece| piece.len()), Some(10));
            raw.send(masked(LAST, "x")).await;
            let error = message.next_piece().await.unwrap_err();
            assert!(
                matches!(error, Error::Protocol(ProtocolError::MessageTooBig { limit: of }) if of == limit),
                "{error}"
            );
            assert_eq!(raw.frame().await.payload[..2], 1009_u16.to_be_bytes());
        }
        let (mut socket, mut raw) =
            against_raw(Role::Server, ROOMY, Limits::default().message(5).streamed(10));
        raw.send(masked(BINARY, [1; 6])).await;
        assert!(matches!(
            socket.recv().await,
            Err(Error::Protocol(ProtocolError::MessageTooBig { limit: 5 }))
        ));
    });
}

#[test]
fn what_is_left_of_a_message_that_nobody_wants_is_discarded() {
    run_paused(async {
        for takes_whole in [true, false] {
            let limits = Limits::default().message(1000).streamed(usize::MAX);
            let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits);
            raw.send(masked(FIRST_TEXT, "unwanted")).await;
            let unwanted = socket.recv_stream().await.unwrap().unwrap();
            std::mem::forget(unwanted);
            raw.send([masked(NEXT, [b'x'; 100_000]), masked(LAST, ""), masked(TEXT, "wanted")].concat())
                .await;
            if takes_whole {
                assert_eq!(socket.recv().await.unwrap(), Some("wanted".into()));
            } else {
                let mut wanted = socket.recv_stream().await.unwrap().unwrap();
                assert_eq!(wanted.next_piece().await.unwrap(), Some("wanted".into()));
            }
        }
    });
}

/// A message that is too long to receive whole can still be discarded.
#[test]
fn a_close_does_not_fail_over_a_long_message_that_nobody_wants() {
    run_paused(async {
        let limits = Limits::default().message(10).streamed(usize::MAX);
        let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits);
        raw.send([masked(BINARY, [1; 100]), masked(CLOSE, close(1000, ""))].concat()).await;
        raw.finish().await;
        socket.close(1000, "").await.unwrap();
        assert_eq!(end(&socket.closed()), (1000, "", By::Local, true));
    });
}

#[test]
fn a_message_that_is_cut_off_is_not_taken_for_whole() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send([masked(FIRST_BINARY, "half"), masked(CLOSE, close(1001, "restart"))].concat()).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!(message.next_piece().await.unwrap().unwrap().as_bytes(), b"half");
        raw.finish().await;
        assert!(matches!(message.next_piece().await, Err(Error::CutOff(_))), "a Close frame came with it");

        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(FIRST_BINARY, "half")).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!(message.next_piece().await.unwrap().unwrap().as_bytes(), b"half");
        raw.send(masked(CLOSE, close(1001, "restart"))).await;
        raw.finish().await;
        let error = message.next_piece().await.unwrap_err();
        assert_eq!(error.to_string(), "the message was cut off: closed by peer: 1001 (going away): restart");
        assert!(message.next_piece().await.is_err());
        assert!(socket.recv().await.unwrap().is_none());
        assert_eq!(end(&socket.closed()), (1001, "restart", By::Peer, true));

        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(FIRST_BINARY, "half")).await;
        let message = socket.recv_stream().await.unwrap().unwrap();
        drop(raw);
        let pieces: Vec<_> = message.collect().await;
        assert!(matches!(&pieces[..], [Ok(_), Err(Error::CutOff(closed))] if !closed.clean), "{pieces:?}");
    });
}

#[test]
fn a_peer_that_breaks_the_protocol_amid_a_message_is_told_once() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send([masked(FIRST_TEXT, "good"), masked(PING, "")].concat()).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!(message.next_piece().await.unwrap(), Some("good".into()));
        raw.send(masked(LAST, b"\xff")).await;
        raw.finish().await;
        let error = message.next_piece().await.unwrap_err();
        assert!(matches!(error, Error::Protocol(ProtocolError::TextNotUtf8)), "{error}");
        assert!(matches!(message.next_piece().await, Err(Error::CutOff(_))));
    });
}

#[test]
fn its_bytes_can_be_read_like_a_file() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(
            [masked(FIRST_TEXT, "on"), masked(NEXT, ""), masked(NEXT, "e, tw"), masked(LAST, "o")].concat(),
        )
        .await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        let mut start = [0; 3];
        message.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"one");
        assert_eq!(message.next_piece().await.unwrap(), Some(Message::from(&b", two"[..])));
        assert_eq!(message.read(&mut start).await.unwrap(), 0);

        raw.send(masked(FIRST_BINARY, "half")).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        drop(raw);
        let mut read = Vec::new();
        let error = message.read_to_end(&mut read).await.unwrap_err();
        assert_eq!((read.as_slice(), error.kind()), (&b"half"[..], std::io::ErrorKind::UnexpectedEof));
    });
}

#[test]
fn whoever_rests_in_the_middle_of_a_message_can_go_on() {
    run_paused(async {
        let second = Duration::from_secs(1);
        let keepalive = Keepalive::every(10 * second).within(5 * second);
        let (ours, theirs) = tokio::io::duplex(ROOMY);
        let limits = Config::new(Limits::default().keepalive(keepalive));
        let mut socket = WebSocket::over(ours, Role::Server, Arc::new(limits), Vec::new());
        let mut raw = Raw::new(theirs);
        raw.send(masked(FIRST_BINARY, "one")).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        raw.send([masked(PONG, ""), masked(LAST, "two")].concat()).await;
        tokio::time::sleep(20 * second).await;
        for piece in [b"one", b"two"] {
            assert_eq!(message.next_piece().await.unwrap(), Some(Message::from(&piece[..])));
        }
    });
}

#[test]
fn whoever_reads_slowly_slows_the_sender_down() {
    run_paused(async {
        let limits = Limits::default().low_water(1000).high_water(10_000).streamed(usize::MAX);
        let (client, mut server) = pair(1000, limits);
        let mut message = client.stream_binary().await.unwrap();
        message.write(vec![1; 20_000]).await.unwrap();
        let mut next = Box::pin(message.write(vec![2; 10]));
        let mut received = server.recv_stream().await.unwrap().unwrap();
        assert!(poll_once(&mut next).await.is_pending());
        let mut arrived = 0;
        while poll_once(&mut next).await.is_pending() {
            arrived += received.next_piece().await.unwrap().unwrap().len();
        }
        assert!(arrived > 10_000, "the sender continued after {arrived} bytes");
    });
}

#[test]
fn a_read_of_nothing_waits_for_nothing() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(FIRST_TEXT, "a")).await;
        let mut message = socket.recv_stream().await.unwrap().unwrap();
        assert_eq!(message.next_piece().await.unwrap(), Some("a".into()));
        assert_eq!(message.read(&mut []).await.unwrap(), 0);
        raw.send(masked(LAST, "b")).await;
        // The unread rest is still text.
        assert_eq!(message.read(&mut []).await.unwrap(), 0);
        assert_eq!(message.next_piece().await.unwrap(), Some("b".into()));
    });
}
