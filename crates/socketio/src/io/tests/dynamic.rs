//! Namespaces that begin when a client asks for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::super::{RecoveryConfig, SocketIo, SocketIoConfig};
use super::client::{Client, settle};
use crate::engine::CloseReason;

/// A server whose rooms have numbers.
fn server(config: SocketIoConfig) -> SocketIo {
    let io = SocketIo::with(config);
    io.of_dynamic(|name, auth| {
        name.strip_prefix("/room-").is_some_and(|number| number.parse::<u8>().is_ok())
            && !auth.as_json().contains("stranger")
    })
    .on_connect(|socket, _auth| async move {
        socket.emit("welcome", socket.namespace()).expect("valid");
    });
    io
}

fn join(client: &mut Client, packet: &str) -> String {
    client.send(packet);
    client.received_text()
}

#[tokio::test]
async fn a_namespace_begins_when_a_client_asks_and_its_pattern_matches() {
    let io = server(SocketIoConfig::default());
    let (mut ann, mut bob) = (Client::open(&io), Client::open(&io));
    for client in [&mut ann, &mut bob] {
        let joined = join(client, "0/room-1,");
        assert!(joined.starts_with("0/room-1,{"), "{joined}");
        assert!(joined.ends_with(r#"2/room-1,["welcome","/room-1"]"#), "{joined}");
    }
    assert_eq!(io.registry().dynamic(), 1, "both are in the same namespace");
    for refused in ["0/room-x,", "0/other,", r#"0/room-2,{"name":"stranger"}"#] {
        assert!(join(&mut ann, refused).contains("Invalid namespace"), "{refused}");
    }
    io.of("/room-1").emit("news", 1).expect("valid");
    bob.expect(&[r#"2/room-1,["news",1]"#]);
}

#[tokio::test]
async fn a_namespace_ends_with_its_last_client_unless_the_application_wants_it() {
    let io = server(SocketIoConfig::default());
    let (mut ann, mut bob) = (Client::open(&io), Client::open(&io));
    join(&mut ann, "0/room-1,");
    join(&mut bob, "0/room-1,");
    join(&mut bob, "0/room-2,");
    let kept = io.of("/room-2");
    assert_eq!(io.registry().dynamic(), 1);
    ann.send("1/room-1,");
    assert_eq!(io.registry().dynamic(), 1);
    bob.close(CloseReason::TransportClose);
    assert_eq!(io.registry().dynamic(), 0);
    join(&mut ann, "0/room-2,");
    assert_eq!(kept.fetch_sockets().len(), 1);
    assert_eq!(io.of("/room-2").fetch_sockets().len(), 1, "it is the same namespace");
}

#[tokio::test]
async fn a_namespace_stays_while_its_middleware_decides_and_ends_if_nobody_was_let_in() {
    let (io, gate) = (SocketIo::new(), Arc::new(Notify::new()));
    let wait = gate.clone();
    io.of_dynamic(|_, _| true).use_middleware(async move |_socket, auth| {
        wait.notified().await;
        if auth.as_json() == "{}" { Ok(()) } else { Err("no".into()) }
    });
    let mut clients: Vec<Client> = (0..3).map(|_| Client::open(&io)).collect();
    for (client, packet) in clients.iter_mut().zip(["0/a,", r#"0/a,{"b":1}"#, r#"0/b,{"b":1}"#]) {
        client.send(packet);
    }
    assert_eq!(io.registry().dynamic(), 2);
    gate.notify_waiters();
    settle().await;
    assert_eq!(io.registry().dynamic(), 1, "nobody is in /b");
    assert_eq!(io.of("/a").fetch_sockets().len(), 1);
}

/// A client cannot make the server keep as many as it likes.
#[tokio::test]
async fn namespaces_that_clients_ask_for_are_bounded() {
    let io = server(SocketIoConfig { dynamic_namespaces: 3, ..SocketIoConfig::default() });
    let mut client = Client::open(&io);
    for number in 0..3 {
        assert!(join(&mut client, &format!("0/room-{number},")).contains("sid"));
    }
    assert!(join(&mut client, "0/room-3,").contains("Invalid namespace"));
    client.send("1/room-1,");
    assert!(join(&mut client, "0/room-3,").contains("sid"));
    assert_eq!(io.registry().dynamic(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_waits_for_clients_that_may_come_back_and_forgets_them_in_time() {
    let config = SocketIoConfig { recovery: Some(RecoveryConfig::default()), ..SocketIoConfig::default() };
    let io = server(config);
    let mut client = Client::open(&io);
    join(&mut client, "0/room-1,");
    client.close(CloseReason::TransportClose);
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(io.registry().dynamic(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(io.registry().dynamic(), 0);
}
