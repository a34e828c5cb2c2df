//! The web hooks of the back end.

use std::collections::BTreeMap;

use bytestring::ByteString;

use crate::call::BoxFuture;
use crate::centrifuge::{Disconnect, ErrorReply};
use crate::channel::ChannelName;
use crate::data::Data;
use crate::time::Millis;
use crate::token::SubscriptionGrant;
use crate::transport::Transport;

/// The answer of a hook, which takes time.
pub type HookAnswer<T> = BoxFuture<Result<T, BackendError>>;

/// The back end, asked by web hooks. Each method returns `None` if its hook is not configured, which is the default.
///
/// The futures must end by themselves: the program gives them a time-out.
pub trait Backend: Send + Sync + 'static {
    /// A client without a token wants to connect.
    fn connect(&self, client: HookClient, request: ConnectHook) -> Option<HookAnswer<ConnectGrant>> {
        let _ = (client, request);
        None
    }

    /// The connection of a client that connected by hook has expired.
    fn refresh(&self, client: HookClient) -> Option<HookAnswer<RefreshGrant>> {
        let _ = client;
        None
    }

    /// A client wants to subscribe, and the namespace lets the hook decide.
    fn subscribe(
        &self,
        client: HookClient,
        channel: ChannelName,
        data: Data,
    ) -> Option<HookAnswer<SubscribeGrant>> {
        let _ = (client, channel, data);
        None
    }

    /// A client wants to publish, and the namespace lets the hook decide.
    fn publish(
        &self,
        client: HookClient,
        channel: ChannelName,
        data: Data,
    ) -> Option<HookAnswer<PublishGrant>> {
        let _ = (client, channel, data);
        None
    }

    /// A client calls a method.
    fn rpc(&self, client: HookClient, method: String, data: Data) -> Option<HookAnswer<Data>> {
        let _ = (client, method, data);
        None
    }

    /// A subscription that began by hook has expired.
    fn sub_refresh(&self, client: HookClient, channel: ChannelName) -> Option<HookAnswer<RefreshGrant>> {
        let _ = (client, channel);
        None
    }
}

/// The client that a hook is about.
///
/// ```
/// use longwire_hub::{HookClient, Transport, TransportKind, centrifuge::Encoding};
///
/// let transport = Transport::new(TransportKind::WebSocket, Encoding::Json);
/// let client = HookClient { client: "c1".into(), user: "42".into(), meta: None, transport };
/// ```
#[derive(Debug, Clone)]
pub struct HookClient {
    /// The connection's id.
    pub client: ByteString,
    /// The user; empty before the client is connected, and for anonymous ones.
    pub user: ByteString,
    /// JSON that the back end gave to the connection for its own use.
    pub meta: Option<ByteString>,
    /// How it is connected.
    pub transport: Transport,
}

/// What a client says when it connects.
///
/// ```
/// let request = longwire_hub::ConnectHook::default();
/// assert!(request.data.is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConnectHook {
    /// The name of its library or program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Data for the back end.
    pub data: Option<Data>,
    /// Header fields that the client claims, as a browser cannot send them.
    pub headers: BTreeMap<String, String>,
    /// The server-side subscriptions that it had.
    pub channels: Vec<String>,
}

/// Who a client is, as the back end says.
///
/// ```
/// let mut grant = longwire_hub::ConnectGrant::default();
/// grant.user = "42".into();
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectGrant {
    /// The user; empty for anonymous ones.
    pub user: ByteString,
    /// When the connection expires; `None` for never. The hook `refresh` is asked then.
    pub expires_at: Option<Millis>,
    /// JSON that the members of the client's channels see.
    pub info: Option<ByteString>,
    /// JSON that only the back end sees.
    pub meta: Option<ByteString>,
    /// What the client gets with the answer.
    pub data: Option<Data>,
    /// The server subscribes the client to these channels.
    pub subscriptions: BTreeMap<ChannelName, SubscriptionGrant>,
}

/// The back end lets a client subscribe.
///
/// ```
/// let grant = longwire_hub::SubscribeGrant::default();
/// assert!(grant.expires_at.is_none());
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SubscribeGrant {
    /// What the subscription is given.
    pub grant: SubscriptionGrant,
    /// When it expires; `None` for never. The hook `sub_refresh` is asked then.
    pub expires_at: Option<Millis>,
}

/// The back end lets a client publish.
///
/// ```
/// let grant = longwire_hub::PublishGrant::default();
/// assert!(grant.data.is_none());
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PublishGrant {
    /// Publishes this instead.
    pub data: Option<Data>,
    /// Publishes without adding to history.
    pub skip_history: bool,
}

/// The back end renews a connection or a subscription.
///
/// ```
/// let grant = longwire_hub::RefreshGrant::default();
/// assert!(!grant.expired);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RefreshGrant {
    /// It is not renewed.
    pub expired: bool,
    /// When it expires next; `None` for never.
    pub expires_at: Option<Millis>,
    /// New information, if it changes.
    pub info: Option<ByteString>,
}

/// The back end refuses, or cannot be asked.
///
/// ```
/// use longwire_hub::{BackendError, centrifuge::ErrorCode};
///
/// let refused = BackendError::Error(ErrorCode::PermissionDenied.into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendError {
    /// The command fails with this error.
    Error(ErrorReply),
    /// The client is disconnected.
    Disconnect(Disconnect),
    /// The back end did not answer, or not as it should: error 100, temporary.
    Unavailable,
}
