//! Middleware of events, and listeners to everything.

use super::super::{Ack, Data, EventName, SocketIo, SocketIoConfig};
use super::client::{Client, Log, settle};
use crate::RecoveryConfig;
use crate::engine::CloseReason;

#[tokio::test]
async fn an_event_passes_the_middleware_before_its_handlers_or_not_at_all() {
    let (io, log) = (SocketIo::new(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        let (first, handled, any) = (lines.clone(), lines.clone(), lines.clone());
        socket.use_middleware(async move |_socket, EventName(name)| {
            tokio::task::yield_now().await;
            first.add(format!("first: {name}"));
            if name == "forbidden" { Err("not allowed") } else { Ok(()) }
        });
        socket.use_middleware(async move |_socket, Data(number): Data<u8>| {
            lines.add(format!("second: {number}"));
            Ok::<(), String>(())
        });
        socket.on_any(async move |_socket, EventName(name)| any.add(format!("any: {name}")));
        for event in ["allowed", "forbidden"] {
            let handled = handled.clone();
            socket.on(event, async move |_socket, Data(number): Data<u8>| {
                handled.add(format!("handled: {number}"));
                number
            });
        }
    });
    let mut client = Client::join(&io);
    client.send(r#"21["forbidden",1]"#);
    client.send(r#"22["allowed",2]"#);
    client.send(r#"23["allowed","no number"]"#);
    settle().await;
    let lines =
        ["first: forbidden", "first: allowed", "second: 2", "any: allowed", "handled: 2", "first: allowed"];
    assert_eq!(log.take(), lines);
    client.expect(&["32[2]"]);
    assert_eq!(client.end(), None);
}

#[tokio::test]
async fn a_middleware_may_answer_an_event_that_it_stops() {
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.use_middleware(|_socket, ack: Ack| async move {
            ack.send("not you").ok();
            Err("not allowed")
        });
        socket.on("a", |_socket, ()| async { "handled" });
    });
    let mut client = Client::join(&io);
    client.send(r#"21["a"]"#);
    client.expect(&[r#"31["not you"]"#]);
}

#[tokio::test]
async fn a_panic_of_a_middleware_ends_its_client() {
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.use_middleware(|_socket, Data(number): Data<u8>| async move {
            assert!(number > 1, "on purpose");
            Ok::<(), String>(())
        });
    });
    let mut client = Client::join(&io);
    client.send(r#"2["a",1]"#);
    assert_eq!(client.end(), Some(CloseReason::ForcedClose));
}

/// With recovery, every event is one of the namespace.
#[tokio::test]
async fn a_listener_sees_every_event_that_is_sent_to_its_client() {
    for recovery in [None, Some(RecoveryConfig::default())] {
        let io = SocketIo::with(SocketIoConfig { recovery, ..SocketIoConfig::default() });
        let log = Log::default();
        let lines = log.clone();
        io.on_connect(async move |socket, _auth| {
            socket.on("ask", |_socket, ()| async { "an answer" });
            socket.on_any_outgoing(move |socket, name, arguments| {
                // A listener may use its socket, since nothing is locked.
                let rooms = socket.rooms().len();
                let binary = arguments.attachments().len();
                lines.add(format!("{name} {} {binary} {rooms}", arguments.as_json()));
            });
        });
        let (mut client, _other) = (Client::join(&io), Client::join(&io));
        let socket = io.fetch_sockets().into_iter().find(|socket| client.is(socket)).expect("a socket");
        socket.emit("one \"alone\"", (1, bytes::Bytes::from_static(b"b"))).expect("valid");
        socket.volatile().emit("volatile", ()).expect("valid");
        client.received();
        io.to(socket.id()).emit("broadcast", "text").expect("valid");
        drop(tokio::spawn(socket.emit_with_ack::<()>("asked", ()).into_future()));
        client.send(r#"20["ask"]"#);
        settle().await;
        let mut lines = log.take();
        lines.retain(|line| !line.starts_with("volatile"));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(
            lines,
            [r#"one "alone" 1,{"_placeholder":true,"num":0} 1 1"#, r#"broadcast "text" 0 1"#, "asked  0 1"]
        );
    }
}

#[tokio::test]
async fn a_socket_that_leaves_still_knows_its_rooms() {
    let (io, log) = (SocketIo::new(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        socket.join("tea");
        let first = lines.clone();
        socket.on_disconnect(async move |_socket, reason| lines.add(format!("disconnect: {reason}")));
        socket.on_disconnecting(async move |socket, reason| {
            let rooms = serde_json::to_string(&socket.rooms()).expect("rooms are serializable");
            first.add(format!("disconnecting: {reason} {}", rooms.contains(r#""tea""#)));
        });
    });
    let mut client = Client::join(&io);
    client.close(CloseReason::TransportClose);
    settle().await;
    assert_eq!(log.take(), ["disconnecting: transport close true", "disconnect: transport close"]);
}
