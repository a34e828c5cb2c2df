//! Questions about the connections of an event loop, which only the loop can answer.

use std::fmt;
use std::sync::Arc;

use longwire_proto::CloseFrame;
use tokio::sync::oneshot;

use super::key::SocketId;
use super::view::SocketView;

/// A question to a loop about its connections. The loop carries out the request even if the asker no longer waits for
/// the answer.
#[derive(Debug)]
pub(super) enum Ask {
    /// Which connections have subscribed to a topic?
    Members { topic: Arc<str>, answer: oneshot::Sender<Vec<SocketId>> },
    /// Close connections; how many are there?
    Close(Box<CloseMany>),
}

#[derive(Debug)]
pub(super) struct CloseMany {
    pub(super) which: Selection,
    pub(super) frame: CloseFrame,
    pub(super) answer: oneshot::Sender<usize>,
}

/// A selection of the connections of a loop.
#[derive(Clone)]
pub(super) enum Selection {
    SubscribersOf(Arc<str>),
    Where(Arc<Filter>),
}

pub(super) type Filter = dyn Fn(&SocketView<'_>) -> bool + Send + Sync;

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selection::SubscribersOf(topic) => f.debug_tuple("SubscribersOf").field(topic).finish(),
            Selection::Where(_) => f.debug_tuple("Where").finish_non_exhaustive(),
        }
    }
}
