//! Rooms and broadcasts.

use super::super::{Data, SocketIo, SocketIoConfig};
use super::client::{Client, log_ends, settle};
use crate::engine::CloseReason;

/// A server whose clients enter rooms and emit to them.
fn server() -> SocketIo {
    let io = SocketIo::new();
    io.on_connect(|socket, _auth| async move {
        socket.on("join", |socket, Data(rooms): Data<Vec<String>>| async move { socket.join(rooms) });
        socket.on("leave", |socket, Data(room): Data<String>| async move { socket.leave(room) });
        socket.on("to", |socket, Data(room): Data<String>| async move {
            socket.to(room).emit("hi", "room").ok();
        });
        socket.on("all", |socket, ()| async move {
            socket.broadcast().emit("hi", "all").ok();
        });
        socket.on("except", |socket, Data(room): Data<String>| async move {
            socket.except(room).emit("hi", "except").ok();
        });
    });
    io
}

fn in_rooms(io: &SocketIo, rooms: &str) -> Client {
    let mut client = Client::join(io);
    client.send(&format!(r#"2["join",{rooms}]"#));
    client
}

#[tokio::test]
async fn broadcasts_reach_the_rooms_that_they_are_for() {
    let io = server();
    let clients = [
        in_rooms(&io, r#"["a"]"#),
        in_rooms(&io, r#"["a","b"]"#),
        in_rooms(&io, r#"["b"]"#),
        in_rooms(&io, "[]"),
    ];
    let [mut one, mut two, three, mut four] = clients;
    let reached = |clients: [&Client; 4]| clients.map(|client| client.received().len());
    io.to("a").emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [1, 1, 0, 0]);
    io.to(["a", "b"]).emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [1, 1, 1, 0], "each once");
    io.to("a").except("b").emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [1, 0, 0, 0]);
    io.except(["a"]).emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [0, 0, 1, 1]);
    io.emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [1, 1, 1, 1]);
    two.send(r#"2["to","a"]"#);
    assert_eq!(reached([&one, &two, &three, &four]), [1, 0, 0, 0], "not its own");
    four.send(r#"2["all"]"#);
    assert_eq!(reached([&one, &two, &three, &four]), [1, 1, 1, 0]);
    one.send(r#"2["except","b"]"#);
    assert_eq!(reached([&one, &two, &three, &four]), [0, 0, 0, 1]);
    one.send(r#"2["leave","a"]"#);
    io.to("a").emit("x", ()).expect("valid");
    assert_eq!(reached([&one, &two, &three, &four]), [0, 1, 0, 0]);
    two.close(CloseReason::TransportClose);
    assert!(io.to("a").fetch_sockets().is_empty());
}

#[tokio::test]
async fn the_server_moves_sockets_between_rooms() {
    let io = server();
    let (one, two) = (in_rooms(&io, r#"["a"]"#), in_rooms(&io, r#"["b"]"#));
    let socket = io.to("a").fetch_sockets().pop().expect("a socket");
    io.to(socket.id()).sockets_join(["c", "d"]);
    let mut rooms: Vec<String> = socket.rooms().iter().map(ToString::to_string).collect();
    rooms.retain(|room| **room != **socket.id());
    rooms.sort();
    assert_eq!(rooms, ["a", "c", "d"]);
    io.sockets_leave("c");
    io.to("c").emit("x", ()).expect("valid");
    io.to("d").emit("x", ()).expect("valid");
    one.expect(&[r#"2["x"]"#]);
    two.expect(&[]);
    io.to("d").disconnect_sockets();
    one.expect(&["1"]);
    assert!(!socket.is_connected() && socket.rooms().len() == 3, "it remembers its rooms");
    assert_eq!(io.fetch_sockets().len(), 1);
}

#[tokio::test]
async fn a_broadcast_is_encoded_once() {
    struct Counted<'c>(&'c std::cell::Cell<usize>);
    impl serde::Serialize for Counted<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.set(self.0.get() + 1);
            serializer.serialize_str("counted")
        }
    }
    let io = server();
    let clients: Vec<Client> = (0..10).map(|_| Client::join(&io)).collect();
    let (count, lone_count) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    io.emit("x", Counted(&count)).expect("valid");
    clients.first().expect("ten").expect(&[r#"2["x","counted"]"#]);
    let socket = io.fetch_sockets().pop().expect("ten");
    socket.emit("x", Counted(&lone_count)).expect("valid");
    assert_eq!(count.get(), lone_count.get(), "as often as for one");
}

#[tokio::test]
async fn volatile_events_are_for_clients_that_can_take_them() {
    let io = server();
    let client = Client::join(&io);
    let socket = io.fetch_sockets().pop().expect("a socket");
    socket.emit("reliable", ()).expect("valid");
    // Something waits for the client.
    socket.volatile().emit("lost", ()).expect("valid");
    io.volatile().emit("lost", ()).expect("valid");
    client.expect(&[r#"2["reliable"]"#]);
    socket.volatile().emit("x", 1).expect("valid");
    client.expect(&[r#"2["x",1]"#]);
    io.to(socket.id()).volatile().emit("x", 2).expect("valid");
    client.expect(&[r#"2["x",2]"#]);
}

#[tokio::test]
async fn rooms_are_bounded() {
    let config = SocketIoConfig { rooms: 3, room_name: 5, ..SocketIoConfig::default() };
    let io = SocketIo::with(config);
    let ends = log_ends(&io);
    io.on_connect(|socket, _auth| async move {
        socket.on("join", |socket, Data(rooms): Data<Vec<String>>| async move { socket.join(rooms) });
    });
    let client = in_rooms(&io, r#"["a","b"]"#);
    assert_eq!(client.end(), None, "two, and its own");
    for rooms in [r#"["a","b","c"]"#, r#"["long name"]"#] {
        let client = in_rooms(&io, rooms);
        assert_eq!(client.end(), Some(CloseReason::ForcedClose), "{rooms}");
        settle().await;
        assert_eq!(ends.take(), ["forced server close"]);
    }
}
