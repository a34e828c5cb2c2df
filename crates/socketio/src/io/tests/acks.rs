//! Acknowledgements, both ways.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;

use super::super::{Ack, AckError, Data, EmitWithAck, HandlerResult, Reply, SocketIo, SocketIoConfig};
use super::client::{Client, Log, settle};
use crate::Socket;
use crate::engine::CloseReason;

/// "The receiver MUST respond with an `ACK` packet with the same event ID."
#[tokio::test]
async fn what_a_handler_returns_is_the_acknowledgement() {
    #[derive(serde::Serialize)]
    struct Status {
        users: u8,
    }
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.on("nothing", |_socket, ()| async {});
        socket.on("sum", |_socket, Data((a, b)): Data<(i64, i64)>| async move { a + b });
        socket.on("two", |_socket, ()| async { ("a", 1) });
        socket.on("status", |_socket, ()| async { Reply(Status { users: 3 }) });
        socket.on("half", |_socket, Data(bytes): Data<Bytes>| async move { bytes.slice(..bytes.len() / 2) });
        socket.on("parse", |_socket, Data(text): Data<String>| async move {
            HandlerResult::Ok(text.parse::<u8>()?)
        });
        socket.on("early", |_socket, ack: Ack| async move {
            ack.send("early").ok();
        });
    });
    let mut client = Client::join(&io);
    for (sent, expected) in [
        (r#"212["nothing"]"#, "312[]"),
        (r#"213["sum",2,3]"#, "313[5]"),
        (r#"214["two"]"#, r#"314["a",1]"#),
        (r#"215["status"]"#, r#"315[{"users":3}]"#),
        (r#"216["parse","8"]"#, "316[8]"),
        (r#"217["early"]"#, r#"317["early"]"#),
        // Nobody waits for an answer, the handler failed, the arguments do not fit, or there is no handler.
        (r#"2["sum",2,3]"#, ""),
        (r#"218["parse","x"]"#, ""),
        (r#"219["sum","x"]"#, ""),
        (r#"220["unknown"]"#, ""),
    ] {
        client.send(sent);
        settle().await;
        assert_eq!(client.received_text(), expected, "{sent}");
    }
    client.send(r#"51-21["half",{"_placeholder":true,"num":0}]"#);
    client.send_binary(&[1, 2, 3, 4]);
    client.expect(&[r#"61-21[{"_placeholder":true,"num":0}]"#, "[1, 2]"]);
}

#[tokio::test]
async fn an_event_is_acknowledged_once() {
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.on("a", |_socket, ack: Ack| async move {
            tokio::task::yield_now().await;
            ack.send(1).ok();
        });
        socket.on("a", |_socket, ()| async { 2 });
    });
    let mut client = Client::join(&io);
    client.send(r#"25["a"]"#);
    settle().await;
    client.expect(&["35[1]"]);
}

/// Runs `ask` when the client joins, and logs the result.
fn ask<T>(io: &SocketIo, log: &Log, ask: impl Fn(&Socket) -> EmitWithAck<T> + Clone + Send + Sync + 'static)
where
    T: serde::de::DeserializeOwned + std::fmt::Debug + 'static,
{
    let log = log.clone();
    io.on_connect(async move |socket, _auth| {
        let answer = ask(&socket).await;
        log.add(format!("{answer:?}"));
    });
}

#[tokio::test(start_paused = true)]
async fn the_client_acknowledges() {
    let (io, log) = (SocketIo::new(), Log::default());
    ask(&io, &log, |socket| socket.emit_with_ack::<(String, Bytes)>("who?", "you"));
    let mut client = Client::open(&io);
    client.send("0");
    settle().await;
    assert_eq!(client.received().last().map(String::as_str), Some(r#"20["who?","you"]"#));
    // Other numbers, and second answers, are ignored.
    client.send("37[]");
    client.send(r#"61-0["Ann",{"_placeholder":true,"num":0}]"#);
    client.send_binary(&[1]);
    client.send("30[]");
    settle().await;
    assert_eq!(log.take(), [r#"Ok(("Ann", b"\x01"))"#]);
    assert_eq!(client.end(), None);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_does_not_come_is_forgotten() {
    let (io, log) = (SocketIo::new(), Log::default());
    ask(&io, &log, |socket| socket.emit_with_ack::<()>("who?", ()).timeout(Duration::from_secs(3)));
    let mut client = Client::join(&io);
    tokio::time::sleep(Duration::from_millis(2_999)).await;
    assert!(log.take().is_empty());
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(log.take(), ["Err(Timeout)"]);
    client.send("30[]");
    assert_eq!(client.end(), None);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_ends_with_its_client() {
    let (io, log) = (SocketIo::new(), Log::default());
    ask(&io, &log, |socket| socket.emit_with_ack::<()>("who?", ()));
    let mut client = Client::join(&io);
    client.close(CloseReason::TransportClose);
    settle().await;
    assert_eq!(log.take(), ["Err(Disconnected)"]);
}

#[tokio::test(start_paused = true)]
async fn awaited_acknowledgements_are_bounded() {
    let config = SocketIoConfig { waiting_acks: 2, ..SocketIoConfig::default() };
    let io = SocketIo::with(config);
    let client = Client::join(&io);
    let socket = io.fetch_sockets().pop().expect("a socket");
    let ask = |socket: &Socket| tokio::spawn(socket.emit_with_ack::<()>("a", ()).into_future());
    let (first, _second) = (ask(&socket), ask(&socket));
    settle().await;
    assert!(matches!(socket.emit_with_ack::<()>("a", ()).await, Err(AckError::TooMany)));
    // A call that is dropped gives its place back.
    first.abort();
    settle().await;
    let _third = ask(&socket);
    settle().await;
    client.expect(&[r#"20["a"]"#, r#"21["a"]"#, r#"23["a"]"#]);
}

/// The number of the question that a client has got.
fn asked_id(client: &Client) -> Option<String> {
    let received = client.received_text();
    let (id, _) = received.strip_prefix('2')?.split_once('[')?;
    Some(id.to_owned())
}

/// The answers of a question to all, or why they are missing.
async fn ask_all(io: &SocketIo, room: &str) -> (Vec<u8>, Vec<String>) {
    let asked = io.to(room).timeout(Duration::from_secs(5)).emit_with_ack::<u8>("how many?", ());
    let answers = asked.await.expect("valid");
    let mut numbers: Vec<u8> = answers.answers.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    let mut missing: Vec<String> = answers.missing.iter().map(|(_, why)| format!("{why:?}")).collect();
    missing.sort_unstable();
    (numbers, missing)
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_returns_the_answers_of_all() {
    let io = SocketIo::new();
    let mut clients: Vec<Client> = (0..3).map(|_| Client::join(&io)).collect();
    io.fetch_sockets().iter().take(2).for_each(|socket| socket.join("two"));
    let asking = tokio::spawn(async move { ask_all(&io, "two").await });
    settle().await;
    let mut number = 0;
    for client in &mut clients {
        if let Some(id) = asked_id(client) {
            number += 1;
            client.send(&format!("3{id}[{number}]"));
        }
    }
    assert_eq!(asking.await.expect("no panic"), (vec![1, 2], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_tells_who_has_not_answered_and_why() {
    let config = SocketIoConfig { waiting_acks: 1, ..SocketIoConfig::default() };
    let io = SocketIo::with(config);
    let mut clients: Vec<Client> = (0..5).map(|_| Client::join(&io)).collect();
    let sockets = io.fetch_sockets();
    sockets.iter().for_each(|socket| socket.join("all"));
    let busy = sockets.iter().find(|socket| clients[0].is(socket)).expect("a socket").clone();
    let _earlier = tokio::spawn(busy.emit_with_ack::<()>("earlier", ()).into_future());
    settle().await;
    let server = io.clone();
    let asking = tokio::spawn(async move { ask_all(&server, "all").await });
    settle().await;
    let id = asked_id(&clients[1]).expect("a question");
    clients[1].send(&format!("3{id}[7]"));
    clients[2].send(&format!(r#"3{id}["seven"]"#));
    clients[3].close(CloseReason::TransportClose);
    let (numbers, missing) = asking.await.expect("no panic");
    assert_eq!(numbers, [7]);
    assert_eq!(missing.len(), 4);
    let reasons: Vec<&str> = missing.iter().map(|why| why.split('(').next().unwrap_or_default()).collect();
    assert_eq!(reasons, ["Arguments", "Disconnected", "Timeout", "TooMany"]);
    // Nothing of the question is left: each may be asked again.
    clients.remove(3);
    clients.remove(0);
    clients.iter().for_each(|client| drop(client.received()));
    let asking = tokio::spawn(async move { ask_all(&io, "all").await });
    settle().await;
    for client in &mut clients {
        let id = asked_id(client).expect("a question");
        client.send(&format!("3{id}[1]"));
    }
    assert_eq!(asking.await.expect("no panic"), (vec![1, 1, 1], vec!["TooMany".to_owned()]));
}
