//! What a session keeps of its client.

use bytestring::ByteString;

use super::rate::Rate;
use crate::backend::HookClient;
use crate::broker::Start;
use crate::channel::ChannelName;
use crate::hub::BeginningId;
use crate::publication::ClientInfo;
use crate::time::Millis;
use crate::token::SubscriptionGrant;
use crate::transport::Transport;
use crate::variant::Variant;

/// A client that has connected.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ByteString,
    pub(super) user: ByteString,
    /// Boxed, as most clients have none.
    pub(super) info: Option<Box<ByteString>>,
    pub(super) meta: Option<Box<ByteString>>,
    pub(super) expiry: Expiry,
    pub(super) subscriptions: Subscriptions,
    pub(super) heartbeat: Heartbeat,
    /// When presence is renewed next; `None` without any.
    pub(super) presence_due: Option<Millis>,
    /// How often the client has published, by namespace.
    pub(super) rates: Vec<(Box<str>, Rate)>,
}

/// When something ends, and who renews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Never,
    /// The client sends a new token.
    Token(Millis),
    /// The back end is asked.
    Hook(Millis),
}

impl Expiry {
    pub(super) fn by_token(at: Option<Millis>) -> Expiry {
        at.map_or(Expiry::Never, Expiry::Token)
    }

    pub(super) fn by_hook(at: Option<Millis>) -> Expiry {
        at.map_or(Expiry::Never, Expiry::Hook)
    }

    pub(super) fn at(self) -> Option<Millis> {
        match self {
            Expiry::Never => None,
            Expiry::Token(at) | Expiry::Hook(at) => Some(at),
        }
    }

    /// When there is something to do: after the grace that a client has, or at once if the back end is asked.
    pub(super) fn due(self, grace: std::time::Duration) -> Option<Millis> {
        match self {
            Expiry::Never => None,
            Expiry::Token(at) => Some(at + grace),
            Expiry::Hook(at) => Some(at),
        }
    }

    /// Whether it has expired already.
    pub(super) fn is_past(self, now: Millis) -> bool {
        self.at().is_some_and(|at| at <= now)
    }

    /// The fields `expires` and `ttl` of replies, in seconds.
    pub(super) fn fields(self, now: Millis) -> (bool, u32) {
        match self.at() {
            None => (false, 0),
            Some(at) => {
                let seconds = at.as_secs().saturating_sub(now.as_secs());
                (true, u32::try_from(seconds).unwrap_or(u32::MAX).min(MAX_TTL))
            }
        }
    }
}

/// A year: the longest time to live that clients see. They start timers with it.
const MAX_TTL: u32 = 365 * 86_400;

/// Pings of the hub and their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heartbeat {
    Off,
    /// The next ping.
    Quiet {
        ping_at: Millis,
    },
    /// A ping was sent. Without an answer until then, the client is disconnected.
    Pinged {
        ping_at: Millis,
        pong_by: Millis,
    },
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) variant: Variant,
    pub(super) joins: Option<Variant>,
    /// Whether the client is in the channel's presence.
    pub(super) presence: bool,
    /// Whether its leave is announced.
    pub(super) announces: bool,
    pub(super) maker: Maker,
    pub(super) has_token: bool,
    pub(super) info: Option<Box<ByteString>>,
    pub(super) expiry: Expiry,
    /// `None` once the client has its reply.
    pub(super) hold: Option<Box<Hold>>,
}

/// Who has made a subscription.
#[derive(Debug)]
pub(super) enum Maker {
    Client,
    /// The server, with this grant. The client may take it over.
    Server(Box<SubscriptionGrant>),
}

impl Subscription {
    /// What the members of the channel see of the client only there.
    pub(super) fn info(&self) -> Option<ByteString> {
        self.info.as_deref().cloned()
    }
}

/// What is seldom there, for the memory of many sessions.
pub(super) fn boxed(text: Option<ByteString>) -> Option<Box<ByteString>> {
    text.map(Box::new)
}

/// What comes for a subscription is held until the client has its reply.
pub(super) struct Hold {
    pub(super) id: BeginningId,
    /// Start the subscription's topics.
    pub(super) starts: Vec<Start>,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The subscriptions of a client, ordered by channel.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Vec<(ChannelName, Subscription)>);

impl Subscriptions {
    fn place(&self, channel: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| (**name).cmp(channel))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, channel: &str) -> Option<&Subscription> {
        let place = self.place(channel).ok()?;
        self.0.get(place).map(|(_, subscription)| subscription)
    }

    pub(super) fn get_mut(&mut self, channel: &str) -> Option<&mut Subscription> {
        let place = self.place(channel).ok()?;
        self.0.get_mut(place).map(|(_, subscription)| subscription)
    }

    pub(super) fn entry_mut(&mut self, channel: &str) -> Option<(&ChannelName, &mut Subscription)> {
        let place = self.place(channel).ok()?;
        self.0.get_mut(place).map(|(channel, subscription)| (&*channel, subscription))
    }

    pub(super) fn insert(&mut self, channel: ChannelName, subscription: Subscription) {
        if let Err(place) = self.place(&channel) {
            // Most clients have one.
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, (channel, subscription));
        }
    }

    pub(super) fn remove(&mut self, channel: &str) -> Option<(ChannelName, Subscription)> {
        let place = self.place(channel).ok()?;
        Some(self.0.remove(place))
    }

    pub(super) fn pop(&mut self) -> Option<(ChannelName, Subscription)> {
        self.0.pop()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelName, &Subscription)> {
        self.0.iter().map(|(channel, subscription)| (channel, subscription))
    }
}

impl Subscription {
    pub(super) fn is_server_side(&self) -> bool {
        matches!(self.maker, Maker::Server(_))
    }
}

impl Client {
    /// What the members of a channel see of the client.
    pub(super) fn info_in(&self, chan_info: Option<ByteString>) -> ClientInfo {
        ClientInfo {
            user: self.user.clone(),
            client: self.id.clone(),
            conn_info: self.info.as_deref().cloned(),
            chan_info,
        }
    }

    /// What hooks learn of the client.
    pub(super) fn for_hooks(&self, transport: &Transport) -> HookClient {
        HookClient {
            client: self.id.clone(),
            user: self.user.clone(),
            meta: self.meta.as_deref().cloned(),
            transport: transport.clone(),
        }
    }

    /// The next moment at which the client needs attention. A session that `waits` neither asks the back end nor misses an
    /// answer to a ping, which may be among the frames that it has not read.
    pub(super) fn next_deadline(&self, grace: std::time::Duration, waits: bool) -> Option<Millis> {
        let heartbeat = match self.heartbeat {
            Heartbeat::Off => None,
            Heartbeat::Quiet { ping_at } => Some(ping_at),
            Heartbeat::Pinged { ping_at, .. } if waits => Some(ping_at),
            Heartbeat::Pinged { ping_at, pong_by } => Some(ping_at.min(pong_by)),
        };
        let due = |expiry: Expiry| match expiry {
            Expiry::Hook(_) if waits => None,
            expiry => expiry.due(grace),
        };
        // One that is held ends after its reply at the earliest.
        let replied = self.subscriptions.iter().filter(|(_, subscription)| subscription.hold.is_none());
        let subscriptions = replied.filter_map(|(_, subscription)| due(subscription.expiry));
        [heartbeat, self.presence_due, due(self.expiry)].into_iter().flatten().chain(subscriptions).min()
    }
}
