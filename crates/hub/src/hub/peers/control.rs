//! What a back end wants of clients, for other nodes.

use crate::broker::remote::record::WrittenData;
use crate::centrifuge::Disconnect;
use crate::control::{ControlMessage, ServerSubscription};
use crate::data::Data;
use crate::hub::filter::ClientFilter;
use crate::publication::StreamPosition;
use crate::time::Millis;
use crate::token::{ChannelOverrides, SubscriptionGrant};

/// A [`ControlMessage`] and the clients that it is for.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct WrittenControl {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(string, optional, tag = "2")]
    client: Option<String>,
    #[prost(string, optional, tag = "3")]
    session: Option<String>,
    #[prost(string, repeated, tag = "4")]
    except: Vec<String>,
    #[prost(oneof = "WrittenAction", tags = "5, 6, 7, 8, 9")]
    action: Option<WrittenAction>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum WrittenAction {
    #[prost(message, tag = "5")]
    Disconnect(WrittenDisconnect),
    #[prost(message, tag = "6")]
    Unsubscribe(WrittenUnsubscribe),
    #[prost(message, tag = "7")]
    Subscribe(WrittenSubscription),
    #[prost(message, tag = "8")]
    Refresh(WrittenRefresh),
    #[prost(message, tag = "9")]
    Message(ContainedData),
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenDisconnect {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenUnsubscribe {
    #[prost(string, optional, tag = "1")]
    channel: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenSubscription {
    #[prost(string, tag = "1")]
    channel: String,
    #[prost(string, optional, tag = "2")]
    info: Option<String>,
    #[prost(message, optional, tag = "3")]
    data: Option<ContainedData>,
    #[prost(bool, optional, tag = "4")]
    presence: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    join_leave: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    force_push_join_leave: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    force_recovery: Option<bool>,
    #[prost(bool, optional, tag = "8")]
    force_positioning: Option<bool>,
    #[prost(uint64, optional, tag = "9")]
    expires_at: Option<u64>,
    #[prost(message, optional, tag = "10")]
    since: Option<WrittenPosition>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenPosition {
    #[prost(uint64, tag = "1")]
    offset: u64,
    #[prost(string, tag = "2")]
    epoch: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenRefresh {
    #[prost(uint64, optional, tag = "1")]
    expires_at: Option<u64>,
    #[prost(string, optional, tag = "2")]
    info: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ContainedData {
    #[prost(oneof = "WrittenData", tags = "1, 2, 3")]
    content: Option<WrittenData>,
}

impl WrittenControl {
    /// `None` for a message that no other node can get.
    pub(in crate::hub) fn new(filter: &ClientFilter, message: &ControlMessage) -> Option<WrittenControl> {
        let action = match message {
            ControlMessage::Disconnect(why) => WrittenAction::Disconnect(WrittenDisconnect {
                code: why.code().into(),
                reason: why.reason().to_owned(),
            }),
            ControlMessage::Unsubscribe(channel) => WrittenAction::Unsubscribe(WrittenUnsubscribe {
                channel: channel.as_ref().map(ToString::to_string),
            }),
            ControlMessage::Subscribe(subscription) => WrittenAction::Subscribe((&**subscription).into()),
            ControlMessage::Refresh { expires_at, info } => WrittenAction::Refresh(WrittenRefresh {
                expires_at: expires_at.map(|at| at.0),
                info: info.as_ref().map(ToString::to_string),
            }),
            ControlMessage::Message(data) => WrittenAction::Message(data.into()),
            ControlMessage::Frame(_) | ControlMessage::Describe(_) | ControlMessage::Lost { .. } => {
                return None;
            }
        };
        Some(WrittenControl {
            user: filter.user.to_string(),
            client: filter.client.as_ref().map(ToString::to_string),
            session: filter.session.as_ref().map(ToString::to_string),
            except: filter.except.iter().map(ToString::to_string).collect(),
            action: Some(action),
        })
    }

    /// `None` if this version does not know the kind, or the content is invalid.
    pub(in crate::hub) fn read(self) -> Option<(ClientFilter, ControlMessage)> {
        let message = match self.action? {
            WrittenAction::Disconnect(WrittenDisconnect { code, reason }) => {
                ControlMessage::Disconnect(Disconnect::new(code.try_into().ok()?, &reason)?)
            }
            WrittenAction::Unsubscribe(WrittenUnsubscribe { channel }) => {
                ControlMessage::Unsubscribe(channel.map(|channel| channel.parse()).transpose().ok()?)
            }
            WrittenAction::Subscribe(subscription) => {
                ControlMessage::Subscribe(Box::new(subscription.read()?))
            }
            WrittenAction::Refresh(WrittenRefresh { expires_at, info }) => {
                ControlMessage::Refresh { expires_at: expires_at.map(Millis), info: info.map(Into::into) }
            }
            WrittenAction::Message(data) => ControlMessage::Message(data.read()?),
        };
        let filter = ClientFilter {
            user: self.user.into(),
            client: self.client.map(Into::into),
            session: self.session.map(Into::into),
            except: self.except.into_iter().map(Into::into).collect(),
        };
        Some((filter, message))
    }
}

impl From<&Data> for ContainedData {
    fn from(data: &Data) -> ContainedData {
        ContainedData { content: Some(data.into()) }
    }
}

impl ContainedData {
    fn read(self) -> Option<Data> {
        self.content?.try_into().ok()
    }
}

impl From<&ServerSubscription> for WrittenSubscription {
    fn from(subscription: &ServerSubscription) -> WrittenSubscription {
        let ServerSubscription { channel, grant, expires_at, since } = subscription;
        let overrides = grant.overrides;
        WrittenSubscription {
            channel: channel.to_string(),
            info: grant.info.as_ref().map(ToString::to_string),
            data: grant.data.as_ref().map(Into::into),
            presence: overrides.presence,
            join_leave: overrides.join_leave,
            force_push_join_leave: overrides.force_push_join_leave,
            force_recovery: overrides.force_recovery,
            force_positioning: overrides.force_positioning,
            expires_at: expires_at.map(|at| at.0),
            since: since
                .as_ref()
                .map(|since| WrittenPosition { offset: since.offset, epoch: since.epoch.to_string() }),
        }
    }
}

impl WrittenSubscription {
    fn read(self) -> Option<ServerSubscription> {
        let data = match self.data {
            Some(data) => Some(data.read()?),
            None => None,
        };
        let overrides = ChannelOverrides {
            presence: self.presence,
            join_leave: self.join_leave,
            force_push_join_leave: self.force_push_join_leave,
            force_recovery: self.force_recovery,
            force_positioning: self.force_positioning,
        };
        Some(ServerSubscription {
            channel: self.channel.parse().ok()?,
            grant: SubscriptionGrant { info: self.info.map(Into::into), data, overrides },
            expires_at: self.expires_at.map(Millis),
            since: self
                .since
                .map(|since| StreamPosition { offset: since.offset, epoch: since.epoch.as_str().into() }),
        })
    }
}
