//! The upgrade function, in a hyper service.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use longwire::{By, Endpoint, Refusal, connect, is_upgrade};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{GET, Host};
use crate::support::{Frame, TEXT, echo, end, masked, run, upgrade_request};

/// A server that opens a WebSocket on every request, and the results of its connections.
async fn host(endpoint: Endpoint) -> (Host, mpsc::UnboundedReceiver<longwire::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (ended, ends) = mpsc::unbounded_channel();
    let answer = move |mut request: Request<Incoming>| {
        let (endpoint, ended) = (endpoint.clone(), ended.clone());
        async move {
            if !is_upgrade(&request) {
                return Ok(Response::new("a page".into()));
            }
            let accepted = endpoint.upgrade(&mut request).map(|(response, upgrading)| {
                tokio::spawn(async move {
                    ended.send(upgrading.attach(7u32).peer_addr(addr).serve(checked).await)
                });
                response.map(|()| Full::default())
            });
            let refused = |refusal: Refusal| refusal.response().map(|text| Full::new(Bytes::from(text)));
            Ok::<Response<Full<Bytes>>, Infallible>(accepted.unwrap_or_else(refused))
        }
    };
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer.clone()));
            tokio::spawn(serving.with_upgrades());
        }
    });
    (Host { addr }, ends)
}

async fn checked(socket: longwire::WebSocket) -> longwire::HandlerResult {
    assert_eq!(socket.attached::<u32>(), Some(&7));
    assert!(socket.peer_addr().is_some());
    echo(socket).await
}

#[test]
fn a_request_of_hyper_is_upgraded() {
    run(async {
        let (host, mut ends) = host(Endpoint::new()).await;
        let mut socket = connect(host.url("/")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), "hello");
        assert_eq!(end(&socket.close(1000, "").await.unwrap()), (1000, "", By::Local, true));
        ends.recv().await.unwrap().unwrap();
    });
}

#[test]
fn what_asks_for_no_websocket_gets_a_page() {
    run(async {
        let (host, _ends) = host(Endpoint::new()).await;
        assert_eq!(host.ask(GET).await, ("http/1.1 200 ok".into(), "a page".into()));
    });
}

/// These bytes are in hyper's buffer when hyper returns the transport.
#[test]
fn what_came_with_the_request_is_not_lost() {
    run(async {
        let (host, _ends) = host(Endpoint::new()).await;
        let mut raw = host.raw().await;
        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one")].concat()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        raw.send(masked(TEXT, "two")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));
    });
}

#[test]
fn what_is_no_good_request_is_refused() {
    run(async {
        let (host, _ends) = host(Endpoint::new()).await;
        host.refuses_what_it_should().await;
    });
}

#[test]
fn a_request_without_a_connection_under_it_is_the_servers_mistake() {
    let mut request = Request::builder()
        .header("host", "example.com")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    assert_eq!(longwire::upgrade(&mut request).unwrap_err().status(), 500);
}
