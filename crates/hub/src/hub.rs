//! The node, and what back ends can do with it.

mod api;
mod api_error;
mod beginning;
mod carried_out;
mod channel_table;
mod client_set;
mod counters;
mod deliverer;
mod ids;
mod inspect;
mod largest;
mod node;
mod pattern;
mod presence;
mod registry;
mod waiting;

pub use self::api::{ChannelFigures, ClientFilter, HubInfo, PublishCall};
pub use self::api_error::ApiError;
pub(crate) use self::beginning::{BeginningId, NewSubscription};
pub(crate) use self::channel_table::{Entered, Place};
pub use self::counters::HubCounts;
pub use self::inspect::LiveSession;
pub use self::largest::Largest;
pub use self::node::Hub;
pub(crate) use self::registry::LiveClient;
pub(crate) use self::waiting::Reservation;
