//! Events, and the order of their handlers.

use std::sync::Arc;

use tokio::sync::Notify;

use super::super::{Data, EventName, SocketIo, SocketIoConfig};
use super::client::{Client, Log, log_ends, settle};
use crate::engine::CloseReason;
use crate::{ArgumentError, Arguments};

#[tokio::test]
async fn handlers_run_one_at_a_time_in_order() {
    let (io, log, gate) = (SocketIo::new(), Log::default(), Arc::new(Notify::new()));
    let (lines, wait) = (log.clone(), gate.clone());
    io.on_connect(async move |socket, _auth| {
        lines.add("connected");
        let ends = lines.clone();
        socket.on("step", async move |_socket, Data(number): Data<u8>| {
            lines.add(format!("{number} begins"));
            if number == 1 {
                wait.notified().await;
            }
            lines.add(format!("{number} ends"));
        });
        socket.on_disconnect(async move |_socket, reason| ends.add(reason.as_str()));
    });
    let mut client = Client::join(&io);
    for number in 0..3 {
        client.send(&format!(r#"2["step",{number}]"#));
    }
    settle().await;
    assert_eq!(log.take(), ["connected", "0 begins", "0 ends", "1 begins"]);
    client.close(CloseReason::TransportClose);
    gate.notify_one();
    settle().await;
    assert_eq!(
        log.take(),
        ["1 ends", "2 begins", "2 ends", "transport close"],
        "what arrived before is handled"
    );
}

#[tokio::test]
async fn events_wait_for_the_connection_handler() {
    let (io, log, gate) = (SocketIo::new(), Log::default(), Arc::new(Notify::new()));
    let (lines, wait) = (log.clone(), gate.clone());
    io.on_connect(async move |socket, _auth| {
        wait.notified().await;
        socket.on("early", async move |_socket, ()| lines.add("handled"));
    });
    let mut client = Client::join(&io);
    client.send(r#"2["early"]"#);
    settle().await;
    assert!(log.take().is_empty());
    gate.notify_one();
    settle().await;
    assert_eq!(log.take(), ["handled"]);
}

#[tokio::test]
async fn a_slow_handler_delays_its_socket_only() {
    let (io, log) = (SocketIo::new(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        socket.on("hang", |_socket, ()| std::future::pending::<()>());
        socket.on("quick", async move |_socket, ()| lines.add("quick"));
    });
    let (mut hanging, mut other) = (Client::join(&io), Client::join(&io));
    hanging.send(r#"2["hang"]"#);
    hanging.send(r#"2["quick"]"#);
    settle().await;
    assert!(log.take().is_empty());
    other.send(r#"2["quick"]"#);
    assert_eq!(log.take(), ["quick"]);
}

#[tokio::test]
async fn events_that_wait_are_dropped_when_the_server_disconnects() {
    let (io, log, gate) = (SocketIo::new(), Log::default(), Arc::new(Notify::new()));
    let (lines, wait) = (log.clone(), gate.clone());
    io.on_connect(async move |socket, _auth| {
        let ends = lines.clone();
        socket.on("a", async move |_socket, ()| {
            lines.add("a");
            wait.notified().await;
        });
        socket.on_disconnect(async move |_socket, reason| ends.add(reason.as_str()));
    });
    let mut client = Client::join(&io);
    client.send(r#"2["a"]"#);
    client.send(r#"2["a"]"#);
    io.disconnect_sockets();
    gate.notify_one();
    settle().await;
    assert_eq!(log.take(), ["a", "server namespace disconnect"]);
}

#[tokio::test]
async fn all_handlers_of_an_event_are_called_and_those_of_any_event_first() {
    let (io, log) = (SocketIo::new(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        for number in [1, 2] {
            let lines = lines.clone();
            socket.on("a", async move |_socket, ()| lines.add(format!("handler {number}")));
        }
        let gone = lines.clone();
        socket.on("b", async move |_socket, ()| gone.add("never"));
        socket.off("b");
        socket.on_any(async move |_socket, (EventName(name), arguments): (EventName, Arguments)| {
            lines.add(format!("any: {name} {}", arguments.as_json()));
        });
    });
    let mut client = Client::join(&io);
    client.send(r#"2["a",1]"#);
    client.send(r#"2["b"]"#);
    assert_eq!(log.take(), ["any: a 1", "handler 1", "handler 2", "any: b "]);
}

#[tokio::test]
async fn a_handler_may_look_at_wrong_arguments() {
    let (io, log) = (SocketIo::new(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        socket.on("a", async move |_socket, data: Result<Data<u8>, ArgumentError>| {
            lines.add(data.map_or_else(|error| error.to_string(), |Data(number)| number.to_string()));
        });
    });
    let mut client = Client::join(&io);
    client.send(r#"2["a",1]"#);
    client.send(r#"2["a","x"]"#);
    let lines = log.take();
    assert_eq!(lines[0], "1");
    assert!(lines[1].starts_with("unexpected arguments: invalid type"), "{}", lines[1]);
}

#[tokio::test]
async fn a_panic_ends_its_client_only() {
    let io = SocketIo::new();
    let ends = log_ends(&io);
    io.on_connect(|socket, _auth| async move {
        socket
            .on("panic", |_socket, Data(number): Data<u8>| async move { assert!(number > 1, "on purpose") });
    });
    let (mut client, other) = (Client::join(&io), Client::join(&io));
    client.send(r#"2["panic",1]"#);
    settle().await;
    assert_eq!((client.end(), other.end()), (Some(CloseReason::ForcedClose), None));
    assert_eq!(ends.take(), ["forced server close"]);
}

#[tokio::test]
async fn a_panic_in_the_middleware_ends_its_client() {
    let io = SocketIo::new();
    io.of("/admin").use_middleware(|_socket, auth| async move {
        assert!(auth.as_json() == "{}", "on purpose");
        Ok(())
    });
    let mut client = Client::join(&io);
    client.send(r#"0/admin,{"a":1}"#);
    assert_eq!(client.end(), Some(CloseReason::ForcedClose));
}

#[tokio::test]
async fn a_socket_that_its_handlers_hold_is_freed_when_it_ends() {
    let io = SocketIo::new();
    let held = Arc::new(());
    let hold = held.clone();
    io.on_connect(async move |socket, _auth| {
        socket.insert(hold.clone());
        let itself = socket.clone();
        socket.on("a", async move |_socket, ()| drop((itself, hold)));
    });
    let mut client = Client::join(&io);
    assert_eq!(Arc::strong_count(&held), 4, "the namespace's handler, the socket, its handler, and here");
    client.close(CloseReason::TransportClose);
    settle().await;
    assert_eq!(Arc::strong_count(&held), 2);
}

/// In all namespaces together, and also behind handlers whose socket has gone: a client cannot join anew for more room.
#[tokio::test]
async fn a_client_whose_events_wait_is_not_read_until_half_of_them_were_handled() {
    let config = SocketIoConfig { waiting_events: 4, ..SocketIoConfig::default() };
    let (io, log, gate) = (SocketIo::with(config), Log::default(), Arc::new(Notify::new()));
    for namespace in ["/", "/other"] {
        let (lines, wait) = (log.clone(), gate.clone());
        io.of(namespace).on_connect(async move |socket, _auth| {
            socket.on("slow", async move |_socket, Data(number): Data<u8>| {
                wait.notified().await;
                lines.add(number.to_string());
            });
        });
    }
    let mut client = Client::join(&io);
    client.send("0/other,");
    for (number, namespace) in [(0, ""), (1, ""), (2, ""), (3, "/other,"), (4, "/other,")] {
        client.send(&format!(r#"2{namespace}["slow",{number}]"#));
    }
    client.send("1/other,");
    assert!(!client.is_paused(), "three wait, and two run");
    client.send(r#"2["slow",5]"#);
    assert!(client.is_paused());
    gate.notify_one();
    settle().await;
    assert!(client.is_paused());
    gate.notify_one();
    settle().await;
    assert!(!client.is_paused(), "two wait");
    assert_eq!((client.end(), log.take().len()), (None, 2));
}

#[tokio::test]
async fn a_client_is_read_again_when_the_server_drops_the_events_that_wait() {
    let config = SocketIoConfig { waiting_events: 4, ..SocketIoConfig::default() };
    let io = SocketIo::with(config);
    io.on_connect(|socket, _auth| async move {
        socket.on("hang", |_socket, ()| std::future::pending::<()>());
    });
    let mut client = Client::join(&io);
    for _ in 0..5 {
        client.send(r#"2["hang"]"#);
    }
    assert!(client.is_paused());
    io.disconnect_sockets();
    assert!(!client.is_paused());
}
