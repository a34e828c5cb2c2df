//! How often the transport is written to, and how much memory an idle connection holds.

use longwire::{Limits, Role, WebSocket};
use tokio::io::DuplexStream;

use crate::support::{
    Counting, Frame, PING, PONG, ROOMY, Raw, Seen, TEXT, config, echo, masked, poll_once, run_paused, settle,
};

fn counted(seen: &Seen) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let transport = Counting::new(ours, seen);
    (WebSocket::over(transport, Role::Server, config(Limits::default()), Vec::new()), Raw::new(theirs))
}

/// A hundred messages, numbered.
fn batch() -> Vec<u8> {
    (0..100).flat_map(|number| masked(TEXT, format!("message {number}"))).collect()
}

async fn expect_batch(raw: &mut Raw<DuplexStream>) {
    for number in 0..100 {
        assert_eq!(raw.frame().await, Frame::new(TEXT, format!("message {number}")));
    }
}

#[test]
fn answers_to_what_came_in_one_read_leave_in_one_write() {
    run_paused(async {
        let seen = Seen::default();
        let (socket, mut raw) = counted(&seen);
        tokio::spawn(echo(socket));
        for batches in 1..=3 {
            raw.send(batch()).await;
            expect_batch(&mut raw).await;
            assert_eq!(seen.writes(), batches);
        }
    });
}

#[test]
fn answers_that_are_fed_leave_in_one_write_too() {
    run_paused(async {
        let seen = Seen::default();
        let (mut socket, mut raw) = counted(&seen);
        tokio::spawn(async move {
            while let Some(message) = socket.recv().await.unwrap() {
                socket.feed(message).await.unwrap();
            }
        });
        raw.send([batch(), masked(PING, "p")].concat()).await;
        expect_batch(&mut raw).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "p"));
        assert_eq!(seen.writes(), 1);
    });
}

#[test]
fn a_message_that_answers_nothing_is_written_at_once() {
    run_paused(async {
        let seen = Seen::default();
        let (mut socket, mut raw) = counted(&seen);
        socket.send("one").await.unwrap();
        assert_eq!(seen.writes(), 1);
        socket.send("two").await.unwrap();
        assert_eq!(seen.writes(), 2);
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));
    });
}

/// The answer to the first message of a read is held back for the others, but only for a limited time.
#[test]
fn an_answer_is_written_though_nobody_receives_the_next_message() {
    run_paused(async {
        let seen = Seen::default();
        let (mut socket, mut raw) = counted(&seen);
        raw.send([masked(TEXT, "question"), masked(TEXT, "not yet received")].concat()).await;
        assert_eq!(socket.recv().await.unwrap(), Some("question".into()));
        socket.send("answer").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "answer"));
        assert_eq!(socket.recv().await.unwrap(), Some("not yet received".into()));
    });
}

/// Each of them could hold its own buffer while it waits; instead they all share one.
#[test]
fn connections_that_wait_share_one_read_buffer() {
    run_paused(async {
        let seen = Seen::default();
        let mut waiting = Vec::new();
        for _ in 0..50 {
            let (mut socket, mut raw) = counted(&seen);
            raw.send(masked(TEXT, "hello")).await;
            assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
            let mut receiving = Box::pin(async move { socket.recv().await });
            assert!(poll_once(&mut receiving).await.is_pending());
            waiting.push((receiving, raw));
        }
        settle().await;
        assert_eq!(seen.read_buffers(), 1);
    });
}

/// A message that arrives byte by byte is collected in its connection, which needs no read buffer for it.
#[test]
fn connections_in_the_middle_of_a_message_share_the_buffer_too() {
    run_paused(async {
        let seen = Seen::default();
        let mut waiting = Vec::new();
        for _ in 0..50 {
            let (mut socket, mut raw) = counted(&seen);
            let message = masked(TEXT, "a message of two halves");
            let (first, second) = message.split_at(10);
            raw.send(first).await;
            let mut receiving = Box::pin(async move { socket.recv().await });
            assert!(poll_once(&mut receiving).await.is_pending());
            waiting.push((receiving, raw, second.to_vec()));
        }
        assert_eq!(seen.read_buffers(), 1);
        for (mut receiving, mut raw, second) in waiting {
            raw.send(second).await;
            assert_eq!((&mut receiving).await.unwrap(), Some("a message of two halves".into()));
        }
    });
}

/// A handler may take its time over a message, but does not need the buffer that it was read into.
#[test]
fn connections_whose_message_has_been_received_hold_no_buffer() {
    run_paused(async {
        let seen = Seen::default();
        let mut busy = Vec::new();
        for _ in 0..50 {
            let (mut socket, mut raw) = counted(&seen);
            raw.send(masked(TEXT, "work for a while")).await;
            assert_eq!(socket.recv().await.unwrap(), Some("work for a while".into()));
            busy.push((socket, raw));
        }
        assert_eq!(seen.read_buffers(), 1);
    });
}
