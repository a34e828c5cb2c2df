//! Commands, and reading them from frames.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::StreamDeserializer;
use serde_json::de::SliceRead;

use super::encoding::{Encoded, Encoding, encode};
use super::request::{
    ConnectRequest, HistoryRequest, PingRequest, PresenceRequest, PresenceStatsRequest, PublishRequest,
    RefreshRequest, RpcRequest, SendRequest, SubRefreshRequest, SubscribeRequest, UnsubscribeRequest,
};

/// A command of a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The number that the reply repeats; 0 for a command without a reply ([`Request::Pong`], [`Request::Send`]).
    pub id: u32,
    /// What the client wants.
    pub request: Request,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each request type says what it does")]
pub enum Request {
    Connect(ConnectRequest),
    Subscribe(SubscribeRequest),
    Unsubscribe(UnsubscribeRequest),
    Publish(PublishRequest),
    Presence(PresenceRequest),
    PresenceStats(PresenceStatsRequest),
    History(HistoryRequest),
    Ping(PingRequest),
    Send(SendRequest),
    Rpc(RpcRequest),
    Refresh(RefreshRequest),
    SubRefresh(SubRefreshRequest),
    /// The answer to a ping of the hub: a command without id and request.
    Pong,
    /// None, or one of a newer protocol. The hub answers with [`MethodNotFound`](super::ErrorCode::MethodNotFound).
    Unknown,
}

impl Request {
    /// The feature that the request needs and the hub does not have. It answers with
    /// [`NotAvailable`](super::ErrorCode::NotAvailable), which is not temporary: clients end that subscription, or report
    /// the error to their program, and go on.
    #[must_use]
    pub fn declined(&self) -> Option<&'static str> {
        match self {
            Request::Subscribe(request) if request.kind != 0 => Some("map and shared poll subscriptions"),
            Request::Subscribe(request) if request.tf.is_some() => Some("filters by tags"),
            Request::Publish(request) if request.kind != 0 || !request.key.is_empty() || request.removed => {
                Some("publishing to map channels")
            }
            Request::SubRefresh(request) if request.kind != 0 => Some("tracking keys of a shared poll"),
            _ => None,
        }
    }
}

/// The fields of a command. The first request counts. All but the most frequent one are boxed, since the fields are moved.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
struct CommandFields {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(message, optional, boxed, tag = "4")]
    connect: Option<Box<ConnectRequest>>,
    #[prost(message, optional, boxed, tag = "5")]
    subscribe: Option<Box<SubscribeRequest>>,
    #[prost(message, optional, boxed, tag = "6")]
    unsubscribe: Option<Box<UnsubscribeRequest>>,
    #[prost(message, optional, tag = "7")]
    publish: Option<PublishRequest>,
    #[prost(message, optional, boxed, tag = "8")]
    presence: Option<Box<PresenceRequest>>,
    #[prost(message, optional, boxed, tag = "9")]
    presence_stats: Option<Box<PresenceStatsRequest>>,
    #[prost(message, optional, boxed, tag = "10")]
    history: Option<Box<HistoryRequest>>,
    #[prost(message, optional, boxed, tag = "11")]
    ping: Option<Box<PingRequest>>,
    #[prost(message, optional, boxed, tag = "12")]
    send: Option<Box<SendRequest>>,
    #[prost(message, optional, boxed, tag = "13")]
    rpc: Option<Box<RpcRequest>>,
    #[prost(message, optional, boxed, tag = "14")]
    refresh: Option<Box<RefreshRequest>>,
    #[prost(message, optional, boxed, tag = "15")]
    sub_refresh: Option<Box<SubRefreshRequest>>,
}

impl CommandFields {
    /// The command, or `None` if it needs an id and has none.
    fn command(self) -> Option<Command> {
        let id = self.id;
        let request = (self.connect.map(|request| Request::Connect(*request)))
            .or_else(|| self.subscribe.map(|request| Request::Subscribe(*request)))
            .or_else(|| self.unsubscribe.map(|request| Request::Unsubscribe(*request)))
            .or_else(|| self.publish.map(Request::Publish))
            .or_else(|| self.presence.map(|request| Request::Presence(*request)))
            .or_else(|| self.presence_stats.map(|request| Request::PresenceStats(*request)))
            .or_else(|| self.history.map(|request| Request::History(*request)))
            .or_else(|| self.ping.map(|request| Request::Ping(*request)))
            .or_else(|| self.send.map(|request| Request::Send(*request)))
            .or_else(|| self.rpc.map(|request| Request::Rpc(*request)))
            .or_else(|| self.refresh.map(|request| Request::Refresh(*request)))
            .or_else(|| self.sub_refresh.map(|request| Request::SubRefresh(*request)));
        let request = match request {
            None if id == 0 => Request::Pong,
            None => Request::Unknown,
            Some(request) if id == 0 && !matches!(request, Request::Send(_)) => return None,
            Some(request) => request,
        };
        Some(Command { id, request })
    }
}

impl From<Command> for CommandFields {
    fn from(command: Command) -> CommandFields {
        let mut fields = CommandFields { id: command.id, ..CommandFields::default() };
        match command.request {
            Request::Connect(request) => fields.connect = Some(Box::new(request)),
            Request::Subscribe(request) => fields.subscribe = Some(Box::new(request)),
            Request::Unsubscribe(request) => fields.unsubscribe = Some(Box::new(request)),
            Request::Publish(request) => fields.publish = Some(request),
            Request::Presence(request) => fields.presence = Some(Box::new(request)),
            Request::PresenceStats(request) => fields.presence_stats = Some(Box::new(request)),
            Request::History(request) => fields.history = Some(Box::new(request)),
            Request::Ping(request) => fields.ping = Some(Box::new(request)),
            Request::Send(request) => fields.send = Some(Box::new(request)),
            Request::Rpc(request) => fields.rpc = Some(Box::new(request)),
            Request::Refresh(request) => fields.refresh = Some(Box::new(request)),
            Request::SubRefresh(request) => fields.sub_refresh = Some(Box::new(request)),
            Request::Pong | Request::Unknown => {}
        }
        fields
    }
}

impl Command {
    /// The command as a client sends it, for tests and clients.
    #[must_use]
    pub fn encode(self, encoding: Encoding) -> Encoded {
        encode(encoding, &CommandFields::from(self))
    }
}

/// The bounds of one frame. The WebSocket, or the HTTP server, bounds its length.
///
/// ```
/// use longwire_hub::centrifuge::FrameLimits;
///
/// let limits = FrameLimits { commands: 10 };
/// assert!(FrameLimits::default().commands > limits.commands);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// The number of commands. A returning client sends one for each of its subscriptions in one frame: this must be more
    /// than the number of channels that a client may have. The default is 1,024.
    pub commands: usize,
}

impl Default for FrameLimits {
    fn default() -> FrameLimits {
        FrameLimits { commands: 1_024 }
    }
}

/// The commands of a frame, one after the other. It ends after the first error.
///
/// Commands do not keep the frame's memory. One command takes time in proportion to its length.
///
/// ```
/// use longwire_hub::centrifuge::{Commands, Encoding, FrameLimits, Request};
///
/// let frame = b"{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}\n{\"id\":\"3\"}";
/// let mut commands = Commands::new(Encoding::Json, frame, FrameLimits::default());
/// assert!(matches!(commands.next().unwrap()?.request, Request::Connect(_)));
/// assert!(matches!(commands.next().unwrap()?.request, Request::Subscribe(request) if request.channel == "news"));
/// let error = commands.next().unwrap().unwrap_err();
/// assert!(error.to_string().starts_with("command 3, after byte 61 of the frame: invalid type: string \"3\", expected u32"));
/// assert!(commands.next().is_none());
/// # Ok::<(), longwire_hub::centrifuge::FrameError>(())
/// ```
#[derive(Debug)]
pub struct Commands<'a> {
    rest: Rest<'a>,
    limits: FrameLimits,
    read: usize,
}

/// What is not read yet.
enum Rest<'a> {
    Json(StreamDeserializer<'a, SliceRead<'a>, CommandFields>),
    Protobuf { frame: &'a [u8], rest: &'a [u8] },
    Failed,
}

impl<'a> Commands<'a> {
    /// Reads a frame: its bytes, without a compression of the transport.
    #[must_use]
    pub fn new(encoding: Encoding, frame: &'a [u8], limits: FrameLimits) -> Commands<'a> {
        let rest = match encoding {
            Encoding::Json => Rest::Json(StreamDeserializer::new(SliceRead::new(frame))),
            Encoding::Protobuf => Rest::Protobuf { frame, rest: frame },
        };
        Commands { rest, limits, read: 0 }
    }
}

impl Iterator for Commands<'_> {
    type Item = Result<Command, FrameError>;

    fn next(&mut self) -> Option<Result<Command, FrameError>> {
        let at = self.rest.position();
        let fields = self.rest.next()?;
        self.read += 1;
        let command = if self.read > self.limits.commands {
            Err(Fault::TooMany(self.limits.commands))
        } else {
            fields.and_then(|fields| fields.command().ok_or(Fault::NoId))
        };
        Some(command.map_err(|fault| {
            self.rest = Rest::Failed;
            FrameError { command: self.read, at, fault }
        }))
    }
}

impl Rest<'_> {
    /// How much of the frame is read.
    fn position(&self) -> usize {
        match self {
            Rest::Json(commands) => commands.byte_offset(),
            Rest::Protobuf { frame, rest } => frame.len() - rest.len(),
            Rest::Failed => 0,
        }
    }

    /// The next command.
    fn next(&mut self) -> Option<Result<CommandFields, Fault>> {
        match self {
            Rest::Json(commands) => Some(commands.next()?.map_err(|error| Fault::malformed(&error))),
            Rest::Protobuf { rest: [], .. } | Rest::Failed => None,
            Rest::Protobuf { rest, .. } => Some(next_delimited(rest)),
        }
    }
}

/// Reads a command that is preceded by its length.
fn next_delimited(rest: &mut &[u8]) -> Result<CommandFields, Fault> {
    let len = prost::decode_length_delimiter(&mut *rest).map_err(|error| Fault::malformed(&error))?;
    let (command, others) = rest.split_at_checked(len).ok_or(Fault::Truncated { len, left: rest.len() })?;
    *rest = others;
    prost::Message::decode(command).map_err(|error| Fault::malformed(&error))
}

impl fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after byte {}", self.position())
    }
}

/// What is wrong with a frame, for the log. The client is disconnected with
/// [`BAD_REQUEST`](super::Disconnect::BAD_REQUEST).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameError {
    /// Which command, from 1.
    command: usize,
    /// How much of the frame was read before it.
    at: usize,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Malformed(String),
    Truncated { len: usize, left: usize },
    NoId,
    TooMany(usize),
}

impl Fault {
    /// The longest text of a parser's error: it may quote the client.
    const MAX_TEXT: usize = 200;

    fn malformed(error: &dyn fmt::Display) -> Fault {
        let text = error.to_string();
        let short: String = text.chars().take(Fault::MAX_TEXT).collect();
        Fault::Malformed(if short.len() < text.len() { short + "…" } else { short })
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {}, after byte {} of the frame: ", self.command, self.at)?;
        match &self.fault {
            Fault::Malformed(text) => f.write_str(text),
            Fault::Truncated { len, left } => write!(f, "it should have {len} bytes, but only {left} follow"),
            Fault::NoId => f.write_str("it needs an id, and has none"),
            Fault::TooMany(limit) => write!(f, "a frame may have no more than {limit} commands"),
        }
    }
}

impl std::error::Error for FrameError {}
