//! Several servers, of which each has clients.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::super::{Adapter, MemoryAdapter, NodeInbox, SocketIo, SocketIoConfig};
use super::client::{Client, settle};
use crate::engine::CloseReason;

/// Two servers, each with a client in room "a", and a third client in no room.
struct Nodes {
    one: SocketIo,
    other: SocketIo,
    here: Client,
    there: Client,
    outside: Client,
}

impl Nodes {
    async fn start() -> Nodes {
        let adapter = MemoryAdapter::new();
        let node = || SocketIo::with_adapter(SocketIoConfig::default(), adapter.clone());
        let (one, other) = (node(), node());
        settle().await;
        assert_eq!((one.other_nodes(), other.other_nodes()), (1, 1));
        let (here, there) = (Client::join(&one), Client::join(&other));
        one.sockets_join("a");
        let outside = Client::join(&other);
        Nodes { one, other, here, there, outside }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_the_clients_of_all_nodes() {
    let nodes = Nodes::start().await;
    nodes.one.to("a").emit("news", ("text", Bytes::from_static(b"\x01"))).expect("valid");
    let packets = [r#"51-["news","text",{"_placeholder":true,"num":0}]"#, "[1]"];
    nodes.here.expect(&packets);
    nodes.there.expect(&packets);
    nodes.outside.expect(&[]);
    nodes.other.except("a").emit("others", 1).expect("valid");
    nodes.outside.expect(&[r#"2["others",1]"#]);
    nodes.here.expect(&[]);
    // From a client to all others.
    let socket = nodes.one.fetch_sockets().pop().expect("a socket");
    socket.broadcast().emit("hello", ()).expect("valid");
    for client in [&nodes.there, &nodes.outside] {
        client.expect(&[r#"2["hello"]"#]);
    }
    nodes.here.expect(&[]);
    nodes.other.everybody().local().emit("local", ()).expect("valid");
    nodes.here.expect(&[]);
    nodes.there.expect(&[r#"2["local"]"#]);
    // A client of another node, by its identifier.
    nodes.other.to(socket.id()).emit("you", ()).expect("valid");
    nodes.here.expect(&[r#"2["you"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_only_one_node_has_is_no_fault() {
    let nodes = Nodes::start().await;
    let chat = nodes.one.of("/chat");
    chat.emit("news", 1).expect("valid");
    let fetched = chat.everybody().fetch_all_sockets().await;
    assert_eq!((fetched.sockets.len(), fetched.silent_nodes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn rooms_and_disconnections_reach_the_sockets_of_all_nodes() {
    let nodes = Nodes::start().await;
    nodes.one.to("a").sockets_join(["b", "c"]);
    nodes.other.to("b").sockets_leave("c");
    let fetched = nodes.one.to("b").fetch_all_sockets().await;
    assert_eq!((fetched.sockets.len(), fetched.silent_nodes), (2, 0));
    for socket in &fetched.sockets {
        assert_eq!(socket.rooms.len(), 3, "{socket:?}");
        assert!(socket.rooms.contains(&"b".into()) && !socket.rooms.contains(&"c".into()));
    }
    nodes.other.to("a").disconnect_sockets();
    nodes.here.expect(&["1"]);
    nodes.there.expect(&["1"]);
    assert_eq!(nodes.one.fetch_sockets().len() + nodes.other.fetch_sockets().len(), 1);
    nodes.one.close_clients();
    assert_eq!(nodes.outside.end(), Some(CloseReason::ForcedClose));
    assert_eq!(nodes.here.end(), None, "it had left the namespace");
}

/// The number of the question that a client has got.
fn asked_id(client: &Client) -> String {
    let received = client.received_text();
    let (_, question) =
        received.split_once('-').unwrap_or(("", received.strip_prefix('2').expect("an event")));
    question.split_once('[').expect("an event").0.to_owned()
}

#[tokio::test(start_paused = true)]
async fn clients_of_all_nodes_answer_a_broadcast() {
    let mut nodes = Nodes::start().await;
    // The numbers of events differ between the nodes.
    let other = nodes.other.fetch_sockets().pop().expect("a socket");
    drop(tokio::spawn(other.emit_with_ack::<()>("earlier", ()).into_future()));
    settle().await;
    nodes.there.received();
    nodes.outside.received();
    let question = nodes.one.timeout(Duration::from_secs(5)).emit_with_ack::<Bytes>("ask", 1);
    let asking = tokio::spawn(question.into_future());
    settle().await;
    for (client, answer) in [(&mut nodes.here, 1), (&mut nodes.there, 2)] {
        let id = asked_id(client);
        client.send(&format!(r#"61-{id}[{{"_placeholder":true,"num":0}}]"#));
        client.send_binary(&[answer]);
    }
    let answers = asking.await.expect("no panic").expect("valid");
    let mut given: Vec<u8> = answers.answers.iter().map(|(_, bytes)| bytes[0]).collect();
    given.sort_unstable();
    assert_eq!(given, [1, 2]);
    assert_eq!((answers.missing.len(), answers.silent_nodes), (1, 0));
    assert!(format!("{:?}", answers.missing[0].1) == "Timeout", "the client outside has not answered");
    assert!(answers.all().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_ended_or_is_silent_is_not_waited_for() {
    let adapter = MemoryAdapter::new();
    let node = || SocketIo::with_adapter(SocketIoConfig::default(), adapter.clone());
    let (one, other) = (node(), node());
    settle().await;
    assert_eq!(one.other_nodes(), 1);
    drop(other);
    // The task of its heartbeats lets go of it when it wakes up.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(one.other_nodes(), 0);
    let begun = tokio::time::Instant::now();
    one.everybody().fetch_all_sockets().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// A node of which the others hear only that it has begun.
struct Mute {
    adapter: MemoryAdapter,
    has_begun: AtomicBool,
}

impl Adapter for Mute {
    fn start(&self, inbox: NodeInbox) {
        self.adapter.start(inbox);
    }

    fn send(&self, message: Bytes) {
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            self.adapter.send(message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_counted_and_forgotten_when_it_stays_silent() {
    let adapter = MemoryAdapter::new();
    let one = SocketIo::with_adapter(SocketIoConfig::default(), adapter.clone());
    settle().await;
    let mute = Mute { adapter, has_begun: AtomicBool::new(false) };
    let other = SocketIo::with_adapter(SocketIoConfig::default(), mute);
    settle().await;
    let there = Client::join(&other);
    let begun = tokio::time::Instant::now();
    let fetched = one.timeout(Duration::from_secs(3)).fetch_all_sockets().await;
    assert_eq!((fetched.sockets.len(), fetched.silent_nodes), (0, 1));
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    let answers = one.timeout(Duration::from_secs(3)).emit_with_ack::<()>("ask", ()).await.expect("valid");
    assert_eq!((answers.missing.len(), answers.silent_nodes), (0, 1));
    assert!(answers.all().is_err());
    there.expect(&[r#"20["ask"]"#]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((one.other_nodes(), other.other_nodes()), (0, 1));
}
