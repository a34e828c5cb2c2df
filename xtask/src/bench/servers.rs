//! The servers that are compared.

use clap::ValueEnum;

use super::brokers::Broker;
use super::section::Section;

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BenchServer {
    /// Its name on the command line and in the tables.
    pub(super) name: &'static str,
    pub(super) standing: Standing,
    pub(super) program: Program,
    /// The tasks that it supports.
    pub(super) tasks: &'static [ServerTask],
    /// The load generator's part in the scenarios with channels.
    pub(super) clients: Clients,
    /// What connects its nodes.
    pub(super) broker: Option<Broker>,
}

/// How clients of a hub speak, and how publications come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clients {
    pub(super) dialect: &'static str,
    pub(super) by: &'static str,
}

/// A server's role in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// TCP echo, which no WebSocket server can beat, or topics without a hub.
    Floor,
    Ours,
    Peer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// A package of `bench/`. Its own arguments follow the common ones.
    Rust { package: &'static str, arguments: &'static [&'static str] },
    /// A script of `bench/peers/node`, run by Node.
    Node(&'static str),
    /// A script of `bench/peers/node`, run by Bun.
    Bun(&'static str),
    /// A script of `bench/peers/python`.
    Python(&'static str),
    /// `longwire serve` of this workspace, called by a script of `bench/hub`.
    Hub,
    /// The program of the crate `sockudo`, called by a script of `bench/hub`.
    Sockudo,
    /// A command of `--peer`, run by a shell.
    Given(&'static str),
}

/// The task that a server is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ServerTask {
    /// Echoes bytes.
    Tcp,
    Echo,
    Deflate,
    Tls,
    Broadcast,
    /// Delivers to the channels that clients subscribe to.
    Channels,
    /// As [`ServerTask::Channels`], with publications by the API for back ends.
    ChannelsApi,
    /// As [`ServerTask::Channels`], with history.
    History,
    /// What only our hub is measured with.
    Hub,
    /// As [`ServerTask::Channels`], as one of several nodes.
    Nodes,
    /// As [`ServerTask::Nodes`], with history.
    NodesHistory,
    /// Answers events of Socket.IO, and sends them to rooms.
    Events,
}

impl ServerTask {
    /// The server's command-line argument.
    pub(super) fn argument(self) -> &'static str {
        match self {
            ServerTask::Tcp => "tcp",
            ServerTask::Echo => "echo",
            ServerTask::Deflate => "deflate",
            ServerTask::Tls => "tls",
            ServerTask::Broadcast => "broadcast",
            ServerTask::Channels
            | ServerTask::ChannelsApi
            | ServerTask::History
            | ServerTask::Hub
            | ServerTask::Nodes
            | ServerTask::NodesHistory => "topics",
            ServerTask::Events => "events",
        }
    }

    /// The load generator's `--speech`.
    pub(super) fn speech(self) -> &'static str {
        match self {
            ServerTask::Tcp => "tcp",
            ServerTask::Echo
            | ServerTask::Broadcast
            | ServerTask::Channels
            | ServerTask::ChannelsApi
            | ServerTask::History
            | ServerTask::Hub
            | ServerTask::Nodes
            | ServerTask::NodesHistory
            | ServerTask::Events => "ws",
            ServerTask::Deflate => "deflate",
            ServerTask::Tls => "wss",
        }
    }

    /// Where it is compared.
    pub(super) fn section(self) -> Section {
        match self {
            ServerTask::Tcp
            | ServerTask::Echo
            | ServerTask::Deflate
            | ServerTask::Tls
            | ServerTask::Broadcast => Section::WebSocket,
            ServerTask::Channels | ServerTask::ChannelsApi | ServerTask::History | ServerTask::Hub => {
                Section::Hub
            }
            ServerTask::Events => Section::SocketIo,
            ServerTask::Nodes | ServerTask::NodesHistory => Section::Nodes,
        }
    }
}

const ALL: &[ServerTask] = &[ServerTask::Echo, ServerTask::Deflate, ServerTask::Tls, ServerTask::Broadcast];

const fn ours(name: &'static str, arguments: &'static [&'static str]) -> BenchServer {
    let program = Program::Rust { package: "bench-longwire", arguments };
    BenchServer { name, standing: Standing::Ours, program, tasks: ALL, clients: NONE, broker: None }
}

const fn floor(name: &'static str, arguments: &'static [&'static str]) -> BenchServer {
    let program = Program::Rust { package: "bench-floor", arguments };
    BenchServer {
        name,
        standing: Standing::Floor,
        program,
        tasks: &[ServerTask::Tcp],
        clients: NONE,
        broker: None,
    }
}

const fn peer(name: &'static str, program: Program, tasks: &'static [ServerTask]) -> BenchServer {
    BenchServer { name, standing: Standing::Peer, program, tasks, clients: NONE, broker: None }
}

/// Takes no part in the scenarios with channels.
const NONE: Clients = Clients { dialect: "", by: "" };

const fn hub(
    name: &'static str,
    (standing, program): (Standing, Program),
    tasks: &'static [ServerTask],
    (dialect, by): (&'static str, &'static str),
) -> BenchServer {
    BenchServer { name, standing, program, tasks, clients: Clients { dialect, by }, broker: None }
}

const fn socketio(name: &'static str, standing: Standing, program: Program) -> BenchServer {
    hub(name, (standing, program), &[ServerTask::Events], SOCKET_IO)
}

const fn over(broker: Broker, server: BenchServer) -> BenchServer {
    BenchServer { broker: Some(broker), ..server }
}

const fn nodes(name: &'static str, broker: Broker) -> BenchServer {
    const TASKS: &[ServerTask] = &[ServerTask::Nodes, ServerTask::NodesHistory];
    over(broker, hub(name, (Standing::Ours, Program::Hub), TASKS, ("json", "client")))
}

const SOCKET_IO: (&str, &str) = ("socket-io", "client");

const fn rust(package: &'static str) -> Program {
    Program::Rust { package, arguments: &[] }
}

pub(super) const RAW_EPOLL: &str = "tcp-epoll";
pub(super) const PLAIN_TOPICS: &str = "plain-topics";
const OVER_REDIS: &str = "longwire-redis";

/// All servers, in the order of the tables' legend.
pub(super) const SERVERS: &[BenchServer] = &[
    floor(RAW_EPOLL, &["epoll"]),
    floor("tcp-uring", &["uring"]),
    ours("longwire-uring", &["uring"]),
    ours("longwire-readiness", &["readiness"]),
    ours("longwire-async", &["async"]),
    peer("sockudo-ws", rust("bench-sockudo-ws"), ALL),
    peer(
        "tokio-websockets",
        rust("bench-tokio-websockets"),
        &[ServerTask::Echo, ServerTask::Tls, ServerTask::Broadcast],
    ),
    peer("fastwebsockets", rust("bench-fastwebsockets"), &[ServerTask::Echo, ServerTask::Tls]),
    peer("wtx", rust("bench-wtx"), &[ServerTask::Echo, ServerTask::Deflate]),
    peer("yawc", rust("bench-yawc"), &[ServerTask::Echo, ServerTask::Deflate, ServerTask::Tls]),
    peer(
        "tokio-tungstenite",
        rust("bench-tokio-tungstenite"),
        &[ServerTask::Echo, ServerTask::Tls, ServerTask::Broadcast],
    ),
    peer("axum", rust("bench-axum"), &[ServerTask::Echo, ServerTask::Broadcast]),
    peer("ws", Program::Node("ws.mjs"), ALL),
    peer("bun", Program::Bun("bun.mjs"), ALL),
    peer("websockets", Program::Python("server.py"), ALL),
    hub(
        PLAIN_TOPICS,
        (Standing::Floor, Program::Rust { package: "bench-longwire", arguments: &["uring"] }),
        &[ServerTask::Channels, ServerTask::History],
        ("topics", "client"),
    ),
    hub(
        "longwire-hub",
        (Standing::Ours, Program::Hub),
        &[ServerTask::Channels, ServerTask::History, ServerTask::Hub],
        ("json", "client"),
    ),
    hub(
        "longwire-hub-protobuf",
        (Standing::Ours, Program::Hub),
        &[ServerTask::Channels, ServerTask::History],
        ("protobuf", "client"),
    ),
    hub("longwire-hub-api", (Standing::Ours, Program::Hub), &[ServerTask::ChannelsApi], ("json", "api")),
    hub(
        "sockudo",
        (Standing::Peer, Program::Sockudo),
        &[ServerTask::Channels, ServerTask::ChannelsApi],
        ("pusher", "api"),
    ),
    hub(
        "socket.io",
        (Standing::Peer, Program::Node("rooms.mjs")),
        &[ServerTask::Channels, ServerTask::Events],
        SOCKET_IO,
    ),
    socketio(
        "longwire-socketio-uring",
        Standing::Ours,
        Program::Rust { package: "bench-longwire", arguments: &["uring"] },
    ),
    socketio(
        "longwire-socketio-readiness",
        Standing::Ours,
        Program::Rust { package: "bench-longwire", arguments: &["readiness"] },
    ),
    socketio("socketioxide", Standing::Peer, rust("bench-socketioxide")),
    nodes(OVER_REDIS, Broker::Redis),
    nodes("longwire-nats", Broker::Nats),
    over(
        Broker::Redis,
        hub("socket.io-redis", (Standing::Peer, Program::Node("rooms.mjs")), &[ServerTask::Nodes], SOCKET_IO),
    ),
];

/// The lower bound of a comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    pub(super) server: &'static str,
    /// The title of the column with ratios to it.
    pub(super) title: &'static str,
}

/// The lower bound of a section's servers.
pub(super) fn lower_bound(section: Section) -> Floor {
    match section {
        Section::WebSocket | Section::SocketIo | Section::Crowd | Section::Million => {
            Floor { server: RAW_EPOLL, title: "to TCP over epoll" }
        }
        Section::Hub => Floor { server: PLAIN_TOPICS, title: "to plain topics" },
        Section::Nodes => Floor { server: OVER_REDIS, title: "to longwire over Redis" },
    }
}

/// The server of that name.
pub(super) fn find(name: &str) -> Option<&'static BenchServer> {
    SERVERS.iter().find(|server| server.name == name)
}
