//! Messages to a live session from elsewhere: the back end's API, other sessions, shutdown.

use std::fmt;
use std::sync::Arc;

use bytestring::ByteString;

use crate::centrifuge::Disconnect;
use crate::channel::ChannelName;
use crate::data::Data;
use crate::frame::Frame;
use crate::publication::StreamPosition;
use crate::time::Millis;
use crate::token::SubscriptionGrant;
use crate::transport::TransportKind;

/// A handle of a live session, which the hub keeps.
///
/// The program hands each message to [`Session::control`](crate::Session::control), on the connection's own thread. It may
/// drop messages beyond [`SessionLimits::control_messages`](crate::SessionLimits::control_messages) that wait, but never a
/// [`Disconnect`](ControlMessage::Disconnect); a session that lost a message must be disconnected with
/// [`Disconnect::INSUFFICIENT_STATE`]. Only a lost [`Describe`](ControlMessage::Describe) does no harm.
pub trait Control: Send + Sync + 'static {
    /// Hands over a message. It must not block and must not call the session on this thread.
    fn deliver(&self, message: ControlMessage);
}

/// A message to a live session.
///
/// ```
/// use longwire_hub::{ControlMessage, centrifuge::Disconnect};
///
/// let message = ControlMessage::Disconnect(Disconnect::SHUTDOWN);
/// assert!(matches!(message, ControlMessage::Disconnect(_)));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ControlMessage {
    /// Disconnects.
    Disconnect(Disconnect),
    /// Ends the subscription to this channel, or all of them if `None`.
    Unsubscribe(Option<ChannelName>),
    /// Publications of this channel may be missing. A subscription that began before ends with 2500, and the client subscribes
    /// again; one that the server has made disconnects with 3010.
    Lost {
        /// The channel.
        channel: ChannelName,
        /// Which subscriptions have lost something: those to topics of this generation.
        generation: u16,
    },
    /// Subscribes on the server's side.
    Subscribe(Box<ServerSubscription>),
    /// Renews the connection's time to live.
    Refresh {
        /// When it ends; `None` for never.
        expires_at: Option<Millis>,
        /// New information on the connection, if it changes.
        info: Option<ByteString>,
    },
    /// Sends a message to the client, outside of channels.
    Message(Data),
    /// Commands of a client that sends them in requests of their own; see [`Hub::emulate`](crate::Hub::emulate).
    Frame(Frame),
    /// Describes the session. It changes nothing.
    Describe(DescriptionSink),
}

/// What a session says of itself.
///
/// [`Hub::describe`](crate::Hub::describe) asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionDescription {
    /// How it is connected.
    pub transport: TransportKind,
    /// The client's address, if the program knows it.
    pub peer: Option<String>,
    /// Its subscriptions, by name.
    pub channels: Vec<ChannelName>,
}

/// Receives the description of a session, on the thread of its connection.
///
/// ```
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let sink = longwire_hub::DescriptionSink::new(move |description| {
///     // Whoever asked may be gone.
///     let _sent = sender.send(description);
/// });
/// # drop((sink, receiver));
/// ```
#[derive(Clone)]
pub struct DescriptionSink(Arc<dyn Fn(SessionDescription) + Send + Sync>);

impl DescriptionSink {
    /// Calls `receive` with the description. It must not block.
    #[must_use]
    pub fn new(receive: impl Fn(SessionDescription) + Send + Sync + 'static) -> DescriptionSink {
        DescriptionSink(Arc::new(receive))
    }

    pub(crate) fn receive(&self, description: SessionDescription) {
        (self.0)(description);
    }
}

impl fmt::Debug for DescriptionSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DescriptionSink")
    }
}

/// A subscription that the server makes for a client.
///
/// ```
/// use longwire_hub::ServerSubscription;
///
/// let subscription = ServerSubscription::new("news".parse()?);
/// assert!(subscription.since.is_none());
/// # Ok::<(), longwire_hub::InvalidChannelName>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSubscription {
    /// The channel.
    pub channel: ChannelName,
    /// What the subscription is given.
    pub grant: SubscriptionGrant,
    /// When it ends; `None` for never.
    pub expires_at: Option<Millis>,
    /// Sends what was published after this position.
    pub since: Option<StreamPosition>,
}

impl ServerSubscription {
    /// A subscription with the options of the channel's namespace.
    #[must_use]
    pub fn new(channel: ChannelName) -> ServerSubscription {
        ServerSubscription { channel, grant: SubscriptionGrant::default(), expires_at: None, since: None }
    }
}
