//! Keeps the channels of several [`longwire_hub`] nodes in Redis, and carries what happens in them.

mod dial;
mod envelope;
mod execute;
mod failure;
mod figures;
mod lane;
mod link;
mod monitored;
mod options;
mod presence_calls;
mod routing;
mod script;
mod servers;
mod store;
mod stream_calls;
mod subscriber;
mod subscriptions;
mod tls;
mod topic;
mod topology;
mod url;

pub use failure::ConnectError;
pub use figures::RedisFigures;
pub use options::{Clock, Continuity, Deployment, RedisOptions, SentinelServer};
pub use store::RedisStore;
pub use tls::{InvalidTlsFile, TlsFiles};
pub use url::{InvalidRedisUrl, RedisUrl};
