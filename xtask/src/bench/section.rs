//! The sections of the page, and what is particular to each.

/// A comparison with tables of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// WebSocket servers: the page itself.
    WebSocket,
    Hub,
    SocketIo,
    Nodes,
    /// As many connections as the machine holds.
    Crowd,
    /// Our event loop alone, without a network.
    Million,
}

/// In the order of the page.
const SECTIONS: [Section; 6] =
    [Section::WebSocket, Section::Hub, Section::SocketIo, Section::Nodes, Section::Crowd, Section::Million];

impl Section {
    /// The first line, which no other section has.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Section::WebSocket => "# Benchmarks",
            Section::Hub => "## The hub",
            Section::SocketIo => "## Socket.IO",
            Section::Nodes => "## More than one node",
            Section::Crowd => "## A crowd",
            Section::Million => "## A million connections, simulated",
        }
    }

    /// What selects it on the command line.
    pub(super) fn option(self) -> &'static str {
        match self {
            Section::WebSocket => "",
            Section::Hub => " --hub",
            Section::SocketIo => " --socketio",
            Section::Nodes => " --nodes",
            Section::Crowd => " crowd",
            Section::Million => " million",
        }
    }

    /// The file with text written by hand.
    pub(super) fn notes(self) -> &'static str {
        match self {
            Section::WebSocket => "bench/notes.md",
            Section::Hub => "bench/hub/notes.md",
            Section::SocketIo => "bench/socketio/notes.md",
            Section::Nodes => "bench/nodes/notes.md",
            Section::Crowd => "bench/crowd/notes.md",
            Section::Million => "bench/million/notes.md",
        }
    }

    /// How it was measured.
    pub(super) fn method(self) -> &'static str {
        match self {
            Section::WebSocket => METHOD,
            Section::Hub => HUB_METHOD,
            Section::SocketIo => SOCKETIO_METHOD,
            Section::Nodes => NODES_METHOD,
            Section::Crowd => CROWD_METHOD,
            Section::Million => MILLION_METHOD,
        }
    }
}

/// The page, cut into its sections.
#[derive(Debug)]
pub(super) struct Page([String; SECTIONS.len()]);

impl Page {
    pub(super) fn read(page: &str) -> Self {
        let start = |section: &Section| {
            let heading = format!("\n{}\n", section.heading());
            page.find(&heading).map(|at| at + 1)
        };
        Self(SECTIONS.map(|section| {
            let from = if section == Section::WebSocket { Some(0) } else { start(&section) };
            let text = from.and_then(|from| {
                let end = SECTIONS.iter().filter_map(start).filter(|end| *end > from).min();
                page.get(from..end.unwrap_or(page.len()))
            });
            text.unwrap_or_default().trim().to_owned()
        }))
    }

    /// With this text in place of a section.
    pub(super) fn with(mut self, section: Section, text: &str) -> Self {
        for (place, known) in self.0.iter_mut().zip(SECTIONS) {
            if known == section {
                text.trim().clone_into(place);
            }
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let sections: Vec<&str> = self.0.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        sections.join("\n\n") + "\n"
    }
}

const METHOD: &str = "\
Each server runs alone, on one core, and the load generator (`longwire-load`: one thread over io_uring, frames masked and \
encoded beforehand) on another. The length, content and order of every reply are checked. Each measurement starts a \
new server process. The rounds of a scenario follow one another, and each round measures the servers in a different \
order. A ratio is the median of the rounds' ratios, so a disturbance of one round affects both sides.

- **µs** is the server's CPU time, user and system, per message, delivery or handshake, read from `/proc/PID/stat` \
before and after. It includes the kernel's work for the loopback interface, on both sides.
- **a second** is the throughput of the same run. If the server was not *busy* all the time, the load generator was \
the limit, so compare µs instead.
- **Latency** is measured in an open loop: messages are due at a fixed rate, and latency counts from the time when a \
message was due. A stall therefore delays all messages that were due during it (no coordinated omission).
- **Bytes for an idle connection** is the growth of `Private_Dirty` in `/proc/PID/smaps_rollup`, divided by the number \
of connections. Each connection has exchanged one message. The kernel's own memory for a socket is not included.
- `tcp-epoll` and `tcp-uring` are TCP echo without WebSocket (`bench/floor`): the lower bound for each system \
interface.
- Our servers run with all checks and the default limits. The others follow their documentation, with batched writes \
where the library supports them (`forward`). All are built with the same profile: `lto = \"fat\"`, one codegen unit.
- Differences of less than 10 % are noise on a small virtual machine.
";

const HUB_METHOD: &str = "\
Clients subscribe to channels, and publications of 128 bytes of JSON are delivered to them. What is said above of the \
cores, the rounds and the ratios holds here, too. Every delivery is found by its text.

- `plain-topics` are the topics of an event loop without a hub: the URL names the topic, and a message is sent as it is. \
It is the lower bound.
- `longwire-hub` is `longwire serve` as it is released, with one event loop and `bench/hub/longwire.toml`. Its clients \
speak the Centrifuge protocol, in JSON or in protobuf.
- The next publication follows when all subscribers have received the one before. With 10,000 channels, a client publishes \
to 32 of them in one write; the cost then includes receiving the publications and, except for `plain-topics`, answering \
them.
- sockudo has no publications of clients to arbitrary channels, so they come by its HTTP API, up to ten in a request. \
socket.io has a room per channel, over WebSocket.
- **Bytes** are those of the whole connection, WebSocket included, with one subscription.
- To recover, all clients connect, subscribe and get what they missed, 64 at a time.
";

const SOCKETIO_METHOD: &str = "\
Clients speak Socket.IO 5 over WebSocket only. What is said above of the cores, the rounds and the ratios holds here, \
too, and every answer is compared with what it must be, byte by byte.

- Each server is called as its documentation shows, with typed data (`Quote` of `bench/peers/kit` in Rust, an object in \
JavaScript). Ours is `longwire-socketio` with its default limits, over either engine. socketioxide is a layer of axum.
- An event of about 75 bytes of JSON is *echoed* by an event of the same name, or *acknowledged* with its data.
- Events to a *room* are of 128 bytes of JSON. The next follows when all clients in the room have received the one before. \
The cost is that of one delivery.
- **Bytes** are those of the whole connection, WebSocket included, of a client in the main namespace with four handlers and \
one room besides its own.
";

const NODES_METHOD: &str = "\
All nodes and their broker share one core of this machine, and the load generator has the other. So these figures say \
what a node more costs, and what the way through the broker takes; they do not say how a hub grows over machines. What is \
said above of the hub, the rounds and the ratios holds here, too.

- `longwire-redis` and `longwire-nats` are `longwire serve` as it is released, with one event loop for each node, \
`bench/hub/longwire.toml`, and `[broker]` with one server. socket.io has `@socket.io/redis-streams-adapter`, called as its \
documentation shows. Redis writes nothing to disk; NATS has JetStream, which keeps the streams of channels with history in files.
- Full load: 960 subscribers of 32 channels are spread evenly over the nodes. A client of the first node publishes to \
all 32 channels at once, and again when every subscriber has received everything.
- **µs** is the CPU time of all nodes and the broker for each delivery, and *busy* is their share of the core.
- Latency: 200 publications a second are due to one channel with 50 subscribers, in an open loop. Latency counts from the \
time when the publication was due, to each delivery. The publisher is a client of the first node, and the subscribers are \
clients of the others. With one node, they are clients of the same one.
- A run fails if a subscriber does not receive every publication.
";

const CROWD_METHOD: &str = "\
All connections are open at once. They come from addresses all over 127.0.0.0/8, in a network namespace of their own if the \
machine allows one. The servers share one core, and the clients (`bench/crowd`: just enough of RFC 6455 to stay connected) the other. \
The figures describe this machine: they show what a connection costs, not how many a larger machine holds.

- The connections are opened 64 at a time by each process, and then held. The server pings them (keepalive, by its default \
times), and the run fails if one of them ends.
- **Server memory** is the growth of `Private_Dirty`. **Kernel memory** is the growth of `Slab` in `/proc/meminfo`: sockets, files and \
inodes of both ends, because both are on this machine. Other programs change it, too. TCP's queues are `mem` in `/proc/net/sockstat`.
- **Broadcast**: a client of each process sends 125 B, which its server publishes to all of its connections; five times, the median.
- Then every other connection is reset, and all of those clients connect again at once. One that fails tries again after \
a second.
";

const MILLION_METHOD: &str = "\
These are times of one event loop on one core without any network: the transports of the simulation only count what is \
written to them. They show whether what the loop does for a connection depends on how many there are. They are not what a \
server costs, most of which is the kernel's.

- Each connection has its own address, is subscribed to one topic, and has exchanged one message.
- A time is that of one connection that the event concerns; that of a round in which nothing is due is the whole round.
- **Memory** is the growth of `Private_Dirty` in `/proc/self/smaps_rollup` for each connection, with its subscription, its \
entry in the count of addresses, and 8 bytes of the simulation. Sockets, the ring and TLS are not in it.
- What grows with the number of connections is the number of cache misses: 10,000 connections fit the caches.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let page = "# Benchmarks\n\nA\n\n## Notes\n\nB\n\n## The hub\n\nC\n";
        assert_eq!(Page::read(page).text(), page);
        let with_events = Page::read(page).with(Section::SocketIo, "## Socket.IO\n\nD\n").text();
        assert_eq!(with_events, format!("{page}\n## Socket.IO\n\nD\n"));
        let renewed = Page::read(&with_events).with(Section::Hub, "## The hub\n\nE\n").text();
        assert_eq!(renewed, with_events.replace('C', "E"));
    }
}
