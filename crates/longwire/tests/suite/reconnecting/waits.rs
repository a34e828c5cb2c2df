//! When the next attempt is made, and when there is none.

use std::time::Duration;

use longwire::reconnect::State;
use longwire::{Cause, Error, Reconnect};
use tokio::time::{Instant, sleep};

use super::{LOST, SECOND, URL, next, receive, roomy};
use crate::support::run_paused;

#[test]
fn the_next_try_is_made_when_the_state_says() {
    run_paused(async {
        let (client, mut server) = roomy();
        let socket = client.reconnecting(Reconnect::default().seed(3)).connect(URL).unwrap();
        let mut states = socket.states();
        let (_sender, receiver) = socket.split();
        let _received = receive(receiver);
        let mut ceiling = SECOND / 4;
        for _ in 0..12 {
            let failed = Instant::now();
            server.hang_up().await;
            let until = loop {
                if let Some(State::Waiting { until, .. }) = states.next().await {
                    break until;
                }
            };
            let wait = Instant::from_std(until) - failed;
            assert!(wait <= ceiling, "{wait:?}");
            ceiling = (ceiling * 2).min(30 * SECOND);
            let Some(State::Connecting { .. }) = states.next().await else { panic!("no other try") };
            // tokio's clock ticks in milliseconds.
            let late = Instant::now() - Instant::from_std(until);
            assert!(late <= SECOND / 500, "{late:?}");
        }
    });
}

#[test]
fn the_count_begins_anew_after_a_connection_that_lived_for_a_while() {
    run_paused(async {
        let (client, mut server) = roomy();
        let policy = Reconnect::default().stable_after(60 * SECOND).tries(3);
        let (_sender, receiver) = client.reconnecting(policy).connect(URL).unwrap().split();
        let mut states = receiver.states();
        let received = receive(receiver);
        let tries = [(59, "connecting, try 1"), (60, "connecting, try 2"), (0, "connecting, try 1")];
        for (lived, attempt) in tries {
            assert_eq!(next(&mut states).await, attempt);
            let raw = server.open().await;
            assert_eq!(next(&mut states).await, "open");
            sleep(lived * SECOND).await;
            drop(raw);
            assert_eq!(next(&mut states).await, LOST);
        }
        for _ in 0..2 {
            server.hang_up().await;
        }
        let (_, error, _) = received.await.unwrap();
        assert!(matches!(error, Some(Error::GaveUp(Cause::Failed(_)))), "{error:?}");
        assert!(server.is_quiet());
    });
}

#[test]
fn short_connections_are_tries_too() {
    run_paused(async {
        let (client, mut server) = roomy();
        let socket = client.reconnecting(Reconnect::default().tries(2)).connect(URL).unwrap();
        let (_sender, receiver) = socket.split();
        let received = receive(receiver);
        server.open().await;
        server.open().await;
        let (_, error, _) = received.await.unwrap();
        let error = error.unwrap();
        assert_eq!(error.to_string(), "gave up: connection lost: 1006 (no closing handshake)");
    });
}

/// More seconds than a clock can count.
#[test]
fn a_wait_may_be_as_long_as_a_server_asks() {
    run_paused(async {
        let (client, mut server) = roomy();
        let policy = Reconnect::default().max_retry_after(Duration::MAX);
        let (_sender, receiver) = client.reconnecting(policy).connect(URL).unwrap().split();
        let mut states = receiver.states();
        let _received = receive(receiver);
        assert_eq!(next(&mut states).await, "connecting, try 1");
        server.refuse("503 Busy", "Retry-After: 99999999999999999999\r\n").await;
        let Some(State::Waiting { until, .. }) = states.next().await else { panic!("it does not wait") };
        assert!(Instant::from_std(until) - Instant::now() > 100_000_000 * SECOND);
        sleep(5_000 * SECOND).await;
        assert!(server.is_quiet());
    });
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks_within_a_bound() {
    run_paused(async {
        let (client, mut server) = roomy();
        let policy = Reconnect::default().max_retry_after(60 * SECOND);
        let (_sender, receiver) = client.reconnecting(policy).connect(URL).unwrap().split();
        let _received = receive(receiver);
        for (status, asked, granted) in [("503 Busy", 7, 7), ("429 Slower", 3600, 60), ("500 Oh", 7, 0)] {
            server.refuse(status, &format!("Retry-After: {asked}\r\n")).await;
            let refused = Instant::now();
            let (raw, _) = server.request().await;
            drop(raw);
            let waited = refused.elapsed();
            assert!(waited >= granted * SECOND && waited <= (granted + 10) * SECOND, "{status}: {waited:?}");
        }
    });
}
