//! The extractor, in an axum router.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::any;
use http::StatusCode;
use longwire::axum::{self as ws, WebSocketUpgrade, WebSocketUpgradeRejection};
use longwire::{By, Client, Endpoint, FrameObserver, Limits, WebSocket, connect};
use tokio::sync::oneshot;

use super::{GET, Host};
use crate::support::{CLOSE, Frame, PING, PONG, TEXT, close, echo, end, masked, run, upgrade_request};

async fn echoing(upgrade: WebSocketUpgrade) -> Response {
    // An individual setting takes precedence over `limits`, in either order.
    upgrade.protocols(["chat.v2"]).max_message_size(1000).limits(Limits::default()).serve(echo)
}

#[test]
fn a_handler_echoes() {
    run(async {
        let host = Host::axum(Router::new().route("/echo", any(echoing))).await;
        let client = Client::new().subprotocols(["chat.v1", "chat.v2"]);
        let mut socket = client.connect(host.url("/echo?x=1")).await.unwrap();
        assert_eq!(socket.subprotocol(), Some("chat.v2"));
        assert!(socket.extensions().starts_with("permessage-deflate"), "{}", socket.extensions());
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), "hello");
        assert_eq!(end(&socket.close(1000, "").await.unwrap()), (1000, "", By::Local, true));
    });
}

#[test]
fn what_came_with_the_request_is_not_lost() {
    run(async {
        let host = Host::axum(Router::new().route("/", any(echoing))).await;
        let mut raw = host.raw().await;
        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one"), &masked(TEXT, "t")[..3]].concat())
            .await;
        let head = raw.head().await.to_lowercase();
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        raw.send(&masked(TEXT, "t")[3..]).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "t"));
    });
}

#[test]
fn limits_hold() {
    run(async {
        let host = Host::axum(Router::new().route("/", any(echoing))).await;
        let mut socket = connect(host.url("/")).await.unwrap();
        socket.send("x".repeat(1001)).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!((socket.closed().code.get(), socket.closed().by), (1009, By::Peer));
    });
}

#[test]
fn the_end_of_the_handler_is_told_by_a_close_code() {
    run(async {
        let done = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(|_| async {});
        let failing =
            async |upgrade: WebSocketUpgrade| upgrade.serve(|_| async { Err("the database is down".into()) });
        let router = Router::new().route("/done", any(done)).route("/failing", any(failing));
        let host = Host::axum(router).await;
        for (target, code) in [("/done", 1000), ("/failing", 1011)] {
            let mut socket = connect(host.url(target)).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), None);
            assert_eq!((socket.closed().code.get(), socket.closed().clean), (code, true), "{target}");
        }
    });
}

#[test]
fn what_is_no_good_request_is_refused() {
    run(async {
        let host = Host::axum(Router::new().route("/", any(echoing))).await;
        host.refuses_what_it_should().await;
        let (line, text) = host.ask(GET).await;
        assert_eq!(line, "http/1.1 426 upgrade required");
        assert!(text.contains("needs Upgrade: websocket"), "{text}");
    });
}

#[test]
fn other_origins_can_be_let_in() {
    run(async {
        let some = async |upgrade: WebSocketUpgrade| upgrade.origins(["https://a.example"]).serve(echo);
        let every = async |upgrade: WebSocketUpgrade| upgrade.any_origin().serve(echo);
        let shared = Endpoint::new().origins(["https://a.example"]).limits(Limits::default().message(1000));
        let by_acceptor = move |upgrade: WebSocketUpgrade| {
            let shared = shared.clone();
            async move { upgrade.endpoint(shared).serve(echo) }
        };
        let wrong = async |upgrade: WebSocketUpgrade| upgrade.origins(["a.example"]).serve(echo);
        let router = Router::new()
            .route("/some", any(some))
            .route("/every", any(every))
            .route("/shared", any(by_acceptor))
            .route("/wrong", any(wrong));
        let host = Host::axum(router).await;
        for (target, origin, status) in [
            ("/some", "https://a.example", "101 switching protocols"),
            ("/some", "https://b.example", "403 forbidden"),
            ("/every", "https://b.example", "101 switching protocols"),
            ("/shared", "https://a.example", "101 switching protocols"),
            ("/shared", "https://b.example", "403 forbidden"),
            ("/wrong", "https://a.example", "500 internal server error"),
        ] {
            let request = upgrade_request(&format!("Origin: {origin}\r\n"));
            let (line, _) = host.ask(request.replace("GET /", &format!("GET {target}"))).await;
            assert_eq!(line, format!("http/1.1 {status}"), "{target} {origin}");
        }
    });
}

#[test]
fn the_handler_knows_what_was_asked_for() {
    run(async {
        let telling = async |upgrade: WebSocketUpgrade| {
            let offered: Vec<String> =
                upgrade.requested_protocols().map(|name| name.to_str().unwrap().to_owned()).collect();
            let upgrade = upgrade.peer_addr(([192, 0, 2, 1], 7).into()).deflate(None);
            upgrade.serve(async move |mut socket: WebSocket| {
                let text = format!("{} {:?} {:?}", socket.uri(), socket.peer_addr().unwrap(), offered);
                Ok(socket.send(text).await?)
            })
        };
        let host = Host::axum(Router::new().route("/room", any(telling))).await;
        let mut socket = Client::new().subprotocols(["a", "b"]).connect(host.url("/room?x=1")).await.unwrap();
        assert_eq!((socket.subprotocol(), socket.extensions()), (None, ""));
        let told = socket.recv().await.unwrap().unwrap().to_string();
        assert_eq!(told, r#"/room?x=1 192.0.2.1:7 ["a", "b"]"#);
    });
}

#[test]
fn longwires_own_connection_gives_what_was_not_received_yet() {
    run(async {
        let unwrapping = async |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async |mut socket| {
                assert_eq!(socket.recv().await.unwrap().unwrap(), ws::Message::Ping("p".into()));
                assert_eq!(socket.get_ref().uri().path(), "/");
                echo(socket.into_inner()).await.unwrap();
            })
        };
        let host = Host::axum(Router::new().route("/", any(unwrapping))).await;
        let mut raw = host.raw().await;
        raw.send(upgrade_request("")).await;
        raw.head().await;
        raw.send([masked(PING, "p"), masked(TEXT, "behind it")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "p"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "behind it"));
    });
}

#[test]
fn the_terms_of_an_acceptor_hold_beside_those_of_axum() {
    run(async {
        let pings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&pings);
        let observer = FrameObserver::new(move |frame| {
            counted.fetch_add(usize::from(frame.control_payload == b"p"), Ordering::Relaxed);
        });
        let endpoint = Endpoint::new().observer(observer).subprotocols(["chat.v2"]);
        let handler = move |upgrade: WebSocketUpgrade| {
            let upgrade = upgrade.endpoint(endpoint.clone());
            assert_eq!(upgrade.selected_protocol().unwrap(), "chat.v2");
            async move {
                upgrade.on_upgrade(async |mut socket| {
                    let ping = socket.recv().await.unwrap().unwrap();
                    socket.send(ping.to_text().unwrap().into()).await.unwrap();
                })
            }
        };
        let host = Host::axum(Router::new().route("/", any(handler))).await;
        let mut raw = host.raw().await;
        raw.send(upgrade_request("Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n")).await;
        assert!(raw.head().await.to_lowercase().contains("sec-websocket-protocol: chat.v2"));
        raw.send(masked(PING, "p")).await;
        assert_eq!([raw.frame().await, raw.frame().await], [Frame::new(PONG, "p"), Frame::new(TEXT, "p")]);
        assert_eq!(pings.load(Ordering::Relaxed), 2, "the ping and its pong");
    });
}

/// A client that leaves between its request and the response.
#[test]
fn a_client_that_leaves_too_early_is_told_of() {
    run(async {
        let (arrived, has_arrived) = oneshot::channel::<()>();
        let (failed, has_failed) = oneshot::channel();
        let channels = Arc::new(Mutex::new(Some((arrived, failed))));
        let slow = move |upgrade: WebSocketUpgrade| {
            let (arrived, failed) = channels.lock().unwrap().take().unwrap();
            let upgrade =
                upgrade.on_failed_upgrade(|error: axum::Error| failed.send(error.to_string()).unwrap());
            let response = upgrade.on_upgrade(async |_| {});
            async move {
                arrived.send(()).unwrap();
                // The client leaves, and the HTTP server drops this future.
                std::future::pending::<()>().await;
                response
            }
        };
        let host = Host::axum(Router::new().route("/", any(slow))).await;
        let mut raw = host.raw().await;
        raw.send(upgrade_request("")).await;
        has_arrived.await.unwrap();
        drop(raw);
        let error = has_failed.await.unwrap();
        assert!(error.starts_with("cannot take the connection over from HTTP: "), "{error}");
    });
}

#[test]
fn http_2_is_refused_in_words() {
    run(async {
        let request = http::Request::builder().method("CONNECT").uri("https://example.com/socket");
        let (mut parts, ()) = request.version(http::Version::HTTP_2).body(()).unwrap().into_parts();
        let rejection: WebSocketUpgradeRejection =
            WebSocketUpgrade::from_request_parts(&mut parts, &()).await.unwrap_err();
        assert_eq!(rejection.refusal().status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        assert!(rejection.to_string().contains("HTTP/1.1 only"), "{rejection}");
        assert_eq!(parts.uri.path(), "/socket", "the request is whole for other extractors");
    });
}

#[test]
fn the_peer_may_close_it() {
    run(async {
        let host = Host::axum(Router::new().route("/", any(echoing))).await;
        let mut raw = host.raw().await;
        raw.send(upgrade_request("")).await;
        raw.head().await;
        raw.send(masked(CLOSE, close(1000, "bye"))).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "bye")));
        raw.expect_end().await;
    });
}
