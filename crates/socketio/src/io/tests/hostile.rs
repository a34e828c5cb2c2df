//! Clients that try to make the server keep more than they should.

use std::time::Duration;

use super::super::SocketIo;
use super::client::{Client, log_ends, settle};
use crate::Arguments;
use crate::engine::CloseReason;

#[tokio::test]
async fn unlimited_attachments() {
    let io = SocketIo::new();
    let ends = log_ends(&io);
    let mut client = Client::join(&io);
    client.send(r#"54000000000-["a"]"#);
    assert_eq!(client.end(), Some(CloseReason::ParseError));
    let mut client = Client::join(&io);
    client.send(r#"510-["a"]"#);
    for _ in 0..10 {
        client.send_binary(&vec![0; 900_000]);
    }
    assert_eq!(client.end(), Some(CloseReason::ParseError), "8 MiB are the most");
    settle().await;
    assert_eq!(ends.take(), ["parse error", "parse error"]);
}

#[tokio::test(start_paused = true)]
async fn attachments_that_never_come() {
    let io = SocketIo::new();
    let ends = log_ends(&io);
    let (mut slow, mut quick) = (Client::join(&io), Client::join(&io));
    for client in [&mut slow, &mut quick] {
        client.send(r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        client.send_binary(&[1]);
    }
    tokio::time::sleep(Duration::from_secs(29)).await;
    quick.send_binary(&[2]);
    assert_eq!((slow.end(), quick.end()), (None, None));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((slow.end(), quick.end()), (Some(CloseReason::ParseError), None));
    assert_eq!(ends.take(), ["parse error"]);
}

#[tokio::test]
async fn one_attachment_with_many_placeholders() {
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.on("typed", |_socket, crate::Data(parts): crate::Data<Vec<bytes::Bytes>>| async move {
            parts.len()
        });
        socket.on("raw", |_socket, arguments: Arguments| async move { arguments.attachments().len() });
    });
    let mut client = Client::join(&io);
    let many = vec![r#"{"_placeholder":true,"num":0}"#; 10_000].join(",");
    for (event, answer) in [("typed", ""), ("raw", "31[1]")] {
        client.send(&format!(r#"51-1["{event}",[{many}]]"#));
        client.send_binary(&vec![0; 900_000]);
        assert_eq!(client.received_text(), answer);
    }
    assert_eq!(client.end(), None);
}

#[tokio::test]
async fn deep_json() {
    let io = SocketIo::new();
    for packet in [format!("2[\"a\",{}", "[".repeat(900_000)), format!("0{}", r#"{"a":"#.repeat(100_000))] {
        let mut client = Client::open(&io);
        client.send("0");
        client.send(&packet);
        assert_eq!(client.end(), Some(CloseReason::ParseError));
    }
}

#[tokio::test]
async fn ten_thousand_namespaces() {
    let io = SocketIo::new();
    let mut client = Client::join(&io);
    for number in 0..10_000 {
        client.send(&format!("0/{number},"));
        client.expect(&[&format!(r#"4/{number},{{"message":"Invalid namespace"}}"#)]);
    }
    assert!(io.registry().find("/1").is_none(), "clients make no namespaces");
    for number in 0..10_000 {
        let _created = io.of(&format!("/{number}"));
    }
    let joined = (0..10_000).take_while(|number| {
        client.send(&format!("0/{number},"));
        client.end().is_none()
    });
    assert_eq!(joined.count(), 63, "with the main namespace, 64");
    settle().await;
    assert!((0..64).all(|number| io.of(&format!("/{number}")).fetch_sockets().is_empty()));
}

#[tokio::test]
async fn a_namespace_whose_middleware_never_decides() {
    let io = SocketIo::new();
    for number in 0..100 {
        io.of(&format!("/{number}")).use_middleware(|_socket, _auth| std::future::pending());
    }
    let mut client = Client::join(&io);
    let asked = (0..100).take_while(|number| {
        client.send(&format!("0/{number},"));
        client.end().is_none()
    });
    assert_eq!(asked.count(), 63, "those that are being decided count");
}

#[tokio::test]
async fn a_client_that_never_reads() {
    let io = SocketIo::new();
    let ends = log_ends(&io);
    let client = Client::join(&io);
    let large = "x".repeat(10_000);
    let sent = (0..1_000).take_while(|_| {
        io.emit("a", &large).expect("valid");
        client.end().is_none()
    });
    assert!(sent.count() < 110, "1 MiB may wait");
    assert_eq!(client.end(), Some(CloseReason::TooSlow));
    assert!(ends.take().is_empty(), "Engine.IO reports the end");
}
