//! Closing and dropping handles.

use std::time::Duration;

use longwire::reconnect::State;
use longwire::{By, Client, Error, Reconnect};
use tokio::time::Instant;

use super::{URL, receive, roomy};
use crate::support::{CLOSE, Frame, TEXT, close, end, plain, run_paused, settle};

#[test]
fn to_close_ends_a_wait_or_a_try_at_once() {
    run_paused(async {
        for is_trying in [false, true] {
            let (client, mut server) = roomy();
            let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
            sender.send("never sent").await.unwrap();
            let received = receive(receiver);
            if !is_trying {
                server.hang_up().await;
            }
            settle().await;
            let begun = Instant::now();
            let closed = sender.close(1000, "").await.unwrap();
            assert_eq!(end(&closed), (1006, "", By::Local, false));
            let (_, error, closed) = received.await.unwrap();
            assert!(error.is_none());
            assert_eq!(end(&closed), (1006, "", By::Local, false));
            assert!(matches!(sender.state(), State::Ended(_)));
            assert!(matches!(sender.send("late").await, Err(Error::Closed(_))));
            assert_eq!(begun.elapsed(), Duration::ZERO);
            // The attempt has been dropped with its transport.
            drop(sender);
            if is_trying {
                let (mut raw, _) = server.request().await;
                raw.expect_end().await;
            }
            server.expect_end().await;
        }
    });
}

#[test]
fn a_socket_that_is_closed_says_goodbye_and_is_not_opened_again() {
    run_paused(async {
        let (client, mut server) = roomy();
        let mut socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        assert!(matches!(socket.close(999, "").await, Err(Error::Close(_))));
        let (mut raw, greeting) = tokio::join!(
            async {
                let mut raw = server.open().await;
                raw.send([plain(TEXT, "hello"), plain(TEXT, "unheard")].concat()).await;
                raw
            },
            socket.recv()
        );
        assert_eq!(greeting.unwrap(), Some("hello".into()));
        let (closed, ()) = tokio::join!(socket.close(1001, "bye"), async {
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "bye")));
            raw.send(plain(CLOSE, close(1001, ""))).await;
        });
        // This end's 1001 is an acceptable result as well.
        assert_eq!(end(&closed.unwrap()), (1001, "", By::Local, true));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert!(server.is_quiet());
    });
}

#[test]
fn a_socket_that_is_dropped_closes_its_connection_and_makes_no_other() {
    run_paused(async {
        let (client, mut server) = roomy();
        let mut socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        let (mut raw, _) = tokio::join!(
            async {
                let mut raw = server.open().await;
                raw.send(plain(TEXT, "hello")).await;
                raw
            },
            socket.recv()
        );
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
        server.expect_end().await;
    });
}

#[test]
fn without_its_receiver_a_connection_is_made_again_as_long_as_there_are_senders() {
    run_paused(async {
        let (client, mut server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        drop(receiver);
        for _ in 0..3 {
            let mut raw = server.open().await;
            raw.send(plain(TEXT, "unheard")).await;
            settle().await;
            sender.send("heard").await.unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "heard"));
        }
        let mut raw = server.open().await;
        settle().await;
        drop(sender);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
        raw.send(plain(CLOSE, close(1001, ""))).await;
        raw.expect_end().await;
        server.expect_end().await;
    });
}

#[test]
fn without_any_handle_nobody_waits_for_the_next_try() {
    run_paused(async {
        let (client, mut server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        let mut states = receiver.states();
        drop(receiver);
        server.hang_up().await;
        while !matches!(states.next().await, Some(State::Waiting { .. })) {}
        let begun = Instant::now();
        drop(sender);
        server.expect_end().await;
        assert!(states.next().await.is_none());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    });
}

#[test]
fn without_its_receiver_a_connection_can_be_closed() {
    run_paused(async {
        let (client, mut server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        drop(receiver);
        let mut raw = server.open().await;
        settle().await;
        let (closed, ()) = tokio::join!(sender.close(1000, ""), async {
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.send(plain(CLOSE, close(1000, ""))).await;
        });
        assert_eq!(end(&closed.unwrap()), (1000, "", By::Local, true));
        assert!(server.is_quiet());
    });
}

/// No task is left that could make a connection.
#[test]
fn when_the_runtime_is_shut_down_there_is_no_other_connection() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, mut states, server) = runtime.block_on(async {
        let (client, server) = roomy();
        let (sender, receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        let states = receiver.states();
        drop(receiver);
        settle().await;
        (sender, states, server)
    });
    drop(runtime);
    run_paused(async move {
        assert!(matches!(sender.send("late").await, Err(Error::Closed(_))));
        assert!(matches!(states.next().await, Some(State::Connecting { .. })));
        assert!(matches!(states.next().await, Some(State::Ended(_))));
        assert_eq!(end(&sender.close(1000, "").await.unwrap()), (1006, "", By::Nobody, false));
        drop(server);
    });
}

/// The same for a preparation that panics while no task receives.
#[test]
fn a_preparation_that_panics_in_the_background_is_the_end() {
    run_paused(async {
        let (client, mut server) = roomy();
        let client =
            client.reconnecting(Reconnect::default()).on_open(async |_| panic!("this is what is tested"));
        let (sender, receiver) = client.connect(URL).unwrap().split();
        let mut states = receiver.states();
        drop(receiver);
        let _raw = server.open().await;
        while !matches!(states.next().await, Some(State::Ended(_))) {}
        assert!(matches!(sender.send("late").await, Err(Error::Closed(_))));
    });
}

/// The same while a task receives: the panic is its own, and the others see the end.
#[test]
fn a_preparation_that_panics_is_the_end_for_whoever_sends() {
    run_paused(async {
        let (client, mut server) = roomy();
        let client =
            client.reconnecting(Reconnect::default()).on_open(async |_| panic!("this is what is tested"));
        let (sender, mut receiver) = client.connect(URL).unwrap().split();
        let mut states = receiver.states();
        let receiving = tokio::spawn(async move { receiver.recv().await });
        let _raw = server.open().await;
        assert!(receiving.await.unwrap_err().is_panic());
        while !matches!(states.next().await, Some(State::Ended(_))) {}
        assert!(matches!(sender.send("late").await, Err(Error::Closed(_))));
        assert_eq!(sender.close(1000, "").await.unwrap().code.get(), 1006);
    });
}

#[test]
fn a_connector_that_panics_is_the_end_for_whoever_sends() {
    run_paused(async {
        let client = Client::new().connector(|_| async {
            tokio::task::yield_now().await;
            if true {
                panic!("this is what is tested");
            }
            Ok(tokio::io::empty())
        });
        let (sender, mut receiver) = client.reconnecting(Reconnect::default()).connect(URL).unwrap().split();
        let mut states = receiver.states();
        let receiving = tokio::spawn(async move { receiver.recv().await });
        assert!(receiving.await.unwrap_err().is_panic());
        while !matches!(states.next().await, Some(State::Ended(_))) {}
        assert_eq!(sender.close(1000, "").await.unwrap().code.get(), 1006);
    });
}
