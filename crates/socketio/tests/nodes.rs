//! Two servers that share a broker of the hub, with clients over WebSocket.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longwire::Server;
use longwire_hub::{Broker, ChannelName, ClientInfo, Fanout, MemoryBroker, MemoryLimits, Publication};
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{HubAdapter, SocketIo, SocketIoConfig};
use longwire_wire::{Head, Peer, RawFrame};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// Brings what happens in a broker to several nodes, as a broker on a network does.
#[derive(Default)]
struct Nodes(Mutex<Vec<Arc<dyn Fanout>>>);

impl Nodes {
    fn each(&self, tell: impl Fn(&dyn Fanout)) {
        let nodes = self.0.lock().unwrap().clone();
        nodes.iter().for_each(|node| tell(&**node));
    }
}

impl Fanout for Nodes {
    fn publication(&self, channel: &ChannelName, new: &Publication, epoch: &str, last: Option<&Publication>) {
        self.each(|node| node.publication(channel, new, epoch, last));
    }

    fn join(&self, channel: &ChannelName, client: &ClientInfo) {
        self.each(|node| node.join(channel, client));
    }

    fn leave(&self, channel: &ChannelName, client: &ClientInfo) {
        self.each(|node| node.leave(channel, client));
    }
}

/// A broker that several nodes share.
struct Shared {
    nodes: Arc<Nodes>,
    broker: Arc<MemoryBroker>,
}

impl Shared {
    fn new() -> Shared {
        let nodes = Arc::<Nodes>::default();
        let fanout: Arc<dyn Fanout> = Arc::<Nodes>::clone(&nodes);
        Shared { broker: Arc::new(MemoryBroker::new(fanout, MemoryLimits::default())), nodes }
    }

    /// A node, and its address.
    async fn node(&self, channel: &str) -> (SocketIo, SocketAddr) {
        let adapter = HubAdapter::new(|fanout| {
            self.nodes.0.lock().unwrap().push(fanout);
            Arc::<MemoryBroker>::clone(&self.broker) as Arc<dyn Broker>
        });
        let io = SocketIo::with_adapter(SocketIoConfig::default(), adapter.channel(channel).unwrap());
        io.on_connect(|socket, _auth| async move {
            socket.join("news");
            socket.emit("joined", ()).unwrap();
        });
        let engine = Engine::new(io.clone(), EngineConfig::default());
        let server = Server::bind("127.0.0.1:0").await.unwrap().workers(1);
        let address = server.local_addr();
        tokio::spawn(server.route(engine.path(), engine.handler()).run());
        (io, address)
    }
}

async fn knows(io: &SocketIo, others: usize) {
    let known = async {
        while io.other_nodes() != others {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, known).await.expect("nodes find each other");
}

/// A client over WebSocket.
struct Client(Peer<TcpStream>);

impl Client {
    /// A client that has joined.
    async fn join(address: SocketAddr) -> Client {
        let mut peer = Peer::client(TcpStream::connect(address).await.unwrap());
        peer.open(&Head::upgrade("/socket.io/?EIO=4&transport=websocket", "example.com")).await.unwrap();
        peer.send(RawFrame::text("40")).await.unwrap();
        let mut client = Client(peer);
        while client.packet().await != r#"42["joined"]"# {}
        client
    }

    async fn packet(&mut self) -> String {
        let frame = timeout(PATIENCE, self.0.frame()).await.expect("a packet in time").unwrap();
        String::from_utf8(frame.payload).unwrap()
    }

    async fn expect(&mut self, packet: &str) {
        assert_eq!(self.packet().await, packet);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_a_broker_reach_the_clients_of_each_other() {
    let shared = Shared::new();
    let (one, here) = shared.node("chat").await;
    let (other, there) = shared.node("chat").await;
    let (stranger, elsewhere) = shared.node("another application").await;
    knows(&one, 1).await;
    knows(&other, 1).await;
    let (mut ann, mut bob) = (Client::join(here).await, Client::join(there).await);
    let mut carl = Client::join(elsewhere).await;
    for number in 0..1_000 {
        one.to("news").emit("news", number).unwrap();
    }
    for number in 0..1_000 {
        let news = format!(r#"42["news",{number}]"#);
        ann.expect(&news).await;
        bob.expect(&news).await;
    }
    let fetched = other.everybody().fetch_all_sockets().await;
    assert_eq!((fetched.sockets.len(), fetched.silent_nodes), (2, 0));
    let asking = tokio::spawn(async move { one.timeout(PATIENCE).emit_with_ack::<String>("who?", ()).await });
    for (client, name) in [(&mut ann, "Ann"), (&mut bob, "Bob")] {
        client.expect(r#"420["who?"]"#).await;
        client.0.send(RawFrame::text(format!(r#"430["{name}"]"#))).await.unwrap();
    }
    let mut names = asking.await.unwrap().unwrap().all().expect("all have answered");
    names.sort_unstable();
    assert_eq!(names, ["Ann", "Bob"]);
    stranger.emit("own", ()).unwrap();
    carl.expect(r#"42["own"]"#).await;
    other.disconnect_sockets();
    ann.expect("41").await;
    bob.expect("41").await;
}
