//! The futures of an upgrade, dropped after every number of polls, over a transport that makes them wait at every
//! byte.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use longwire::Upgrading;
use tokio::io::DuplexStream;
use tokio::sync::oneshot;

use crate::support::{
    CLOSE, Frame, ROOMY, Raw, TEXT, Trickle, close, echo, masked, plain, polled, run_paused, upgrade_request,
};

/// A client that has requested a WebSocket, and the server's future for it.
async fn asked() -> (Raw<DuplexStream>, Upgrading) {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let (give, given) = oneshot::channel();
    let give = Arc::new(Mutex::new(Some(give)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (response, upgrading) = longwire::upgrade(&mut request).unwrap();
        assert!(give.lock().unwrap().take().unwrap().send(upgrading).is_ok());
        async { Ok::<_, Infallible>(response.map(|()| Full::<Bytes>::default())) }
    });
    let http = http1::Builder::new().serve_connection(TokioIo::new(Trickle::new(ours)), service);
    tokio::spawn(http.with_upgrades());
    let mut raw = Raw::new(theirs);
    raw.send(upgrade_request("")).await;
    (raw, given.await.unwrap())
}

#[test]
fn an_upgrade_that_is_given_up_leaves_the_client_without_a_connection() {
    run_paused(async {
        for polls in 1.. {
            let (mut raw, upgrading) = asked().await;
            let opened = polled(polls, upgrading).await.map(Result::unwrap);
            raw.head().await;
            let Some(socket) = opened else {
                raw.expect_end().await;
                continue;
            };
            assert!(polls > 1, "it never waited");
            drop(socket);
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
            break;
        }
    });
}

#[test]
fn serving_that_is_given_up_closes_the_connection_that_there_is() {
    run_paused(async {
        let gone_away = plain(CLOSE, close(1001, ""));
        let answered = [plain(TEXT, "one"), plain(CLOSE, close(1000, ""))].concat();
        let may_be_heard =
            [vec![], gone_away.clone(), [plain(TEXT, "one"), gone_away].concat(), answered.clone()];
        let mut heard = Vec::new();
        for polls in 1.. {
            let (mut raw, upgrading) = asked().await;
            raw.send([masked(TEXT, "one"), masked(CLOSE, close(1000, ""))].concat()).await;
            let was_ready = polled(polls, upgrading.serve(echo)).await.map(Result::unwrap).is_some();
            raw.head().await;
            let last = raw.rest().await;
            assert!(may_be_heard.contains(&last), "{last:?} when dropped after {polls} polls");
            heard.push(last);
            if was_ready {
                break;
            }
        }
        assert_eq!(heard.last(), Some(&answered));
        heard.dedup();
        assert!(heard.len() >= 3, "dropped before, at and after the opening: {heard:?}");
    });
}
