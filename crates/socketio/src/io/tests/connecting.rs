//! Joining and leaving namespaces.

use std::time::Duration;

use tokio::sync::Notify;

use super::super::{ConnectError, SocketIo, SocketIoConfig};
use super::client::{Client, Log, log_ends, settle};
use crate::engine::CloseReason;

/// "The server MUST respond with either: a `CONNECT` packet if the connection is successful, with the session ID in the payload,
/// or a `CONNECT_ERROR` packet if the connection is not allowed."
#[tokio::test]
async fn a_client_gets_an_identifier_or_a_reason() {
    let io = SocketIo::new();
    io.of("/admin").use_middleware(|_socket, auth| async move {
        #[derive(serde::Deserialize)]
        struct Login {
            token: String,
        }
        let Login { token } = auth.parse().map_err(|_| "a token is required")?;
        match token.as_str() {
            "123" => Ok(()),
            _ => Err(ConnectError::new("Not authorized").data(("wrong", token))),
        }
    });
    let mut client = Client::open(&io);
    client.send("0");
    let sid = client.connected()["sid"].as_str().expect("an identifier").to_owned();
    assert_eq!(sid.len(), 20);
    assert_eq!(io.fetch_sockets().iter().map(|socket| socket.id().to_string()).collect::<Vec<_>>(), [sid]);
    client.send("0/admin,");
    client.expect(&[r#"4/admin,{"message":"a token is required"}"#]);
    client.send(r#"0/admin,{"token":"x"}"#);
    client.expect(&[r#"4/admin,{"data":["wrong","x"],"message":"Not authorized"}"#]);
    client.send(r#"0/admin,{"token":"123"}"#);
    assert!(client.received_text().starts_with(r#"0/admin,{"sid":""#));
    client.send("0/random");
    client.expect(&[r#"4/random,{"message":"Invalid namespace"}"#]);
    assert_eq!(client.end(), None);
}

/// "If the server does not receive a `CONNECT` packet first, then it MUST close the connection immediately."
#[tokio::test]
async fn a_client_that_does_not_connect_first_is_closed() {
    let io = SocketIo::new();
    for first in [r#"2["foo"]"#, "31[]", "1", r#"2/admin,["foo"]"#] {
        let mut client = Client::open(&io);
        client.send(first);
        assert_eq!(client.end(), Some(CloseReason::ForcedClose), "{first}");
    }
    let mut client = Client::open(&io);
    client.send("4abc");
    assert_eq!(client.end(), Some(CloseReason::ParseError));
}

/// "At the beginning of a Socket.IO session, the client MUST send a `CONNECT` packet."
#[tokio::test(start_paused = true)]
async fn a_client_that_joins_nothing_is_closed_after_a_time() {
    let io = SocketIo::new();
    let ends = log_ends(&io);
    let (silent, mut refused, mut joined) = (Client::open(&io), Client::open(&io), Client::join(&io));
    refused.send("0/unknown");
    tokio::time::sleep(Duration::from_secs(44)).await;
    assert_eq!((silent.end(), refused.end()), (None, None));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        (silent.end(), refused.end()),
        (Some(CloseReason::ForcedClose), Some(CloseReason::ForcedClose))
    );
    assert_eq!(joined.end(), None);
    joined.send(r#"2["still here"]"#);
    assert!(ends.take().is_empty());
}

#[tokio::test]
async fn a_client_joins_several_namespaces_and_leaves_one() {
    let io = SocketIo::new();
    let log = Log::default();
    for name in ["/", "custom"] {
        let log = log.clone();
        io.of(name).on_connect(async move |socket, _auth| {
            let ends = log.clone();
            socket
                .on("message", async move |socket, ()| log.add(format!("message in {}", socket.namespace())));
            socket.on_disconnect(async move |socket, reason| {
                ends.add(format!("{} has ended: {reason}", socket.namespace()));
            });
        });
    }
    let mut client = Client::join(&io);
    client.send("0/custom,");
    client.send("1/custom,");
    client.send(r#"2["message"]"#);
    settle().await;
    let mut lines = log.take();
    lines.sort();
    assert_eq!(lines, ["/custom has ended: client namespace disconnect", "message in /"]);
    assert_eq!(client.end(), None);
    // Nothing is left of it: another event for it breaks the rules.
    assert!(io.of("/custom").fetch_sockets().is_empty());
    client.send(r#"2/custom,["message"]"#);
    assert_eq!(client.end(), Some(CloseReason::ForcedClose));
    settle().await;
    assert_eq!(log.take(), ["/ has ended: forced server close"]);
}

#[tokio::test]
async fn sockets_learn_why_they_end() {
    let io = SocketIo::new();
    let log = log_ends(&io);
    for (reason, text) in [
        (CloseReason::TransportClose, "transport close"),
        (CloseReason::TransportError, "transport error"),
        (CloseReason::PingTimeout, "ping timeout"),
        (CloseReason::ServerShuttingDown, "server shutting down"),
        (CloseReason::ForcedClose, "forced close"),
        (CloseReason::TooSlow, "transport error"),
    ] {
        Client::join(&io).close(reason);
        settle().await;
        assert_eq!(log.take(), [text]);
    }
    let mut client = Client::join(&io);
    client.send("2{");
    settle().await;
    assert_eq!((log.take(), client.end()), (vec!["parse error".to_owned()], Some(CloseReason::ParseError)));
    client.close(CloseReason::ParseError);
    settle().await;
    assert!(log.take().is_empty(), "once");
    assert!(io.fetch_sockets().is_empty());
}

#[tokio::test]
async fn the_server_disconnects() {
    let io = SocketIo::new();
    let log = log_ends(&io);
    let mut client = Client::join(&io);
    io.disconnect_sockets();
    settle().await;
    client.expect(&["1"]);
    assert_eq!(log.take(), ["server namespace disconnect"]);
    // What crossed the packet is ignored, and the client may come back.
    client.send(r#"2["late"]"#);
    client.send("31[]");
    client.send("1");
    assert_eq!(client.end(), None);
    client.send("0");
    assert!(client.received_text().starts_with("0{"));
    io.close_clients();
    settle().await;
    assert_eq!((client.received_text(), client.end()), ("1".to_owned(), Some(CloseReason::ForcedClose)));
    assert_eq!(log.take(), ["server namespace disconnect"]);
}

#[tokio::test]
async fn the_middleware_may_wait_and_what_it_stores_is_there() {
    let io = SocketIo::new();
    let gate = std::sync::Arc::new(Notify::new());
    let opened = gate.clone();
    io.use_middleware(async move |socket, _auth| {
        opened.notified().await;
        socket.insert(String::from("Ann"));
        socket.join("early");
        Ok(())
    });
    io.on_connect(|socket, _auth| async move {
        socket.emit("hello", socket.get::<String>().as_deref()).ok();
    });
    let mut client = Client::open(&io);
    client.send("0");
    settle().await;
    client.expect(&[]);
    assert!(io.fetch_sockets().is_empty(), "not before it is let in");
    gate.notify_one();
    settle().await;
    let received = client.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[1], r#"2["hello","Ann"]"#);
    assert_eq!(io.to("early").fetch_sockets().len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_while_the_middleware_decides_is_not_let_in() {
    let io = SocketIo::new();
    let gate = std::sync::Arc::new(Notify::new());
    let opened = gate.clone();
    let log = log_ends(&io);
    io.use_middleware(async move |socket, _auth| {
        socket.join("early");
        opened.notified().await;
        Ok(())
    });
    let mut client = Client::open(&io);
    client.send("0");
    client.close(CloseReason::TransportClose);
    gate.notify_one();
    settle().await;
    client.expect(&[]);
    assert!(io.to("early").fetch_sockets().is_empty() && log.take().is_empty());
}

#[tokio::test]
async fn a_namespace_is_joined_once_and_their_number_is_bounded() {
    let config = SocketIoConfig { namespaces: 2, ..SocketIoConfig::default() };
    let io = SocketIo::with(config);
    let (mut twice, mut many) = (Client::join(&io), Client::join(&io));
    twice.send("0");
    assert_eq!(twice.end(), Some(CloseReason::ForcedClose));
    io.of("/a").on_connect(|_socket, _auth| async {});
    io.of("/b").on_connect(|_socket, _auth| async {});
    many.send("0/a,");
    assert_eq!(many.end(), None);
    many.send("0/b,");
    assert_eq!(many.end(), Some(CloseReason::ForcedClose));
}
