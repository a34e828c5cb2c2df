//! As much of the hub's JSON protocol as a device needs: it connects, subscribes and publishes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A command to the hub. Its reply has the same id.
#[derive(Debug, Serialize)]
pub(super) struct HubCommand<'a, T> {
    pub(super) id: u32,
    #[serde(flatten)]
    pub(super) request: HubRequest<'a, T>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HubRequest<'a, T> {
    Connect { name: &'a str },
    Subscribe(SubscribeTo<'a>),
    Publish { channel: &'a str, data: &'a T },
}

#[derive(Debug, Serialize)]
pub(super) struct SubscribeTo<'a> {
    pub(super) channel: &'a str,
    /// Whether publications have a position, from which the next subscription goes on.
    pub(super) recoverable: bool,
    /// Whether to go on behind a position.
    pub(super) recover: bool,
    #[serde(flatten)]
    pub(super) position: Option<&'a StreamPosition>,
}

/// The last publication that a subscriber has received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct StreamPosition {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// A message of the hub: a reply, something that has happened, or, if it is empty, a ping.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HubMessage<'a> {
    pub(super) id: u32,
    pub(super) error: Option<HubError>,
    pub(super) connect: Option<HubConnected>,
    #[serde(borrow)]
    pub(super) subscribe: Option<HubSubscribed<'a>>,
    #[serde(borrow)]
    pub(super) push: Option<HubPush<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HubError {
    pub(super) code: u32,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HubConnected {
    /// Whether the hub expects answers to its pings.
    pub(super) pong: bool,
}

/// It begins at a position, with the publications that were missed before it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HubSubscribed<'a> {
    pub(super) offset: u64,
    pub(super) epoch: String,
    #[serde(borrow)]
    pub(super) publications: Vec<HubPublication<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HubPush<'a> {
    #[serde(default)]
    pub(super) channel: String,
    #[serde(borrow, rename = "pub")]
    pub(super) publication: Option<HubPublication<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HubPublication<'a> {
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
    #[serde(default)]
    pub(super) offset: u64,
}

impl HubMessage<'_> {
    pub(super) fn is_ping(&self) -> bool {
        self.id == 0 && self.push.is_none() && self.error.is_none()
    }
}

/// The messages of a frame, up to the first that is malformed.
pub(super) fn messages(frame: &[u8]) -> impl Iterator<Item = HubMessage<'_>> {
    serde_json::Deserializer::from_slice(frame).into_iter().map_while(Result::ok)
}
