//! The server's handler: when it starts, and what happens to its connection when it ends.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use longwire::{By, Client, HandlerResult, Keepalive, Message, WebSocket, connect};
use tokio::sync::{broadcast, mpsc};
use tokio::task::coop::poll_proceed;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::support::{
    CLOSE, Frame, PING, TEXT, close, deserted, echo, end, masked, patient, run, run_paused, serve,
};

/// How a connection with this handler ends. By then both ends have answered: if one of them still waited, it would
/// wait for an hour.
async fn ending<F, Fut>(handler: F) -> longwire::Closed
where
    F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = HandlerResult> + Send + 'static,
{
    let serving = serve(|server| server, handler).await;
    let mut socket = Client::new().limits(patient()).connect(serving.url("/")).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), None);
    // The server continues.
    connect(serving.url("/")).await.unwrap();
    socket.closed()
}

#[test]
fn a_handler_that_is_done_closes_with_1000() {
    run(async {
        let closed = ending(async |_socket: WebSocket| Ok(())).await;
        assert_eq!(end(&closed), (1000, "", By::Peer, true));
    });
}

#[test]
fn what_the_handler_sent_arrives_before_the_close() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            for _ in 0..100 {
                socket.send("x".repeat(10_000)).await?;
            }
            Ok(socket.feed("last").await?)
        };
        let serving = serve(|server| server, handler).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        let mut count = 0;
        let mut last = None;
        while let Some(message) = socket.recv().await.unwrap() {
            count += 1;
            last = Some(message);
        }
        assert_eq!((count, last), (101, Some("last".into())));
        assert_eq!(end(&socket.closed()), (1000, "", By::Peer, true));
    });
}

#[test]
fn a_handler_that_fails_closes_with_1011() {
    run(async {
        let closed = ending(async |_socket: WebSocket| Err("the database is down".into())).await;
        assert_eq!(end(&closed), (1011, "", By::Peer, true));
    });
}

/// If a handler fails because of another connection, such as one to another server, it has failed: that error does
/// not mean that its own connection ended.
#[test]
fn a_handler_that_fails_over_another_connection_closes_with_1011_too() {
    run(async {
        let handler = async |_socket: WebSocket| {
            Ok(connect(format!("ws://{}/", deserted())).await?.send("hello").await?)
        };
        assert_eq!(end(&ending(handler).await), (1011, "", By::Peer, true));
    });
}

#[test]
fn a_handler_that_panics_closes_with_1011() {
    run(async {
        let at_once = async |_socket: WebSocket| panic!("a fault of the application");
        assert_eq!(end(&ending(at_once).await), (1011, "", By::Peer, true));

        let later = async |socket: WebSocket| {
            yield_now().await;
            drop(socket);
            panic!("a fault of the application")
        };
        assert_eq!(end(&ending(later).await), (1011, "", By::Peer, true));
    });
}

#[test]
fn a_handler_may_hand_its_connection_on_and_return() {
    run(async {
        let handler = async |socket: WebSocket| {
            tokio::spawn(echo(socket));
            Ok(())
        };
        let serving = serve(|server| server, handler).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        for text in ["one", "two"] {
            socket.send(text).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(text.into()));
        }
        let closed = socket.close(1000, "").await.unwrap();
        assert_eq!(end(&closed), (1000, "", By::Local, true));
    });
}

#[test]
fn a_sender_that_outlives_the_handler_keeps_the_connection() {
    run(async {
        let (give, mut given) = mpsc::unbounded_channel();
        let handler = move |socket: WebSocket| {
            give.send(socket.sender()).unwrap();
            async { Ok(()) }
        };
        let serving = serve(|server| server, handler).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        let sender = given.recv().await.unwrap();
        sender.send("from elsewhere").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("from elsewhere".into()));
        drop(sender);
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1001, "", By::Peer, true));
    });
}

/// The promises of `WebSocket` about dropping also hold in a handler that continues with other work.
#[test]
fn a_connection_that_a_running_handler_drops_is_closed() {
    run(async {
        let handler = async |socket: WebSocket| {
            drop(socket);
            pending().await
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
    });
}

/// A handler that subscribes before its first wait misses nothing that is said once the client knows that it is
/// connected.
#[test]
fn the_handler_begins_before_the_client_is_told_that_it_is_connected() {
    run(async {
        let (news, _) = broadcast::channel::<Message>(16);
        let publish = news.clone();
        let handler = move |mut socket: WebSocket| {
            let news = news.clone();
            async move {
                let mut subscribed = news.subscribe();
                while let Ok(message) = subscribed.recv().await {
                    socket.send(message).await?;
                }
                Ok(())
            }
        };
        let serving = serve(|server| server, handler).await;
        for _ in 0..20 {
            let mut raw = serving.raw_open().await;
            publish.send("news".into()).unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "news"));
        }
    });
}

#[test]
fn what_the_handler_sends_first_follows_the_response() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            socket.send("welcome").await?;
            echo(socket).await
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "welcome"));
    });
}

#[test]
fn a_peer_that_vanishes_is_no_error_and_no_clean_end() {
    run(async {
        let (ends, mut ended) = mpsc::unbounded_channel();
        let handler = move |mut socket: WebSocket| {
            let ends = ends.clone();
            async move {
                let received = socket.recv().await;
                ends.send((received, socket.closed())).unwrap();
                Ok(())
            }
        };
        let serving = serve(|server| server, handler).await;
        let half = &masked(TEXT, "a message of which the second half never comes")[..20];

        let mut leaving = serving.raw_open().await;
        leaving.send(half).await;
        drop(leaving);
        let (received, closed) = ended.recv().await.unwrap();
        assert!(matches!(received, Ok(None)), "{received:?}");
        assert_eq!(end(&closed), (1006, "", By::Nobody, false));

        let mut crashing = serving.raw_open().await;
        crashing.send(half).await;
        crashing.into_inner().set_zero_linger().unwrap();
        let (received, closed) = ended.recv().await.unwrap();
        assert!(matches!(received, Ok(None)), "{received:?}");
        assert_eq!(end(&closed), (1006, "", By::Nobody, false));
    });
}

/// More than a socket accepts at once.
const HUGE: usize = 16 << 20;

/// The answer is held back for the one to the next message, which the handler never reaches.
#[test]
fn an_answer_is_written_though_the_handler_goes_on_to_something_else() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            socket.recv().await?;
            socket.send("answer").await?;
            pending().await
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        raw.send([masked(TEXT, "question"), masked(TEXT, "not received")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "answer"));
    });
}

#[test]
fn what_the_socket_did_not_take_is_written_while_the_handler_waits_for_something_else() {
    run(async {
        let handler = async |socket: WebSocket| {
            let sender = socket.sender();
            tokio::spawn(async move { sender.send(vec![7; HUGE]).await });
            let _kept = socket;
            pending().await
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        assert_eq!(raw.frame().await.payload.len(), HUGE);
    });
}

/// The handler's task wrote the output, and is gone.
#[test]
fn what_a_handler_that_panics_has_sent_arrives_before_the_close() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            socket.send(vec![7; HUGE]).await?;
            panic!("a handler may fail in any way")
        };
        let serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        assert_eq!(raw.frame().await.payload.len(), HUGE);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
    });
}

/// The session drives the timers of its connection. A timer that is set when the task's budget is spent must still
/// register its waker.
#[test]
fn a_handler_that_spends_its_budget_does_not_lose_the_times_of_its_connection() {
    run_paused(async {
        let keepalive = Keepalive::every(Duration::from_secs(5)).within(Duration::from_secs(5));
        let set_up = |server: longwire::Server| server.limits(patient().keepalive(keepalive));
        let serving = serve(set_up, async |_socket: WebSocket| {
            yield_now().await;
            poll_fn(|cx| {
                while let Poll::Ready(turn) = poll_proceed(cx) {
                    turn.made_progress();
                }
                Poll::Ready(())
            })
            .await;
            pending().await
        });
        let mut raw = serving.await.raw_open().await;
        let ping = timeout(Duration::from_secs(60), raw.frame()).await.expect("the keepalive sent no ping");
        assert_eq!(ping.first, PING);
    });
}

/// The test's clock stands still while any task has work to do.
#[test]
fn a_handler_that_waits_for_room_lets_its_thread_rest() {
    run_paused(async {
        let serving = serve(
            |server| server,
            async |mut socket: WebSocket| {
                loop {
                    socket.send(vec![0; 100_000]).await?;
                }
            },
        );
        let serving = serving.await;
        let _reads_nothing = serving.raw_open().await;
        sleep(Duration::from_secs(3600)).await;
    });
}
