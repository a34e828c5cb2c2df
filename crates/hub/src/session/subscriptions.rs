//! The subscriptions of a client.

use bytestring::ByteString;

use super::expiry::Expiry;
use crate::broker::Start;
use crate::channel::ChannelName;
use crate::hub::BeginningId;
use crate::namespace::SlowPolicy;
use crate::token::SubscriptionGrant;
use crate::variant::Variant;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) variant: Variant,
    pub(super) joins: Option<Variant>,
    /// Whether the client is in the channel's presence.
    pub(super) presence: bool,
    /// Whether its leave is announced.
    pub(super) announces: bool,
    pub(super) has_token: bool,
    /// That of its topics: after publications were lost, it gets nothing any more.
    pub(super) generation: u16,
    /// `None` if all of it is as in the default.
    pub(super) details: Option<Box<SubscriptionDetails>>,
}

/// What most subscriptions do not have, once they have begun.
#[derive(Debug)]
pub(super) struct SubscriptionDetails {
    pub(super) maker: Maker,
    pub(super) info: Option<ByteString>,
    pub(super) expiry: Expiry,
    /// `None` once the client has its reply.
    pub(super) hold: Option<Hold>,
}

impl Default for SubscriptionDetails {
    fn default() -> SubscriptionDetails {
        SubscriptionDetails { maker: Maker::Client, info: None, expiry: Expiry::Never, hold: None }
    }
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
        self.details.as_ref().and_then(|details| details.info.clone())
    }

    pub(super) fn expiry(&self) -> Expiry {
        self.details.as_ref().map_or(Expiry::Never, |details| details.expiry)
    }

    /// The grant of the server, if it has made the subscription.
    pub(super) fn grant_of_server(&self) -> Option<&SubscriptionGrant> {
        match &self.details.as_ref()?.maker {
            Maker::Client => None,
            Maker::Server(grant) => Some(grant),
        }
    }

    pub(super) fn is_server_side(&self) -> bool {
        self.grant_of_server().is_some()
    }

    /// What holds back what comes for the subscription, until the client has its reply.
    pub(super) fn hold(&self) -> Option<&Hold> {
        self.details.as_ref()?.hold.as_ref()
    }

    /// Ends the holding.
    pub(super) fn take_hold(&mut self) -> Option<Hold> {
        let hold = self.details.as_mut()?.hold.take();
        self.details.take_if(|details| details.are_default());
        hold
    }

    pub(super) fn renew(&mut self, expiry: Expiry, info: Option<ByteString>) {
        let details = self.details.get_or_insert_default();
        (details.expiry, details.info) = (expiry, info);
    }
}

impl SubscriptionDetails {
    fn are_default(&self) -> bool {
        let SubscriptionDetails { maker, info, expiry, hold } = self;
        matches!(maker, Maker::Client) && info.is_none() && *expiry == Expiry::Never && hold.is_none()
    }
}

/// What comes for a subscription is held until the client has its reply.
pub(super) struct Hold {
    pub(super) id: BeginningId,
    /// Start the subscription's topics.
    pub(super) starts: Vec<Start>,
    /// How the topics treat a slow client.
    pub(super) slow: SlowPolicy,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The subscriptions of a client, ordered by channel.
#[derive(Debug)]
pub(super) enum Subscriptions {
    /// Most clients have one.
    One((ChannelName, Subscription)),
    Any(Vec<(ChannelName, Subscription)>),
}

impl Default for Subscriptions {
    fn default() -> Subscriptions {
        Subscriptions::Any(Vec::new())
    }
}

impl Subscriptions {
    fn all(&self) -> &[(ChannelName, Subscription)] {
        match self {
            Subscriptions::One(one) => std::slice::from_ref(one),
            Subscriptions::Any(any) => any,
        }
    }

    fn all_mut(&mut self) -> &mut [(ChannelName, Subscription)] {
        match self {
            Subscriptions::One(one) => std::slice::from_mut(one),
            Subscriptions::Any(any) => any,
        }
    }

    fn place(&self, channel: &str) -> Result<usize, usize> {
        self.all().binary_search_by(|(name, _)| (**name).cmp(channel))
    }

    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    pub(super) fn get(&self, channel: &str) -> Option<&Subscription> {
        let place = self.place(channel).ok()?;
        self.all().get(place).map(|(_, subscription)| subscription)
    }

    pub(super) fn get_mut(&mut self, channel: &str) -> Option<&mut Subscription> {
        self.entry_mut(channel).map(|(_, subscription)| subscription)
    }

    pub(super) fn entry_mut(&mut self, channel: &str) -> Option<(&ChannelName, &mut Subscription)> {
        let place = self.place(channel).ok()?;
        self.all_mut().get_mut(place).map(|(channel, subscription)| (&*channel, subscription))
    }

    /// Adds a subscription, unless there is one to this channel.
    pub(super) fn insert(&mut self, channel: ChannelName, subscription: Subscription) {
        let Err(place) = self.place(&channel) else { return };
        let new = (channel, subscription);
        *self = match std::mem::take(self) {
            Subscriptions::Any(any) if any.is_empty() => Subscriptions::One(new),
            Subscriptions::One(one) if place == 0 => Subscriptions::Any(vec![new, one]),
            Subscriptions::One(one) => Subscriptions::Any(vec![one, new]),
            Subscriptions::Any(mut any) => {
                any.insert(place, new);
                Subscriptions::Any(any)
            }
        };
    }

    pub(super) fn remove(&mut self, channel: &str) -> Option<(ChannelName, Subscription)> {
        let place = self.place(channel).ok()?;
        match std::mem::take(self) {
            Subscriptions::One(one) => Some(one),
            Subscriptions::Any(mut any) => {
                let removed = any.remove(place);
                *self = Subscriptions::Any(any);
                Some(removed)
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<(ChannelName, Subscription)> {
        match std::mem::take(self) {
            Subscriptions::One(one) => Some(one),
            Subscriptions::Any(mut any) => {
                let last = any.pop();
                *self = Subscriptions::Any(any);
                last
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelName, &Subscription)> {
        self.all().iter().map(|(channel, subscription)| (channel, subscription))
    }
}
