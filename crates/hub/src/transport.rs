//! How a client is connected.

use std::collections::BTreeMap;

use crate::centrifuge::{Encoding, Wrapping};

/// How a client is connected.
///
/// ```
/// use longwire_hub::{Transport, TransportKind, centrifuge::Encoding};
///
/// let transport = Transport::new(TransportKind::WebSocket, Encoding::Json);
/// assert!(!transport.kind.is_one_way());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Transport {
    /// The kind of connection.
    pub kind: TransportKind,
    /// The encoding of both directions.
    pub encoding: Encoding,
    /// What hooks learn of the connection.
    pub origin: Option<Box<TransportOrigin>>,
}

/// What hooks learn of a connection.
///
/// ```
/// let origin = longwire_hub::TransportOrigin { peer: "192.0.2.1:4711".into(), ..Default::default() };
/// ```
#[derive(Debug, Clone, Default)]
pub struct TransportOrigin {
    /// The client's address.
    pub peer: String,
    /// The header fields of the request that hooks are configured to see, by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// The kind of a connection.
///
/// ```
/// assert!(longwire_hub::TransportKind::UniSse.is_one_way());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// `/connection/websocket`
    WebSocket,
    /// `/connection/sse`, with `/emulation`.
    Sse,
    /// `/connection/http_stream`, with `/emulation`.
    HttpStream,
    /// `/connection/uni_websocket`
    UniWebSocket,
    /// `/connection/uni_sse`
    UniSse,
    /// `/connection/uni_http_stream`
    UniHttpStream,
    /// `/channel/{name}`: one channel, whose publications are the messages. See
    /// [`Session::open_plain`](crate::Session::open_plain).
    Plain,
    /// `/socket.io/`, over polling or WebSocket. The program translates events to commands, and replies to events.
    SocketIo,
}

impl TransportKind {
    /// The name that hooks and the log use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TransportKind::WebSocket => "websocket",
            TransportKind::Sse => "sse",
            TransportKind::HttpStream => "http_stream",
            TransportKind::UniWebSocket => "uni_websocket",
            TransportKind::UniSse => "uni_sse",
            TransportKind::UniHttpStream => "uni_http_stream",
            TransportKind::Plain => "plain",
            TransportKind::SocketIo => "socketio",
        }
    }

    /// Whether the client only connects, and then only receives.
    #[must_use]
    pub fn is_one_way(self) -> bool {
        matches!(self, TransportKind::UniWebSocket | TransportKind::UniSse | TransportKind::UniHttpStream)
    }

    /// Whether the client sends its commands in requests of their own.
    #[must_use]
    pub fn is_emulated(self) -> bool {
        matches!(self, TransportKind::Sse | TransportKind::HttpStream)
    }

    /// Whether closing carries a code and a reason. Other clients get a push before.
    #[must_use]
    pub fn has_close_codes(self) -> bool {
        matches!(self, TransportKind::WebSocket | TransportKind::UniWebSocket | TransportKind::Plain)
    }
}

impl Transport {
    /// A transport of which hooks learn nothing more.
    #[must_use]
    pub fn new(kind: TransportKind, encoding: Encoding) -> Transport {
        Transport { kind, encoding, origin: None }
    }

    /// With what hooks learn of the connection.
    #[must_use]
    pub fn origin(mut self, origin: TransportOrigin) -> Transport {
        self.origin = Some(Box::new(origin));
        self
    }

    /// Whether the hub pings: whether nothing below it does.
    pub(crate) fn has_pings(&self) -> bool {
        !matches!(self.kind, TransportKind::Plain | TransportKind::SocketIo)
    }

    pub(crate) fn wrapping(&self) -> Wrapping {
        if self.kind.is_one_way() { Wrapping::Bare } else { Wrapping::Reply }
    }
}
