//! The server's shutdown.

use std::time::Duration;

use longwire::{By, Error, Limits, WebSocket, connect};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::{CLOSE, Frame, TEXT, close, echo, end, masked, run, serve, settle};

const REASON: &str = "the server is shutting down";

#[test]
fn idle_clients_are_told_and_serve_returns() {
    run(async {
        let mut serving = serve(|server| server, echo).await;
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(connect(serving.url("/")).await.unwrap());
        }
        serving.stop();
        for client in &mut clients {
            assert_eq!(client.recv().await.unwrap(), None);
            assert_eq!(end(&client.closed()), (1001, REASON, By::Peer, true));
        }
        let address = serving.addr;
        serving.returned().await;
        assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    });
}

#[test]
fn clients_in_the_middle_of_sending_are_told_too() {
    run(async {
        let mut serving = serve(|server| server, echo).await;
        let mut clients = Vec::new();
        for _ in 0..4 {
            let (sender, mut receiver) = connect(serving.url("/")).await.unwrap().split();
            sender.send("first").await.unwrap();
            assert_eq!(receiver.recv().await.unwrap(), Some("first".into()));
            let sending = tokio::spawn(async move {
                loop {
                    if let Err(error) = sender.send("x".repeat(5000)).await {
                        return error;
                    }
                }
            });
            let receiving = tokio::spawn(async move {
                while let Some(message) = receiver.recv().await.unwrap() {
                    assert_eq!(message.len(), 5000);
                }
                receiver.closed()
            });
            clients.push((sending, receiving));
        }
        serving.stop();
        for (sending, receiving) in clients {
            assert_eq!(end(&receiving.await.unwrap()), (1001, REASON, By::Peer, true));
            assert!(matches!(sending.await.unwrap(), Error::Closed(_)));
        }
        serving.returned().await;
    });
}

#[test]
fn a_client_that_never_answers_delays_the_end_by_the_time_allowed() {
    run(async {
        let time = Duration::from_millis(50);
        let mut serving = serve(|server| server.shutdown_time(time), echo).await;
        let mut mute = serving.raw_open().await;
        let begun = Instant::now();
        serving.stop();
        assert_eq!(mute.frame().await, Frame::new(CLOSE, close(1001, REASON)));
        serving.returned().await;
        assert!(begun.elapsed() >= time, "{:?}", begun.elapsed());
    });
}

#[test]
fn a_handler_that_does_not_end_is_dropped_in_the_end() {
    run(async {
        let (gone, mut is_gone) = mpsc::channel::<()>(1);
        let handler = move |socket: WebSocket| {
            let gone = gone.clone();
            async move {
                std::future::pending::<()>().await;
                drop((socket, gone));
                Ok(())
            }
        };
        let mut serving = serve(|server| server.shutdown_time(Duration::from_millis(50)), handler).await;
        let _client = serving.raw_open().await;
        serving.stop();
        serving.returned().await;
        assert_eq!(is_gone.recv().await, None);
    });
}

#[test]
fn who_has_not_finished_the_handshake_does_not_delay_the_end() {
    run(async {
        let mut serving = serve(|server| server.shutdown_time(Duration::from_secs(3600)), echo).await;
        let mut silent = serving.raw().await;
        let mut slow = serving.raw().await;
        slow.send("GET / HTTP/1.1\r\n").await;
        // A later connection is open, so these have been accepted.
        serving.raw_open().await.send(masked(CLOSE, close(1000, ""))).await;
        serving.stop();
        silent.expect_end().await;
        slow.expect_end().await;
        serving.returned().await;
    });
}

#[test]
fn connections_of_plain_http_end_too() {
    run(async {
        let router = axum::Router::new().route("/", axum::routing::get(async || "a page"));
        let set_up = |server: longwire::Server| server.http(router).shutdown_time(Duration::from_secs(3600));
        let mut serving = serve(set_up, echo).await;
        let mut idle = serving.raw().await;
        idle.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        assert!(idle.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        idle.expect("a page").await;
        serving.stop();
        idle.expect_end().await;
        serving.returned().await;
    });
}

/// A connection still belongs to the server if a task other than the handler serves it.
#[test]
fn connections_that_were_handed_on_are_closed_too() {
    run(async {
        let handler = async |socket: WebSocket| {
            tokio::spawn(echo(socket));
            Ok(())
        };
        let mut serving = serve(|server| server, handler).await;
        let mut raw = serving.raw_open().await;
        raw.send(masked(TEXT, "hello")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "hello"));
        serving.stop();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, REASON)));
        raw.send(masked(CLOSE, close(1001, ""))).await;
        serving.returned().await;
    });
}

/// A program ends when `serve` returns, so output that was not written by then never is.
#[test]
fn serve_does_not_return_before_everything_is_written() {
    run(async {
        let (done, mut is_done) = mpsc::unbounded_channel();
        let handler = move |mut socket: WebSocket| {
            let done = done.clone();
            async move {
                while socket.send(vec![0; 100_000]).await.is_ok() {}
                done.send(()).unwrap();
                Ok(())
            }
        };
        let limits = Limits::default().low_water(100_000).high_water(1 << 20);
        let mut serving = serve(|server| server.limits(limits), handler).await;
        let mut slow = serving.raw_open().await;
        slow.frame().await;
        serving.stop();
        is_done.recv().await.unwrap();
        settle().await;
        assert!(!serving.has_returned(), "the client has not taken its last messages");
        let last = loop {
            let frame = slow.frame().await;
            if frame.first == CLOSE {
                break frame;
            }
        };
        assert_eq!(last, Frame::new(CLOSE, close(1001, REASON)));
        slow.send(masked(CLOSE, close(1001, ""))).await;
        serving.returned().await;
    });
}
