//! The connection of an axum handler, over a transport that makes it wait at every byte.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use bytes::Bytes;
use futures_util::SinkExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use longwire::axum::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use longwire::{Error, Limits, SendError};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;

use crate::support::{
    CLOSE, Frame, PING, PONG, ROOMY, Raw, TEXT, Trickle, close, masked, polled, run_paused, upgrade_request,
};

/// A client, and the result of the handler that has its connection.
async fn handled<T, F, Fut>(limits: Limits, handler: F) -> (Raw<DuplexStream>, oneshot::Receiver<T>)
where
    T: Send + 'static,
    F: FnOnce(WebSocket) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let (done, outcome) = oneshot::channel();
    let handling = Arc::new(Mutex::new(Some((handler, done))));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (handler, done) = handling.lock().unwrap().take().unwrap();
        let limits = limits.clone().keepalive(None);
        async move {
            let (mut parts, _) = request.into_parts();
            let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.unwrap();
            Ok::<_, Infallible>(upgrade.limits(limits).on_upgrade(async |socket| {
                // A test that has seen enough does not wait for the result.
                let _unheard = done.send(handler(socket).await);
            }))
        }
    });
    let http = http1::Builder::new().serve_connection(TokioIo::new(Trickle::new(ours)), service);
    tokio::spawn(http.with_upgrades());
    let mut raw = Raw::new(theirs);
    raw.send(upgrade_request("")).await;
    raw.head().await;
    (raw, outcome)
}

/// Senders wait whenever anything is queued.
fn no_room() -> Limits {
    Limits::default().low_water(0).high_water(0)
}

#[test]
fn recv_loses_nothing_when_it_is_dropped() {
    run_paused(async {
        for polls in 1..4 {
            let (mut raw, outcome) = handled(Limits::default(), async move |mut socket| {
                let mut received = Vec::new();
                loop {
                    match polled(polls, socket.recv()).await {
                        Some(Some(message)) => received.push(message.unwrap()),
                        Some(None) => return received,
                        None => {}
                    }
                }
            })
            .await;
            raw.send([masked(0x01, "fra"), masked(PING, "between"), masked(0x80, "gments")].concat()).await;
            raw.send([masked(PONG, ""), masked(CLOSE, close(1000, "bye"))].concat()).await;
            let bye = CloseFrame { code: 1000, reason: "bye".into() };
            let expected = [
                Message::Ping("between".into()),
                "fragments".into(),
                Message::Pong(Bytes::new()),
                Message::Close(Some(bye)),
            ];
            assert_eq!(outcome.await.unwrap(), expected, "dropped after {polls} polls");
        }
    });
}

#[test]
fn send_that_is_dropped_has_sent_nothing_or_the_whole() {
    run_paused(async {
        let pong = Message::Pong("call".into());
        for (message, frame) in [
            (Message::text("call"), Frame::new(TEXT, "call")),
            (Message::Ping("call".into()), Frame::new(PING, "call")),
            (pong, Frame::new(PONG, "call")),
        ] {
            for polls in 1.. {
                let message = message.clone();
                let (mut raw, outcome) = handled(no_room(), async move |mut socket| {
                    socket.send("before".into()).await.unwrap();
                    let sent = polled(polls, socket.send(message)).await;
                    socket.send("after".into()).await.unwrap();
                    sent.is_some()
                })
                .await;
                let was_ready = outcome.await.unwrap();
                assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
                if was_ready {
                    assert_eq!(raw.frame().await, frame);
                }
                assert_eq!(raw.frame().await, Frame::new(TEXT, "after"));
                if was_ready {
                    assert!(polls > 1, "it never had to wait");
                    break;
                }
            }
        }
    });
}

/// The sink had accepted the ping, so it is sent, whatever happens to the message after it.
#[test]
fn a_ping_in_the_sink_outlives_a_send_that_is_dropped() {
    run_paused(async {
        let (mut raw, outcome) = handled(no_room(), async |mut socket| {
            socket.send("before".into()).await.unwrap();
            socket.feed(Message::Ping("fed".into())).await.unwrap();
            assert!(polled(1, socket.send("dropped".into())).await.is_none());
            socket.send("after".into()).await.unwrap();
        })
        .await;
        outcome.await.unwrap();
        for (first, payload) in [(TEXT, "before"), (PING, "fed"), (TEXT, "after")] {
            assert_eq!(raw.frame().await, Frame::new(first, payload));
        }
    });
}

#[test]
fn a_sink_that_is_given_up_has_taken_what_it_took_and_goes_on_closing() {
    run_paused(async {
        for polls in 1.. {
            let (mut raw, outcome) = handled(no_room(), async move |mut socket| {
                socket.send("before".into()).await.unwrap();
                socket.feed(Message::Ping("fed".into())).await.unwrap();
                let flushed = polled(polls, SinkExt::flush(&mut socket)).await.is_some();
                socket.feed("last".into()).await.unwrap();
                let closed = polled(polls, SinkExt::close(&mut socket)).await.is_some();
                let _end = socket.recv().await;
                assert!(!socket.get_ref().is_open());
                flushed && closed
            })
            .await;
            for (first, payload) in [(TEXT, "before"), (PING, "fed"), (TEXT, "last"), (CLOSE, "")] {
                assert_eq!(raw.frame().await, Frame::new(first, payload), "dropped after {polls} polls");
            }
            raw.send(masked(CLOSE, "")).await;
            if outcome.await.unwrap() {
                break;
            }
        }
    });
}

#[test]
fn what_cannot_be_sent_is_an_error_of_longwire() {
    run_paused(async {
        let (mut raw, outcome) = handled(Limits::default(), async |mut socket| {
            let long = || Message::Ping(Bytes::from_static(&[0; 126]));
            let reason = || CloseFrame { code: 1000, reason: "x".repeat(124).into() };
            let by_send = socket.send(long()).await.unwrap_err();
            let by_sink = SinkExt::send(&mut socket, long()).await.unwrap_err();
            let of_close = socket.send(Message::Close(Some(reason()))).await.unwrap_err();
            socket.send("still open".into()).await.unwrap();
            [by_send, by_sink, of_close].map(|error| *error.into_inner().downcast::<Error>().unwrap())
        })
        .await;
        let [by_send, by_sink, of_close] = outcome.await.unwrap();
        assert!(matches!(by_send, Error::Send(SendError::ControlTooLong)), "{by_send}");
        assert!(matches!(by_sink, Error::Send(SendError::ControlTooLong)), "{by_sink}");
        assert!(matches!(of_close, Error::Close(_)), "{of_close}");
        assert_eq!(raw.frame().await, Frame::new(TEXT, "still open"));
    });
}

#[test]
fn a_connection_that_is_dropped_while_its_handler_goes_on_is_closed_with_1001() {
    run_paused(async {
        let (mut raw, _outcome) = handled(Limits::default(), async |socket| {
            drop(socket);
            std::future::pending::<()>().await;
        })
        .await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
    });
}
