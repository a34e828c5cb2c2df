//! Publications and positions in a channel's stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;

use crate::data::Data;
use crate::time::Millis;

/// A message that was published to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Publication {
    /// The place in the channel's stream, from 1; 0 in a channel without history.
    pub offset: u64,
    /// The content.
    pub data: Data,
    /// Who published it, if a client did.
    pub info: Option<ClientInfo>,
    /// Labels that the back end has given.
    pub tags: BTreeMap<String, String>,
    /// When it was published.
    pub time: Millis,
}

impl Publication {
    /// The length of the content, the labels and the description of the publisher, in bytes: what
    /// [`HistoryOptions::bytes`](crate::HistoryOptions::bytes) bounds.
    #[must_use]
    pub fn content_len(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(name, value)| name.len() + value.len()).sum();
        let info = self.info.as_ref().map_or(0, |info| {
            let optional = [&info.conn_info, &info.chan_info];
            let json: usize = optional.into_iter().flatten().map(|json| json.len()).sum();
            info.user.len() + info.client.len() + json
        });
        self.data.len() + tags + info
    }
}

/// What a channel's members see of a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ClientInfo {
    /// The user; empty for an anonymous one. A user may have several clients.
    pub user: ByteString,
    /// The connection's own id.
    pub client: ByteString,
    /// Any JSON that belongs to the connection: the token's claim `info`.
    pub conn_info: Option<ByteString>,
    /// Any JSON that belongs to the subscription.
    pub chan_info: Option<ByteString>,
}

/// A position in a channel's stream: everything up to `offset`, of the stream that `epoch` names.
///
/// Offsets of different epochs cannot be compared: the stream was lost in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamPosition {
    /// The newest publication's offset; 0 if there was none.
    pub offset: u64,
    /// Names the stream; empty in a channel without history.
    pub epoch: Arc<str>,
}
