//! The client protocol of Centrifuge and Centrifugo, which their official clients speak: its messages, its two encodings
//! and its codes. Sessions are elsewhere.
//!
//! [`Commands`] reads the commands of a frame. [`Reply`] is what goes out, alone or in a [`Batch`]. A publication that goes
//! to many clients is encoded once, by [`encode_publication`].
//!
//! One set of structs serves both encodings. Their fields have the numbers of the protocol's definition for protobuf, and
//! its names for JSON. A field with its default value is not written, and one that is absent has its default value. Fields
//! that the hub does not know are skipped.
//!
//! # What is declined
//!
//! Newer clients can ask for more than the hub has. They go on without it if the hub answers like this:
//!
//! | The client asks for | in | The hub answers |
//! |---|---|---|
//! | map and shared poll subscriptions | `subscribe.type`, `sub_refresh.type` | error 108, see [`Request::declined`] |
//! | publishing to a map channel | `publish.type`, `key`, `removed` | error 108 |
//! | a filter by tags | `subscribe.tf` | error 108: without the filter, it would receive what it did not ask for |
//! | features of the connection | `connect.flag` | nothing |
//! | numbers instead of names in pushes, in protobuf | bit 1 of `subscribe.flag` | nothing; in JSON, [`SubscribeResult::id`] |
//! | error 112 instead of `recovered: false` | bit 2 of `subscribe.flag` | that error: clients count on it |
//! | deltas | `subscribe.delta` | [`SubscribeResult::delta`], or nothing |
//! | a command that the hub does not know | | error 104, see [`Request::Unknown`] |

mod codes;
mod command;
mod emulation;
mod encoding;
pub mod fossil;
mod publication;
mod push;
mod raw_json;
mod reply;
mod request;
mod result;
mod shared;

pub use codes::{Disconnect, ErrorCode, UnsubscribeCode};
pub use command::{Command, Commands, FrameError, FrameLimits, Request};
pub use emulation::{EmulationRequest, InvalidEmulationRequest};
pub use encoding::{Encoded, Encoding, Wrapping, json_payload};
pub use publication::encode_publication;
pub use push::{
    ConnectPush, DisconnectPush, MemberPush, MessagePush, Push, PushEvent, PushTarget, RefreshPush,
    SubscribePush, UnsubscribePush,
};
pub use reply::{Batch, CommandResult, Reply};
pub use request::{
    ConnectRequest, Declined, HistoryRequest, PingRequest, PresenceRequest, PresenceStatsRequest,
    PublishRequest, RefreshRequest, RpcRequest, SendRequest, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
pub use result::{
    ConnectResult, ErrorReply, HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult, RpcResult,
    ServerSideResult, SubRefreshResult, SubscribeResult,
};
pub use shared::{Form, WireClient, WirePosition, WirePublication};
