//! WebSocket client and server for tokio.
//!
#![cfg_attr(all(feature = "client", feature = "server"), doc = include_str!("../docs/recipes.md"))]
#![doc = include_str!("../docs/features.md")]
#![doc = include_str!("../docs/bounds.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "server")]
mod admission;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "client")]
mod bell;
#[cfg(feature = "blocking")]
pub mod blocking;
mod byte_stream;
#[cfg(feature = "client")]
mod client;
mod connection;
mod error;
mod established;
#[cfg(feature = "server")]
mod event;
#[cfg(feature = "client")]
pub mod event_socket;
mod halves;
#[cfg(feature = "server")]
mod http1;
mod inbox;
mod ledger;
mod message;
mod message_reader;
mod message_writer;
#[cfg(any(feature = "client", feature = "server"))]
mod panic_message;
mod read_buffers;
#[cfg(feature = "client")]
pub mod reconnect;
mod send_buffers;
#[cfg(any(feature = "client", feature = "server"))]
mod send_status;
#[cfg(feature = "server")]
mod server;
mod shared;
mod sink;
#[cfg(all(test, target_os = "linux", feature = "uring"))]
#[path = "../tests/skipped/mod.rs"]
mod skipped;
pub mod telemetry;
#[cfg(all(feature = "tls", any(feature = "client", feature = "server")))]
mod tls;
#[cfg(feature = "tower")]
pub mod tower;
mod transport;
mod websocket;

#[cfg(feature = "server")]
pub use admission::decision::{Accept, Attached, Upgrade};
#[cfg(feature = "server")]
pub use admission::hook::UpgradeHook;
#[cfg(feature = "server")]
pub use admission::listener::Listener;
#[cfg(feature = "server")]
pub use admission::origin::{InvalidOrigin, Origin};
#[cfg(feature = "server")]
pub use admission::trusted_proxies::TrustedProxies;
pub use byte_stream::ByteStream;
#[cfg(all(feature = "tls", feature = "client"))]
pub use client::Secured;
#[cfg(feature = "client")]
pub use client::{Client, ConnectStep, Destination, Proxy, Timeouts, connect};
#[cfg(feature = "client")]
pub use error::{Cause, ProxyError};
pub use error::{Error, HandshakeError, InvalidSetting, RefusedResponse, Result, UrlError};
pub use established::Established;
#[cfg(feature = "server")]
pub use event::{
    AsMessage, Caller, CloseCount, Dropped, Engine, Handler, MessagePieces, MessageRef, PausedSubscription,
    Remote, Slow, Socket, SocketId, SocketTraffic, SocketView, Stage, StageBuilder, StageClient,
    StageRequest, Timer, TopicEvent, Topics, UringRefusal,
};
#[cfg(feature = "client")]
pub use event_socket::EventSocket;
pub use halves::{Receiver, Sender, TrySendError};
#[cfg(feature = "server")]
pub use http1::service::{PageAccess, PeerAddr};
pub use longwire_proto::deflate::{Deflate, DeflateError, Retain, Takeover};
#[cfg(feature = "server")]
pub use longwire_proto::handshake::is_upgrade;
pub use longwire_proto::handshake::{HeadError, Refusal, RequestError, ResponseError};
pub use longwire_proto::{
    By, CloseCode, CloseFrame, Closed, Config, ControlLen, ControlOpcode, DataOpcode, Direction, FrameKind,
    FrameObserver, Header, InvalidClose, InvalidLimit, Keepalive, Limits, Opcode, ProtocolError,
    ReservedBits, Role, SeenFrame, SendError,
};
pub use message::{Message, Outgoing, Utf8Bytes};
pub use message_reader::MessageReader;
pub use message_writer::{BinaryWriter, TextWriter};
#[cfg(feature = "client")]
pub use reconnect::Reconnect;
#[cfg(any(feature = "client", feature = "server"))]
pub use send_status::SendStatus;
#[cfg(feature = "server")]
pub use server::{Endpoint, HandlerOutcome, HandlerResult, Server, Upgrading, mode, upgrade};
#[cfg(all(feature = "tls", feature = "server"))]
pub use tls::Tls;
#[cfg(all(feature = "tls", feature = "client"))]
pub use tls::{ClientTls, Roots};
pub use websocket::WebSocket;

/// Compiles the README's examples together with those of the documentation.
#[cfg(all(doctest, feature = "axum", feature = "client"))]
#[doc = include_str!("../../../README.md")]
pub struct ReadmeExamples;
