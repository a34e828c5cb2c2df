//! What all namespaces of a server share.

use std::sync::Arc;

use super::cluster::Cluster;
use super::config::SocketIoConfig;

/// What all namespaces of a server share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: Arc<SocketIoConfig>,
    /// The other nodes, if there may be any.
    pub(super) cluster: Option<Arc<Cluster>>,
}
