//! The hub: channels for the official clients of Centrifugo, for plain WebSockets, and for back ends.

mod api;
mod broker;
mod centrifuge;
mod client;
mod clock;
mod delivery;
mod event_log;
mod hooks;
mod json;
mod jwks;
#[cfg(any(feature = "nats", feature = "redis"))]
mod late_store;
mod link;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
#[cfg(not(any(feature = "nats", feature = "redis")))]
mod no_engine;
mod node;
mod outlet;
mod plain;
#[cfg(feature = "redis")]
mod redis;
mod settings;
#[cfg(any(feature = "nats", feature = "redis"))]
mod shared_engine;
mod socketio;
mod sockets;
mod streams;
mod uni_centrifuge;

pub(super) use api::{
    Api, ApiKeys, Refused, answer_of_api, read_body, read_short_body, respond, router as api_router,
};
pub(super) use broker::BrokerChoice;
pub(super) use centrifuge::{Centrifuge, PATH as CENTRIFUGE_PATH};
pub(super) use event_log::LineAllowance;
pub(super) use hooks::Hooks;
pub(super) use metrics::{broker_metrics, metrics};
pub(super) use node::{Node, Readiness};
pub(super) use plain::Plain;
pub(super) use settings::hub_config;
pub(super) use socketio::engine as socketio_engine;
pub(super) use sockets::HubSockets;
pub(super) use streams::{OriginRule, Streams, router as streams_router};
pub(super) use uni_centrifuge::{PATH as UNI_CENTRIFUGE_PATH, UniCentrifuge};
