//! The engine of a real-time server: channels with presence, history and recovery, and the sessions of their clients.
//!
//! It has no sockets, no clock and no runtime: commands come in, replies and pushes go out, and time is an argument.
//! A program gives it a [`Fanout`], which delivers what is published to the connections, and a [`Broker`].

mod access;
mod backend;
mod broker;
mod call;
pub mod centrifuge;
mod channel;
mod config;
mod control;
mod data;
mod delivery;
mod demo_namespaces;
mod fanout;
mod frame;
mod hub;
mod json;
mod limits;
mod link;
mod name_rule;
mod namespace;
mod namespaces;
mod publication;
mod session;
mod time;
mod token;
mod transport;
mod uuid;
mod variant;

pub use access::{Access, Permission, Requester};
pub use backend::{
    Backend, BackendError, ConnectGrant, ConnectHook, HookAnswer, HookClient, PublishGrant, RefreshGrant,
    SubscribeGrant,
};
pub use broker::fallback::fallback_broker::FallbackBroker;
pub use broker::memory::{MemoryBroker, MemoryLimits, MemoryUsage};
pub use broker::remote::options::RemoteOptions;
pub use broker::remote::record::{Record, UnknownRecord};
pub use broker::remote::remote_broker::RemoteBroker;
pub use broker::remote::runtime::Runtime;
pub use broker::remote::store::{Store, StoreEvents};
pub use broker::status::BrokerStatus;
pub use broker::{
    Broker, BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Joined, Member, NewPublication, Presence,
    PresenceStats, PublishOutcome, Recovery, Since, Start,
};
pub use call::{BoxFuture, Call};
pub use channel::{ChannelName, InvalidChannelName};
pub use config::HubConfig;
pub use control::{Control, ControlMessage, DescriptionSink, ServerSubscription, SessionDescription};
pub use data::Data;
pub use delivery::{Delivery, HubEvent};
pub use fanout::Fanout;
pub use frame::Frame;
pub use hub::{
    ApiError, ChannelFigures, ClientFilter, Hub, HubCounts, Largest, LiveSession, NodeInfo, NodeSession,
    NodeSessionDescription, NodeSessions, PublishCall, Surveyed,
};
pub use limits::SessionLimits;
pub use link::Link;
pub use name_rule::{InvalidNameRule, NameRule};
pub use namespace::{
    NamespaceOptions, PRIVATE_PREFIX, PublishRate, RecoveryMode, RecoveryPolicy, SlowPolicy,
};
pub use namespaces::{ChannelRefusal, InvalidNamespaceName, Namespaces};
pub use publication::{ClientInfo, Publication, StreamPosition};
pub use session::{Answer, PlainRequest, Progress, Session};
pub use time::Millis;
pub use token::{
    Algorithm, ChannelOverrides, ConnectionToken, JwkSet, KeyError, KeySource, Keys, MAX_KEYS, MAX_TOKEN_LEN,
    RefreshPolicy, RefusedKey, SigningKey, SubscriptionGrant, SubscriptionToken, TokenError, TokenRejection,
    TokenVerifier,
};
pub use transport::{Transport, TransportKind, TransportOrigin};
