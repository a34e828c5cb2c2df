//! Futures that are dropped after every number of polls, over a transport that makes them wait at every byte.

use longwire::reconnect::{ReconnectingSocket, State};
use longwire::{By, Limits, Message, Reconnect, WebSocket};
use tokio::io::DuplexStream;

use super::URL;
use crate::support::{
    CLOSE, Dialled, Frame, Raw, TEXT, close, dialled_byte_by_byte, end, plain, poll_once, polled, run_paused,
    settle,
};

fn slow() -> (ReconnectingSocket, Dialled) {
    let (client, server) = dialled_byte_by_byte(Limits::default().low_water(0).high_water(0));
    let client = client.reconnecting(Reconnect::default()).on_open(async |mut socket: WebSocket| {
        socket.send("log in").await?;
        socket.recv().await?;
        Ok(socket)
    });
    (client.connect(URL).unwrap(), server)
}

/// Two connections that break, and a third that is closed, with messages on each.
async fn three_connections(mut server: Dialled) {
    for number in 0..3 {
        let mut raw = server.open().await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "log in"));
        raw.send([plain(TEXT, "welcome"), plain(TEXT, format!("message {number}"))].concat()).await;
        if number == 2 {
            raw.send(plain(CLOSE, close(1000, ""))).await;
            raw.finish().await;
            raw.rest().await;
        }
    }
    assert!(server.is_quiet());
}

#[test]
fn recv_loses_neither_messages_nor_the_try_it_is_at() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, server) = slow();
            let serving = tokio::spawn(three_connections(server));
            let mut received = Vec::new();
            let first = polled(polls, socket.recv()).await;
            let ended_early = first.is_some();
            received.extend(first.map(|first| first.unwrap().unwrap()));
            while let Some(message) = socket.recv().await.unwrap() {
                received.push(message);
            }
            let expected: Vec<Message> = (0..3).map(|number| format!("message {number}").into()).collect();
            assert_eq!(received, expected, "dropped after {polls} polls");
            serving.await.unwrap();
            if ended_early {
                break;
            }
        }
    });
}

#[test]
fn recv_may_be_a_new_call_at_every_poll() {
    run_paused(async {
        let (mut socket, server) = slow();
        let serving = tokio::spawn(three_connections(server));
        let mut received = 0;
        loop {
            match polled(1, socket.recv()).await {
                Some(Ok(Some(_))) => received += 1,
                Some(Ok(None)) => break,
                Some(Err(error)) => panic!("{error}"),
                // The paused clock advances only if a task waits for it.
                None => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            }
        }
        assert_eq!(received, 3);
        serving.await.unwrap();
    });
}

/// An open connection whose queue has no room left.
async fn open(socket: &mut ReconnectingSocket, server: &mut Dialled) -> Raw<DuplexStream> {
    let serving = async {
        let mut raw = server.open().await;
        raw.frame().await;
        raw.send([plain(TEXT, "welcome"), plain(TEXT, "go")].concat()).await;
        raw
    };
    let (raw, go) = tokio::join!(serving, socket.recv());
    assert_eq!(go.unwrap(), Some("go".into()));
    raw
}

#[test]
fn send_takes_the_message_or_does_not() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut server) = slow();
            let mut raw = open(&mut socket, &mut server).await;
            socket.send("before").await.unwrap();
            let sent = polled(polls, socket.send("maybe")).await.map(Result::unwrap).is_some();
            socket.send("after").await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
            if sent {
                assert_eq!(raw.frame().await, Frame::new(TEXT, "maybe"));
            }
            assert_eq!(raw.frame().await, Frame::new(TEXT, "after"));
            if sent {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

/// A server that closes with 1000 while a message is in transit, and ends the connection when it has received "bye".
async fn answer_bye(mut raw: Raw<DuplexStream>) {
    raw.send([plain(TEXT, "late"), plain(CLOSE, close(1000, ""))].concat()).await;
    assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "bye")));
    raw.finish().await;
    raw.expect_end().await;
}

#[test]
fn a_close_that_is_given_up_goes_on() {
    run_paused(async {
        for polls in 1.. {
            let (mut socket, mut server) = slow();
            let raw = open(&mut socket, &mut server).await;
            let answering = tokio::spawn(answer_bye(raw));
            let closed = polled(polls, socket.close(1000, "bye")).await.map(Result::unwrap).is_some();
            assert!(!socket.is_open());
            let again = socket.close(4000, "again").await.unwrap();
            assert_eq!(end(&again), (1000, "", By::Local, true), "dropped after {polls} polls");
            answering.await.unwrap();
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
            let (mut socket, mut server) = slow();
            let raw = open(&mut socket, &mut server).await;
            let answering = tokio::spawn(answer_bye(raw));
            let (sender, receiver) = socket.split();
            let received = super::receive(receiver);
            let done = polled(polls, sender.close(1000, "bye")).await.map(Result::unwrap).is_some();
            let (messages, error, closed) = received.await.unwrap();
            assert!(error.is_none());
            assert_eq!(messages, ["late"], "dropped after {polls} polls");
            assert_eq!(end(&closed), (1000, "", By::Local, true));
            answering.await.unwrap();
            if done {
                break;
            }
        }
    });
}

#[test]
fn states_are_not_lost_with_the_future_that_waits_for_them() {
    run_paused(async {
        let (socket, server) = slow();
        let mut states = socket.states();
        let (_sender, receiver) = socket.split();
        tokio::spawn(three_connections(server));
        let received = super::receive(receiver);
        let mut seen = Vec::new();
        while !seen.last().is_some_and(State::is_ended) {
            let mut next = Box::pin(states.next());
            match poll_once(&mut next).await {
                std::task::Poll::Ready(state) => seen.extend(state),
                std::task::Poll::Pending => {
                    drop(next);
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        }
        received.await.unwrap();
        settle().await;
        assert_eq!(seen.iter().filter(|state| state.is_open()).count(), 3);
        assert_eq!(seen.len(), 3 * 2 + 2 + 1, "{seen:?}");
    });
}
