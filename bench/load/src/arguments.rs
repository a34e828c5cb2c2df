//! Command-line arguments.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::hub::{By, Dialect, Past};

/// Load a WebSocket server, and report the server's cost.
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
    /// The address that it listens on.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Its process, whose CPU time and memory are measured.
    #[arg(long)]
    pub(crate) pid: u32,
    /// More processes whose CPU time counts as the server's: other nodes and their broker.
    #[arg(long)]
    pub(crate) beside: Vec<u32>,
    /// The address of another node, at which clients can subscribe.
    #[arg(long)]
    pub(crate) node: Vec<SocketAddr>,
    /// The protocol that it speaks.
    #[arg(long, value_enum, default_value_t = Speech::Ws)]
    pub(crate) speech: Speech,
    /// The PEM file of the certificate to trust, with `--speech wss`.
    #[arg(long)]
    pub(crate) certificate: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speech {
    /// Plain TCP: the server echoes bytes.
    Tcp,
    Ws,
    /// WebSocket with permessage-deflate, without context takeover.
    Deflate,
    /// WebSocket over TLS.
    Wss,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Every connection sends again after a reply.
    Echo(Echo),
    /// Messages are due at a fixed rate, and latency counts from the time when a message was due.
    Latency(Latency),
    /// One connection sends, and all receive.
    Broadcast(Broadcast),
    /// Each connection exchanges one message, and then idles.
    Idle(Idle),
    /// Connections are opened and dropped.
    Handshakes(Handshakes),
    /// Every Socket.IO client sends an event again after its answer.
    Events(Events),
    /// Clients subscribe to channels.
    Hub(Hub),
}

#[derive(Debug, Args)]
pub(crate) struct Echo {
    #[command(flatten)]
    pub(crate) message: MessageShape,
    #[arg(long)]
    pub(crate) connections: u32,
    /// Unanswered messages per connection.
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
    /// Messages per second, over all connections.
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
    /// Handshakes in progress at a time.
    #[arg(long, default_value_t = 64)]
    pub(crate) together: usize,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    #[arg(long, value_enum)]
    pub(crate) answer: Answer,
    #[arg(long)]
    pub(crate) connections: u32,
    /// Unanswered events per connection.
    #[arg(long, default_value_t = 1)]
    pub(crate) outstanding: usize,
    #[command(flatten)]
    pub(crate) time: Span,
}

/// What a server answers to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answer {
    /// An event of the same name, with the same data.
    Event,
    /// An acknowledgement with the same data.
    Ack,
}

#[derive(Debug, Args)]
pub(crate) struct Hub {
    /// The protocol of the clients.
    #[arg(long, value_enum)]
    pub(crate) dialect: Dialect,
    /// The namespace of the channels, which has their options.
    #[arg(long, default_value = "plain")]
    pub(crate) namespace: String,
    #[command(subcommand)]
    pub(crate) scenario: HubScenario,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HubScenario {
    /// Publications are delivered.
    Deliver(Deliver),
    /// Publications are due at a fixed rate, and latency counts from the time when a publication was due.
    Latency(HubLatency),
    /// Connections are subscribed, and idle.
    Idle(HubIdle),
    /// Clients connect again, all at once.
    Recover(Recover),
    /// A back end publishes in batches.
    Api(Api),
}

#[derive(Debug, Args)]
pub(crate) struct Deliver {
    /// All subscribers together.
    #[arg(long)]
    pub(crate) subscribers: usize,
    #[arg(long, default_value_t = 1)]
    pub(crate) channels: usize,
    #[arg(long, value_enum, default_value_t = By::Client)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct HubLatency {
    /// All subscribers together, of one channel. With further nodes, none is at the publisher's.
    #[arg(long)]
    pub(crate) subscribers: usize,
    /// Publications per second.
    #[arg(long)]
    pub(crate) rate: u32,
    #[arg(long, value_enum, default_value_t = By::Client)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Args)]
pub(crate) struct HubIdle {
    #[arg(long)]
    pub(crate) connections: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[arg(long)]
    pub(crate) clients: usize,
    #[arg(long, value_enum)]
    pub(crate) past: Past,
}

#[derive(Debug, Args)]
pub(crate) struct Api {
    /// Publications in a request.
    #[arg(long)]
    pub(crate) batch: usize,
    #[command(flatten)]
    pub(crate) time: Span,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct MessageShape {
    /// Message size in bytes.
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
    /// JSON like an application's. From about 100 bytes on, it compresses to about a third.
    Json,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Span {
    /// Seconds before the measurement begins.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Seconds to measure.
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
