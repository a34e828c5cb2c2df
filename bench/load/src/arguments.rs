//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Puts load on a WebSocket server, and tells what that cost the server.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

/// The server.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Where it listens.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Its process, whose time and memory is measured.
    #[arg(long)]
    pub(crate) pid: u32,
    /// What it speaks.
    #[arg(long, value_enum, default_value_t = Speech::Ws)]
    pub(crate) speech: Speech,
    /// The PEM file of the certificate to trust, with `--speech wss`.
    #[arg(long)]
    pub(crate) certificate: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speech {
    /// Bytes, which come back as they are.
    Tcp,
    Ws,
    /// WebSocket with permessage-deflate, no context takeover.
    Deflate,
    /// WebSocket over TLS.
    Wss,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Every connection sends again when a reply has come.
    Echo(Echo),
    /// Messages are sent at a fixed rate, and the time until their replies is measured from when they were due.
    Latency(Latency),
    /// One connection sends, and all get it.
    Broadcast(Broadcast),
    /// Connections exchange one message each, and then nothing.
    Idle(Idle),
    /// Connections are opened and dropped.
    Handshakes(Handshakes),
}

#[derive(Debug, Args)]
pub(crate) struct Echo {
    #[command(flatten)]
    pub(crate) message: MessageShape,
    #[arg(long)]
    pub(crate) connections: u32,
    /// How many messages each connection has under way.
    #[arg(long, default_value_t = 1)]
    pub(crate) outstanding: usize,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct Latency {
    #[command(flatten)]
    pub(crate) message: MessageShape,
    #[arg(long)]
    pub(crate) connections: u32,
    /// Messages a second, over all connections.
    #[arg(long)]
    pub(crate) rate: u32,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct Broadcast {
    #[command(flatten)]
    pub(crate) message: MessageShape,
    #[arg(long)]
    pub(crate) connections: u32,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct Idle {
    #[arg(long)]
    pub(crate) connections: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Handshakes {
    /// How many are under way at a time.
    #[arg(long, default_value_t = 64)]
    pub(crate) together: usize,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct MessageShape {
    /// Bytes in a message.
    #[arg(long)]
    pub(crate) size: usize,
    #[arg(long, value_enum, default_value_t = Content::Binary)]
    pub(crate) content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Content {
    Binary,
    /// Text in several scripts.
    Text,
    /// Text that could be an application's: from some 100 bytes on it shrinks to about a third.
    Json,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Span {
    /// Seconds before the measurement begins.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

impl Span {
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }

    pub(crate) fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}
