//! The protocols of the hubs that are compared.

use clap::ValueEnum;
use longwire_wire::bits::{BINARY, FIN, TEXT};
use longwire_wire::{Mask, RawFrame, Role};

use super::content;

/// The protocol of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Topics of an event loop, without a protocol: the URL names the topic, and a message is a publication.
    Topics,
    /// The Centrifuge protocol in JSON.
    Json,
    /// The Centrifuge protocol in protobuf.
    Protobuf,
    /// The Pusher protocol.
    Pusher,
    /// Socket.IO over WebSocket, with a room per channel.
    SocketIo,
}

/// A step of subscribing: what to send, and what a frame of the answer contains.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) send: Option<Vec<u8>>,
    pub(super) until: Vec<u8>,
}

/// A position after which publications are recovered.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// The key and secret of the application in the Pusher protocol.
pub(super) const PUSHER_KEY: &str = "bench-key";
pub(super) const PUSHER_SECRET: &str = "bench-secret";
pub(super) const PUSHER_APP: &str = "bench";

/// The key of the hub's API.
pub(super) const API_KEY: &str = "bench-api-key-0123456789";

impl Dialect {
    /// The target of the opening handshake.
    pub(super) fn target(self, channel: &str) -> String {
        match self {
            Dialect::Topics => format!("/topic/{channel}"),
            Dialect::Json | Dialect::Protobuf => "/connection/websocket".to_owned(),
            Dialect::Pusher => format!("/app/{PUSHER_KEY}?protocol=7&client=js&version=8.4.0&flash=false"),
            Dialect::SocketIo => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        }
    }

    pub(super) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Dialect::Json => Some("centrifuge-json"),
            Dialect::Protobuf => Some("centrifuge-protobuf"),
            Dialect::Topics | Dialect::Pusher | Dialect::SocketIo => None,
        }
    }

    /// How a client connects and subscribes to a channel.
    pub(super) fn subscribing(self, channel: &str) -> Vec<Step> {
        match self {
            Dialect::Topics => vec![await_only("subscribed")],
            Dialect::Json => vec![step(
                &format!(
                    "{{\"connect\":{{}},\"id\":1}}\n{{\"subscribe\":{{\"channel\":\"{channel}\"}},\"id\":2}}"
                ),
                "\"id\":2",
            )],
            Dialect::Protobuf => vec![Step {
                send: Some(frame(BINARY, &[connect(), subscribe(channel)].concat())),
                // The reply with this id.
                until: vec![0x08, 2],
            }],
            Dialect::Pusher => vec![
                await_only("pusher:connection_established"),
                step(
                    &format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#),
                    "subscription_succeeded",
                ),
            ],
            Dialect::SocketIo => vec![
                await_only("0{"),
                step("40", "40{"),
                step(&format!(r#"420["join","{channel}"]"#), "430["),
            ],
        }
    }

    /// As [`Dialect::subscribing`], for a client of the JSON protocol that wants what it missed.
    pub(super) fn recovering(channel: &str, position: &Position) -> Vec<Step> {
        let Position { offset, epoch } = position;
        vec![step(
            &format!(
                "{{\"connect\":{{}},\"id\":1}}\n{{\"subscribe\":{{\"channel\":\"{channel}\",\"recover\":true,\
                 \"recoverable\":true,\"offset\":{offset},\"epoch\":\"{epoch}\"}},\"id\":2}}"
            ),
            "\"id\":2",
        )]
    }

    /// How a client connects that publishes to channels by name.
    pub(super) fn connecting(self) -> Vec<Step> {
        match self {
            Dialect::Topics => vec![await_only("subscribed")],
            Dialect::Json => vec![step("{\"connect\":{},\"id\":1}", "\"id\":1")],
            Dialect::Protobuf => {
                vec![Step { send: Some(frame(BINARY, &connect())), until: vec![0x08, 1] }]
            }
            Dialect::Pusher => vec![await_only("pusher:connection_established")],
            Dialect::SocketIo => vec![await_only("0{"), step("40", "40{")],
        }
    }

    /// The frame by which a client publishes, or `None` if clients of this protocol cannot.
    pub(super) fn publishing(self, channel: &str) -> Option<Vec<u8>> {
        let content = content();
        match self {
            Dialect::Topics => Some(frame(TEXT, format!("{channel}\n{content}").as_bytes())),
            Dialect::Json => {
                let command = format!(r#"{{"publish":{{"channel":"{channel}","data":{content}}},"id":3}}"#);
                Some(frame(TEXT, command.as_bytes()))
            }
            Dialect::Protobuf => Some(frame(BINARY, &publish(channel, &content))),
            Dialect::SocketIo => {
                Some(frame(TEXT, format!(r#"42["publish","{channel}",{content}]"#).as_bytes()))
            }
            Dialect::Pusher => None,
        }
    }

    /// The answer to a frame of the server that is a ping.
    pub(super) fn pong(self, payload: &[u8]) -> Option<Vec<u8>> {
        match (self, payload) {
            (Dialect::Json, b"{}") => Some(frame(TEXT, b"{}")),
            (Dialect::Protobuf, [0]) => Some(frame(BINARY, &[0])),
            (Dialect::SocketIo, b"2") => Some(frame(TEXT, b"3")),
            _ => None,
        }
    }
}

fn step(send: &str, until: &str) -> Step {
    Step { send: Some(frame(TEXT, send.as_bytes())), until: until.into() }
}

fn await_only(until: &str) -> Step {
    Step { send: None, until: until.into() }
}

/// A masked frame.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    RawFrame::new(FIN | opcode, payload).masked(Mask::Key([0x37, 0xfa, 0x21, 0x3d])).encode(Role::Client)
}

/// A command of the protobuf protocol: its length, its id (field 1), and one request (a field with a length).
fn command(id: u8, request: u8, parameters: &[u8]) -> Vec<u8> {
    let mut command = vec![0x08, id];
    command.extend(field(request, parameters));
    [varint(command.len()), command].concat()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(bytes.len()), bytes.to_vec()].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn connect() -> Vec<u8> {
    command(1, 4, &[])
}

fn subscribe(channel: &str) -> Vec<u8> {
    command(2, 5, &field(1, channel.as_bytes()))
}

fn publish(channel: &str, content: &str) -> Vec<u8> {
    command(3, 7, &[field(1, channel.as_bytes()), field(2, content.as_bytes())].concat())
}
