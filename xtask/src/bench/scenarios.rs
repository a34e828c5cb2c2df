//! The scenarios.

use super::hub_load::{HubLoad, Namespace};
use super::servers::{BenchServer, ServerTask, Standing};

/// One comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scenario {
    /// Its name on the command line.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) task: ServerTask,
    pub(super) load: Load,
}

/// What the load generator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Echo { size: u32, content: Content, connections: u32, outstanding: u32 },
    Latency { size: u32, connections: u32, rate: u32 },
    Events { answer: Answer, connections: u32, outstanding: u32 },
    Broadcast { size: u32, connections: u32 },
    Idle { connections: u32 },
    Handshakes,
    Hub(HubLoad),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Binary,
    Text,
    Json,
}

impl Content {
    fn argument(self) -> &'static str {
        match self {
            Content::Binary => "binary",
            Content::Text => "text",
            Content::Json => "json",
        }
    }
}

/// What a Socket.IO server answers to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Event,
    Ack,
}

impl Answer {
    fn argument(self) -> &'static str {
        match self {
            Answer::Event => "event",
            Answer::Ack => "ack",
        }
    }
}

const KIB: u32 = 1024;

const fn echo(
    name: &'static str,
    title: &'static str,
    (size, content): (u32, Content),
    (connections, outstanding): (u32, u32),
) -> Scenario {
    Scenario {
        name,
        title,
        task: ServerTask::Echo,
        load: Load::Echo { size, content, connections, outstanding },
    }
}

const fn on(task: ServerTask, scenario: Scenario) -> Scenario {
    Scenario { task, ..scenario }
}

const fn broadcast(name: &'static str, title: &'static str, connections: u32) -> Scenario {
    Scenario { name, title, task: ServerTask::Broadcast, load: Load::Broadcast { size: 125, connections } }
}

const fn hub(name: &'static str, title: &'static str, task: ServerTask, load: HubLoad) -> Scenario {
    Scenario { name, title, task, load: Load::Hub(load) }
}

const fn nodes(name: &'static str, title: &'static str, nodes: u16) -> Scenario {
    hub(name, title, ServerTask::Nodes, HubLoad::Nodes { namespace: Namespace::Plain, nodes })
}

const fn nodes_latency(name: &'static str, title: &'static str, nodes: u16) -> Scenario {
    hub(name, title, ServerTask::Nodes, HubLoad::Latency { namespace: Namespace::Plain, nodes })
}

const fn events(name: &'static str, title: &'static str, answer: Answer, outstanding: u32) -> Scenario {
    Scenario {
        name,
        title,
        task: ServerTask::Events,
        load: Load::Events { answer, connections: 64, outstanding },
    }
}

const fn deliver(namespace: Namespace, subscribers: u32, channels: u32) -> HubLoad {
    HubLoad::Deliver { namespace, subscribers, channels }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    echo("16b-c64", "16 B binary, 64 connections", (16, Content::Binary), (64, 1)),
    echo("16b-c64-d32", "16 B binary, 64 connections, 32 outstanding", (16, Content::Binary), (64, 32)),
    echo("16b-c1", "16 B binary, 1 connection", (16, Content::Binary), (1, 1)),
    echo("16b-c1-d32", "16 B binary, 1 connection, 32 outstanding", (16, Content::Binary), (1, 32)),
    echo("125b-c1000", "125 B text, 1,000 connections", (125, Content::Text), (1000, 1)),
    echo("125b-c10000", "125 B text, 10,000 connections", (125, Content::Text), (10_000, 1)),
    echo("1k-c64-d32", "1 KiB binary, 64 connections, 32 outstanding", (KIB, Content::Binary), (64, 32)),
    echo("1k-text-c64-d32", "1 KiB text, 64 connections, 32 outstanding", (KIB, Content::Text), (64, 32)),
    echo("16k-c64", "16 KiB binary, 64 connections", (16 * KIB, Content::Binary), (64, 1)),
    echo("16k-text-c64", "16 KiB text, 64 connections", (16 * KIB, Content::Text), (64, 1)),
    echo("256k-c4", "256 KiB binary, 4 connections", (256 * KIB, Content::Binary), (4, 1)),
    on(
        ServerTask::Deflate,
        echo("deflate-1k", "permessage-deflate, 1 KiB JSON, 64 connections", (KIB, Content::Json), (64, 1)),
    ),
    on(ServerTask::Tls, echo("tls-1k", "TLS, 1 KiB binary, 64 connections", (KIB, Content::Binary), (64, 1))),
    broadcast("broadcast-1000", "broadcast of 125 B text to 1,000 connections", 1000),
    broadcast("broadcast-10000", "broadcast of 125 B text to 10,000 connections", 10_000),
    Scenario {
        name: "idle",
        title: "10,000 idle connections",
        task: ServerTask::Echo,
        load: Load::Idle { connections: 10_000 },
    },
    Scenario {
        name: "handshakes",
        title: "opening handshakes, 64 at a time",
        task: ServerTask::Echo,
        load: Load::Handshakes,
    },
    Scenario {
        name: "latency",
        title: "latency at 20,000 messages a second of 125 B, 64 connections",
        task: ServerTask::Echo,
        load: Load::Latency { size: 125, connections: 64, rate: 20_000 },
    },
    hub(
        "hub-1000",
        "one channel, 1,000 subscribers",
        ServerTask::Channels,
        deliver(Namespace::Plain, 1000, 1),
    ),
    hub(
        "hub-10000",
        "one channel, 10,000 subscribers",
        ServerTask::Channels,
        deliver(Namespace::Plain, 10_000, 1),
    ),
    hub(
        "hub-history-1000",
        "one channel with history, 1,000 subscribers",
        ServerTask::History,
        deliver(Namespace::Kept, 1000, 1),
    ),
    hub(
        "hub-channels",
        "10,000 channels with one subscriber each",
        ServerTask::Channels,
        deliver(Namespace::Plain, 10_000, 10_000),
    ),
    hub(
        "hub-channels-history",
        "10,000 channels with history and one subscriber each",
        ServerTask::History,
        deliver(Namespace::Kept, 10_000, 10_000),
    ),
    hub(
        "hub-channels-api",
        "10,000 channels with one subscriber each, published by the API, 10 in a request",
        ServerTask::ChannelsApi,
        deliver(Namespace::Plain, 10_000, 10_000),
    ),
    hub(
        "hub-idle",
        "10,000 idle connections, each with one subscription",
        ServerTask::Channels,
        HubLoad::Idle { namespace: Namespace::Plain, connections: 10_000 },
    ),
    hub(
        "hub-idle-presence",
        "10,000 idle connections, each with one subscription and presence",
        ServerTask::Hub,
        HubLoad::Idle { namespace: Namespace::Present, connections: 10_000 },
    ),
    hub(
        "hub-recover",
        "10,000 clients connect again, and recover 10 publications each",
        ServerTask::Hub,
        HubLoad::Recover { past: "kept", clients: 10_000 },
    ),
    hub(
        "hub-restart",
        "10,000 clients connect again after a restart, which has lost their position",
        ServerTask::Hub,
        HubLoad::Recover { past: "lost", clients: 10_000 },
    ),
    hub(
        "hub-api",
        "the API, 1,000 publications in a request, without subscribers",
        ServerTask::Hub,
        HubLoad::Api { namespace: Namespace::Plain, batch: 1000 },
    ),
    hub(
        "hub-api-history",
        "the API, 1,000 publications in a request, with history",
        ServerTask::Hub,
        HubLoad::Api { namespace: Namespace::Kept, batch: 1000 },
    ),
    events("socketio-echo", "an event that is echoed, 64 connections", Answer::Event, 1),
    events("socketio-ack", "an event that is acknowledged, 64 connections", Answer::Ack, 1),
    events("socketio-echo-d32", "an event that is echoed, 64 connections, 32 outstanding", Answer::Event, 32),
    hub(
        "socketio-room",
        "an event to a room of 1,000",
        ServerTask::Events,
        deliver(Namespace::Plain, 1000, 1),
    ),
    hub(
        "socketio-idle",
        "5,000 idle connections, each in one room",
        ServerTask::Events,
        HubLoad::Idle { namespace: Namespace::Plain, connections: 5_000 },
    ),
    nodes("nodes-1", "full load, one node", 1),
    nodes("nodes-2", "full load, two nodes", 2),
    nodes("nodes-3", "full load, three nodes", 3),
    hub(
        "nodes-3-history",
        "full load with history, three nodes",
        ServerTask::NodesHistory,
        HubLoad::Nodes { namespace: Namespace::Kept, nodes: 3 },
    ),
    nodes_latency("nodes-latency-1", "latency, one node", 1),
    nodes_latency("nodes-latency-2", "latency to another node, of two", 2),
    nodes_latency("nodes-latency-3", "latency to other nodes, of three", 3),
    hub(
        "nodes-latency-3-history",
        "latency with history to other nodes, of three",
        ServerTask::NodesHistory,
        HubLoad::Latency { namespace: Namespace::Kept, nodes: 3 },
    ),
];

/// The scenario of that name.
pub(super) fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

impl Scenario {
    /// The task to start this server with, or `None` if it takes no part.
    pub(super) fn task_of(&self, server: &BenchServer) -> Option<ServerTask> {
        let task = match server.standing {
            Standing::Floor if self.is_over_tcp() => ServerTask::Tcp,
            Standing::Floor | Standing::Ours | Standing::Peer => self.task,
        };
        server.tasks.contains(&task).then_some(task)
    }

    /// How many nodes of a server it starts.
    pub(super) fn nodes(&self) -> u16 {
        match self.load {
            Load::Hub(load) => load.nodes(),
            _ => 1,
        }
    }

    /// Whether a server of plain TCP can take the same load.
    fn is_over_tcp(&self) -> bool {
        match self.load {
            Load::Events { .. } => true,
            Load::Handshakes | Load::Hub(_) => false,
            Load::Echo { .. } | Load::Latency { .. } | Load::Broadcast { .. } | Load::Idle { .. } => {
                self.task == ServerTask::Echo
            }
        }
    }

    /// The load generator's arguments, to follow the target.
    pub(super) fn arguments(&self, server: &BenchServer, span: &Span) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add =
            |name: &str, value: &dyn ToString| arguments.extend([name.to_owned(), value.to_string()]);
        let timed = match self.load {
            Load::Echo { size, content, connections, outstanding } => {
                add("--size", &size);
                add("--content", &content.argument());
                add("--connections", &connections);
                add("--outstanding", &outstanding);
                "echo"
            }
            Load::Latency { size, connections, rate } => {
                add("--size", &size);
                add("--content", &Content::Text.argument());
                add("--connections", &connections);
                add("--rate", &rate);
                "latency"
            }
            Load::Events { answer, connections, outstanding } => {
                add("--answer", &answer.argument());
                add("--connections", &connections);
                add("--outstanding", &outstanding);
                "events"
            }
            Load::Broadcast { size, connections } => {
                add("--size", &size);
                add("--content", &Content::Text.argument());
                add("--connections", &connections);
                "broadcast"
            }
            Load::Handshakes => "handshakes",
            Load::Hub(load) => {
                arguments = load.arguments(server.clients.dialect, server.clients.by);
                if load.is_timed() {
                    arguments.extend(span.arguments());
                }
                return arguments;
            }
            Load::Idle { connections } => {
                add("--connections", &connections);
                arguments.insert(0, "idle".to_owned());
                return arguments;
            }
        };
        arguments.extend(span.arguments());
        arguments.insert(0, timed.to_owned());
        arguments
    }
}

/// The durations of one measurement, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) warm_up: f64,
    pub(super) measured: f64,
}

impl Span {
    fn arguments(&self) -> [String; 4] {
        let Span { warm_up, measured } = self;
        ["--warm-up".to_owned(), warm_up.to_string(), "--seconds".to_owned(), measured.to_string()]
    }
}
