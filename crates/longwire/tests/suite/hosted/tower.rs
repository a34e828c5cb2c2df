//! The layer, around an axum router.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::routing::{any, get};
use axum::{Extension, Router};
use http::{StatusCode, Version};
use http_body_util::BodyExt;
use longwire::tower::WebSocketLayer;
use longwire::{Client, Endpoint, WebSocket, connect};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use super::{GET, Host};
use crate::support::{Frame, TEXT, echo, masked, polled, run, settle, upgrade_request};

fn router(layer: WebSocketLayer) -> Router {
    let router = Router::new().route("/", get("a page")).route("/other", any("another page"));
    // With a fallback, so that the layer also covers paths without a route.
    router.fallback(async || (StatusCode::NOT_FOUND, "nothing here")).layer(layer)
}

#[test]
fn requests_for_a_websocket_are_answered_and_others_passed_on() {
    run(async {
        let host = Host::axum(router(WebSocketLayer::new(echo))).await;
        assert_eq!(host.ask(GET).await, ("http/1.1 200 ok".into(), "a page".into()));
        let mut socket = connect(host.url("/anywhere")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), "hello");
        host.refuses_what_it_should().await;
    });
}

#[test]
fn one_connection_may_ask_for_a_page_first() {
    run(async {
        let host = Host::axum(router(WebSocketLayer::new(echo))).await;
        let mut raw = host.raw().await;
        raw.send(GET).await;
        raw.head().await;
        raw.expect("a page").await;
        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one")].concat()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
    });
}

#[test]
fn a_path_or_a_condition_says_which_requests_are_meant() {
    run(async {
        let host = Host::axum(router(WebSocketLayer::new(echo).path("/socket"))).await;
        connect(host.url("/socket?x=1")).await.unwrap();
        let elsewhere = upgrade_request("").replace("GET /", "GET /other");
        assert_eq!(host.ask(elsewhere).await, ("http/1.1 200 ok".into(), "another page".into()));

        let asks = |request: &http::Request<()>| request.headers().contains_key("x-live");
        let host = Host::axum(router(WebSocketLayer::new(echo).when(asks))).await;
        Client::new().header("x-live", "1").connect(host.url("/")).await.unwrap();
        assert_eq!(host.ask(upgrade_request("")).await.0, "http/1.1 200 ok");
    });
}

#[test]
fn the_acceptor_sets_the_terms() {
    run(async {
        let endpoint = Endpoint::new().origins(["https://a.example"]).subprotocols(["chat"]);
        let host = Host::axum(router(WebSocketLayer::new(echo).endpoint(endpoint))).await;
        let request = upgrade_request("Origin: https://a.example\r\nSec-WebSocket-Protocol: chat\r\n");
        let mut raw = host.raw().await;
        raw.send(request).await;
        let head = raw.head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-protocol: chat"), "{head}");
        host.refuses_what_it_should().await;
    });
}

#[derive(Clone)]
struct User(&'static str);

#[test]
fn what_other_layers_know_of_the_request_the_handler_knows() {
    run(async {
        let sockets = WebSocketLayer::new(async |mut socket: WebSocket| {
            let user = socket.attached::<User>().map_or("nobody", |user| user.0);
            Ok(socket.send(user).await?)
        });
        let layers = ServiceBuilder::new().layer(Extension(User("ada"))).layer(sockets);
        let host = Host::axum(Router::new().route("/", get("a page")).layer(layers)).await;
        let mut socket = connect(host.url("/")).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), "ada");
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(socket.closed().code.get(), 1000);
    });
}

#[test]
fn the_address_of_the_client_is_in_connect_info() {
    run(async {
        let sockets = WebSocketLayer::new(async |mut socket: WebSocket| {
            assert_eq!(socket.peer_addr(), None);
            let ConnectInfo(addr) = socket.attached::<ConnectInfo<SocketAddr>>().unwrap();
            Ok(socket.send(addr.to_string()).await?)
        });
        let router = Router::new().route("/", get("a page")).layer(sockets);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, service).await });
        let mut socket = connect(url).await.unwrap();
        let told: SocketAddr = socket.recv().await.unwrap().unwrap().to_string().parse().unwrap();
        assert!(told.ip().is_loopback(), "{told}");
    });
}

#[test]
fn http_2_is_refused_in_words() {
    run(async {
        let below =
            service_fn(async |_: http::Request<()>| -> Result<http::Response<String>, longwire::Error> {
                Ok(http::Response::new("below".to_owned()))
            });
        let mut service = ServiceBuilder::new().layer(WebSocketLayer::new(echo)).service(below);
        let request = |uri: &str| {
            let request = http::Request::builder().method("CONNECT").uri(uri).version(Version::HTTP_2);
            request.body(()).unwrap()
        };
        let extended = request("https://example.com/socket");
        let answer = service.ready().await.unwrap().call(extended).await.unwrap();
        assert_eq!(answer.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(text.starts_with(b"WebSockets are served over HTTP/1.1 only"), "{text:?}");

        // The CONNECT of a proxy, which has no path, passes through the layer.
        let answer = service.ready().await.unwrap().call(request("example.com:443")).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "below");
    });
}

#[test]
fn an_answer_that_is_given_up_takes_the_one_below_with_it() {
    run(async {
        let held = Arc::new(());
        let begun = Arc::clone(&held);
        let below = service_fn(move |_: http::Request<()>| {
            let begun = Arc::clone(&begun);
            async move {
                let _begun = begun;
                for _ in 0..3 {
                    yield_now().await;
                }
                Ok::<_, Infallible>(http::Response::new(String::new()))
            }
        });
        let mut service = ServiceBuilder::new().layer(WebSocketLayer::new(echo)).service(below);
        for polls in 1.. {
            let request = http::Request::new(());
            let answer = polled(polls, service.ready().await.unwrap().call(request)).await;
            assert_eq!(Arc::strong_count(&held), 2, "after {polls} polls the answer below is still there");
            if answer.is_some() {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}

#[test]
fn a_client_whose_answer_is_given_up_is_left_without_a_websocket() {
    run(async {
        let below = service_fn(async |_: axum::extract::Request| {
            Ok::<_, Infallible>(http::Response::new(axum::body::Body::empty()))
        });
        let (opened, mut told) = tokio::sync::mpsc::channel(1);
        let sockets = WebSocketLayer::new(move |_: WebSocket| {
            let opened = opened.clone();
            async move {
                opened.send(()).await.unwrap();
                Ok(())
            }
        });
        let service = ServiceBuilder::new().layer(sockets).service(below);
        let giving_up = move |request: axum::extract::Request| {
            drop(service.clone().call(request));
            async { Ok::<_, Infallible>(StatusCode::SERVICE_UNAVAILABLE) }
        };
        let host = Host::axum(Router::new().route_service("/", service_fn(giving_up))).await;
        assert_eq!(host.ask(upgrade_request("")).await.0, "http/1.1 503 service unavailable");
        // The client has left, so the fate of its connection is decided.
        settle().await;
        assert!(told.try_recv().is_err(), "a handler was run");
    });
}
