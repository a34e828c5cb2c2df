//! The node, and what back ends can do with it.

mod api;
mod api_error;
mod beginning;
mod carried_out;
mod channel_table;
mod client_set;
mod counters;
mod deliverer;
mod filter;
mod ids;
mod inspect;
mod largest;
mod node;
mod nodes;
mod pattern;
mod peers;
mod presence;
mod registry;
mod waiting;

pub use self::api::{ChannelFigures, PublishCall};
pub use self::api_error::ApiError;
pub(crate) use self::beginning::{BeginningId, NewSubscription};
pub(crate) use self::channel_table::{Entered, Place, Release};
pub use self::counters::HubCounts;
pub use self::filter::ClientFilter;
pub use self::inspect::LiveSession;
pub use self::largest::Largest;
pub use self::node::Hub;
pub use self::nodes::{NodeSession, NodeSessionDescription, NodeSessions, Surveyed};
pub use self::peers::known::NodeInfo;
pub(crate) use self::registry::LiveClient;
pub(crate) use self::waiting::Reservation;
