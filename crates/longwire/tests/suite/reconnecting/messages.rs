//! What happens to messages that are sent while there is no connection, or just before.

use longwire::reconnect::WhileDisconnected;
use longwire::{Error, Limits, Message, Reconnect, TrySendError};

use super::{URL, receive, roomy};
use crate::support::{BINARY, CLOSE, Frame, TEXT, close, dialled, end, plain, run_paused, settle};

/// The frame of a numbered message.
fn numbered(number: usize) -> Frame {
    Frame::new(TEXT, format!("message {number}"))
}

#[test]
fn what_is_sent_without_a_connection_goes_to_the_next_one_in_order() {
    run_paused(async {
        let (client, mut server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        for number in 0..3 {
            sender.send(format!("message {number}")).await.unwrap();
        }
        let _received = receive(receiver);
        let mut raw = server.open().await;
        for number in 0..3 {
            assert_eq!(raw.frame().await, numbered(number));
        }
        sender.send("message 3").await.unwrap();
        assert_eq!(raw.frame().await, numbered(3));
    });
}

#[test]
fn a_full_queue_is_told_and_its_messages_are_sent() {
    run_paused(async {
        let (client, mut server) = roomy();
        let bound = WhileDisconnected::Queue { bytes: 20, messages: 2 };
        let client = client.reconnecting(Reconnect::default().while_disconnected(bound));
        let (sender, receiver) = client.connect(URL).unwrap().split();
        sender.send("message 0").await.unwrap();
        assert!(matches!(sender.send("x".repeat(12)).await, Err(Error::Disconnected { queued: 1 })));
        sender.send("message 1").await.unwrap();
        let unsent = sender.send("").await.unwrap_err();
        assert_eq!(unsent.to_string(), "not connected at the moment, and the queue is full with 2 messages");
        assert_eq!(sender.try_send("mine"), Err(TrySendError::Full("mine".into())));
        let _received = receive(receiver);
        let mut raw = server.open().await;
        assert_eq!([raw.frame().await, raw.frame().await], [numbered(0), numbered(1)]);
        sender.send("message 2").await.unwrap();
        assert_eq!(raw.frame().await, numbered(2));
    });
}

#[test]
fn without_a_queue_nothing_can_be_sent_without_a_connection() {
    run_paused(async {
        let (client, mut server) = roomy();
        let policy = Reconnect::default().while_disconnected(WhileDisconnected::Fail);
        let (sender, receiver) = client.reconnecting(policy).connect(URL).unwrap().split();
        let unsent = sender.send("early").await.unwrap_err();
        assert_eq!(unsent.to_string(), "not connected at the moment");
        let _received = receive(receiver);
        let mut raw = server.open().await;
        settle().await;
        sender.send("message 0").await.unwrap();
        assert_eq!(raw.frame().await, numbered(0));
        drop(raw);
        settle().await;
        assert!(matches!(sender.send("late").await, Err(Error::Disconnected { queued: 0 })));
    });
}

/// Only the server knows whether the message arrived; sent again, it might arrive twice.
#[test]
fn what_a_broken_connection_had_taken_is_not_sent_again() {
    run_paused(async {
        let (client, mut server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        let _received = receive(receiver);
        let raw = server.open().await;
        settle().await;
        sender.send("message 0").await.unwrap();
        // The server never read it.
        drop(raw);
        settle().await;
        sender.send("message 1").await.unwrap();
        let mut raw = server.open().await;
        assert_eq!(raw.frame().await, numbered(1));
    });
}

/// The transport has room for only a few messages, and the connection's buffer for one.
#[test]
fn what_a_broken_connection_had_not_taken_yet_stays_in_the_queue() {
    run_paused(async {
        let (client, mut server) = dialled(400, Limits::default().low_water(0).high_water(0));
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        for number in 0..100 {
            sender.send(format!("message {number}")).await.unwrap();
        }
        let _received = receive(receiver);
        let mut raw = server.open().await;
        for number in 0..20 {
            assert_eq!(raw.frame().await, numbered(number));
        }
        drop(raw);
        let mut raw = server.open().await;
        let mut heard = vec![raw.frame().await];
        while heard.last() != Some(&numbered(99)) {
            heard.push(raw.frame().await);
        }
        // Only messages in transit when the first connection broke are lost, and they are not sent again.
        let lost = 80 - heard.len();
        assert!((1..=30).contains(&lost), "{lost} are lost");
        assert_eq!(heard, (20 + lost..100).map(numbered).collect::<Vec<_>>());
    });
}

#[test]
fn a_sender_that_waits_for_room_when_the_connection_breaks_has_its_message_queued() {
    run_paused(async {
        let (client, mut server) = dialled(400, Limits::default().low_water(0).high_water(0));
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        let _received = receive(receiver);
        let raw = server.open().await;
        settle().await;
        sender.send(vec![0; 1000]).await.unwrap();
        let blocked = sender.clone();
        let waiting = tokio::spawn(async move { blocked.send(vec![1; 10]).await });
        settle().await;
        assert!(!waiting.is_finished());
        assert_eq!(sender.try_send("x"), Err(TrySendError::Full("x".into())));
        drop(raw);
        waiting.await.unwrap().unwrap();
        assert_eq!(server.open().await.frame().await, Frame::new(BINARY, [1; 10]));
    });
}

#[test]
fn what_cannot_be_answered_any_more_is_refused_at_once() {
    run_paused(async {
        let (client, mut server) = roomy();
        let mut socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        let (mut raw, first) = tokio::join!(
            async {
                let mut raw = server.open().await;
                raw.send([plain(TEXT, "bye"), plain(CLOSE, close(1000, ""))].concat()).await;
                raw
            },
            socket.recv()
        );
        assert_eq!(first.unwrap(), Some(Message::from("bye")));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert!(matches!(socket.send("late").await, Err(Error::Closed(_))));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
    });
}

#[test]
fn what_was_queued_is_sent_before_a_connection_is_closed() {
    run_paused(async {
        let (client, mut server) = dialled(400, Limits::default().low_water(0).high_water(0));
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        for number in 0..100 {
            sender.send(format!("message {number}")).await.unwrap();
        }
        let received = receive(receiver);
        let mut raw = server.open().await;
        settle().await;
        let closing = tokio::spawn(async move { sender.close(1000, "enough").await });
        for number in 0..100 {
            assert_eq!(raw.frame().await, numbered(number));
        }
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "enough")));
        raw.send(plain(CLOSE, close(1000, ""))).await;
        let closed = closing.await.unwrap().unwrap();
        assert_eq!(end(&closed), (1000, "", longwire::By::Local, true));
        assert!(received.await.unwrap().1.is_none());
    });
}
