//! The two halves of a connection, and many senders.

use std::sync::Arc;

use longwire::{Limits, Message};
use tokio::sync::Barrier;

use crate::support::{
    Frame, PING, PONG, ROOMY, TEXT, echo, masked, pair, run, run_on_threads, run_paused, server_and_raw,
    settle, tcp_pair,
};

#[test]
fn the_halves_work_in_tasks_of_their_own() {
    run(async {
        let (client, server) = tcp_pair(Limits::default()).await;
        tokio::spawn(echo(server));
        let (sender, mut receiver) = client.split();
        let sending = tokio::spawn(async move {
            for number in 0..1000 {
                sender.send(format!("message {number}")).await.unwrap();
            }
            sender
        });
        for number in 0..1000 {
            assert_eq!(receiver.recv().await.unwrap(), Some(format!("message {number}").into()));
        }
        sending.await.unwrap();
    });
}

/// A message that names its sender and number, padded with letters.
fn numbered(sender: usize, number: usize) -> String {
    let len = [0, 10, 200, 70_000][number % 4];
    format!("{sender} {number} {}", "x".repeat(len))
}

#[test]
fn what_many_senders_send_arrives_whole_and_in_the_order_of_each() {
    const SENDERS: usize = 20;
    const MESSAGES: usize = 40;
    run_on_threads(async {
        let (mut client, server) = tcp_pair(Limits::default().low_water(10_000).high_water(50_000)).await;
        let (sender, _receiver) = server.split();
        let all_here = Arc::new(Barrier::new(SENDERS));
        for index in 0..SENDERS {
            let (sender, all_here) = (sender.clone(), Arc::clone(&all_here));
            tokio::spawn(async move {
                all_here.wait().await;
                for number in 0..MESSAGES {
                    sender.send(numbered(index, number)).await.unwrap();
                }
            });
        }
        let mut next = [0; SENDERS];
        for _ in 0..SENDERS * MESSAGES {
            let message = client.recv().await.unwrap().unwrap().to_string();
            let index: usize = message.split(' ').next().unwrap().parse().unwrap();
            assert!(message == numbered(index, next[index]), "{index} {}", next[index]);
            next[index] += 1;
        }
    });
}

/// Two tasks that flush before the connection's own task has run must not keep waking each other.
#[test]
fn several_tasks_may_wait_for_the_same_flush() {
    run(async {
        let (mut client, mut server) = pair(100, Limits::default());
        server.feed(vec![0; 10_000]).await.unwrap();
        let sender = server.sender();
        let flushes = async { tokio::join!(sender.flush(), server.flush()) };
        let (flushed, received) = tokio::join!(flushes, client.recv());
        flushed.0.unwrap();
        flushed.1.unwrap();
        assert_eq!(received.unwrap().unwrap().len(), 10_000);
    });
}

#[test]
fn without_a_receiver_pings_are_answered_and_senders_go_on() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let (sender, receiver) = socket.split();
        raw.send(masked(TEXT, "never read")).await;
        drop(receiver);
        raw.send([masked(TEXT, "discarded"), masked(PING, "there?")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "there?"));
        raw.send(masked(PING, "still there?")).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "still there?"));
        sender.send("going on").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "going on"));
        assert!(sender.is_open());

        raw.send(masked(crate::support::CLOSE, "")).await;
        assert_eq!(raw.frame().await.first, crate::support::CLOSE);
        raw.expect_end().await;
        drop(raw);
        settle().await;
        assert!(!sender.is_open());
    });
}

#[test]
fn without_a_receiver_close_still_learns_of_the_end() {
    run_paused(async {
        let (client, mut server) = pair(ROOMY, Limits::default());
        let (sender, receiver) = client.split();
        drop(receiver);
        let (closed, received) = tokio::join!(sender.close(4000, ""), server.recv());
        assert!(matches!(received, Ok(None)));
        assert!(closed.unwrap().clean);
    });
}

#[test]
fn pings_are_answered_while_nobody_sends() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let receiving = tokio::spawn(async move { socket.recv().await });
        for payload in ["", "a", "b"] {
            raw.send(masked(PING, payload)).await;
            assert_eq!(raw.frame().await, Frame::new(PONG, payload));
        }
        raw.send(masked(TEXT, "end")).await;
        assert_eq!(receiving.await.unwrap().unwrap(), Some(Message::from("end")));
    });
}
