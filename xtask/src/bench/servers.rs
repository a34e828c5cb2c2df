//! The servers that are compared.

use clap::ValueEnum;

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BenchServer {
    /// Its name on the command line and in the tables.
    pub(super) name: &'static str,
    pub(super) standing: Standing,
    pub(super) program: Program,
    /// The tasks that it supports.
    pub(super) tasks: &'static [ServerTask],
}

/// A server's role in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// TCP echo, which no WebSocket server can beat.
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
        }
    }

    /// The load generator's `--speech`.
    pub(super) fn speech(self) -> &'static str {
        match self {
            ServerTask::Tcp => "tcp",
            ServerTask::Echo | ServerTask::Broadcast => "ws",
            ServerTask::Deflate => "deflate",
            ServerTask::Tls => "wss",
        }
    }
}

const ALL: &[ServerTask] = &[ServerTask::Echo, ServerTask::Deflate, ServerTask::Tls, ServerTask::Broadcast];

const fn ours(name: &'static str, arguments: &'static [&'static str]) -> BenchServer {
    let program = Program::Rust { package: "bench-longwire", arguments };
    BenchServer { name, standing: Standing::Ours, program, tasks: ALL }
}

const fn floor(name: &'static str, arguments: &'static [&'static str]) -> BenchServer {
    let program = Program::Rust { package: "bench-floor", arguments };
    BenchServer { name, standing: Standing::Floor, program, tasks: &[ServerTask::Tcp] }
}

const fn peer(name: &'static str, program: Program, tasks: &'static [ServerTask]) -> BenchServer {
    BenchServer { name, standing: Standing::Peer, program, tasks }
}

const fn rust(package: &'static str) -> Program {
    Program::Rust { package, arguments: &[] }
}

pub(super) const RAW_EPOLL: &str = "tcp-epoll";

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
];

/// The server of that name.
pub(super) fn find(name: &str) -> Option<&'static BenchServer> {
    SERVERS.iter().find(|server| server.name == name)
}
