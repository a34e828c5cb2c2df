//! The servers that are compared.

use clap::ValueEnum;

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name on the command line and in the tables.
    pub(super) name: &'static str,
    pub(super) standing: Standing,
    pub(super) program: Program,
    /// What it can do.
    pub(super) tasks: &'static [Task],
}

/// What a server is in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// TCP echo: what no WebSocket server can beat.
    Floor,
    Ours,
    Peer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// A package of `bench/`, with arguments of its own behind the common ones.
    Rust { package: &'static str, arguments: &'static [&'static str] },
    /// A script of `bench/peers/node`, run by Node.
    Node(&'static str),
    /// A script of `bench/peers/node`, run by Bun.
    Bun(&'static str),
    /// A script of `bench/peers/python`.
    Python(&'static str),
}

/// What a server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Task {
    /// Bytes go back as they came.
    Tcp,
    Echo,
    Deflate,
    Tls,
    Broadcast,
}

impl Task {
    /// What the server is told on its command line.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Task::Tcp => "tcp",
            Task::Echo => "echo",
            Task::Deflate => "deflate",
            Task::Tls => "tls",
            Task::Broadcast => "broadcast",
        }
    }

    /// What the load generator is told to speak.
    pub(super) fn speech(self) -> &'static str {
        match self {
            Task::Tcp => "tcp",
            Task::Echo | Task::Broadcast => "ws",
            Task::Deflate => "deflate",
            Task::Tls => "wss",
        }
    }
}

const ALL: &[Task] = &[Task::Echo, Task::Deflate, Task::Tls, Task::Broadcast];

const fn ours(name: &'static str, arguments: &'static [&'static str]) -> Server {
    let program = Program::Rust { package: "bench-longwire", arguments };
    Server { name, standing: Standing::Ours, program, tasks: ALL }
}

const fn floor(name: &'static str, arguments: &'static [&'static str]) -> Server {
    let program = Program::Rust { package: "bench-floor", arguments };
    Server { name, standing: Standing::Floor, program, tasks: &[Task::Tcp] }
}

const fn peer(name: &'static str, program: Program, tasks: &'static [Task]) -> Server {
    Server { name, standing: Standing::Peer, program, tasks }
}

const fn rust(package: &'static str) -> Program {
    Program::Rust { package, arguments: &[] }
}

pub(super) const RAW_EPOLL: &str = "tcp-epoll";

/// All of them, in the order of the tables' legend.
pub(super) const SERVERS: &[Server] = &[
    floor(RAW_EPOLL, &["epoll"]),
    floor("tcp-uring", &["uring"]),
    ours("longwire-uring", &["uring"]),
    ours("longwire-readiness", &["readiness"]),
    ours("longwire-async", &["async"]),
    peer("sockudo-ws", rust("bench-sockudo-ws"), ALL),
    peer("tokio-websockets", rust("bench-tokio-websockets"), &[Task::Echo, Task::Tls, Task::Broadcast]),
    peer("fastwebsockets", rust("bench-fastwebsockets"), &[Task::Echo, Task::Tls]),
    peer("wtx", rust("bench-wtx"), &[Task::Echo, Task::Deflate]),
    peer("yawc", rust("bench-yawc"), &[Task::Echo, Task::Deflate, Task::Tls]),
    peer("tokio-tungstenite", rust("bench-tokio-tungstenite"), &[Task::Echo, Task::Tls, Task::Broadcast]),
    peer("axum", rust("bench-axum"), &[Task::Echo, Task::Broadcast]),
    peer("ws", Program::Node("ws.mjs"), ALL),
    peer("bun", Program::Bun("bun.mjs"), ALL),
    peer("websockets", Program::Python("server.py"), ALL),
];

/// The server of that name.
pub(super) fn find(name: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|server| server.name == name)
}
