//! What following a channel causes.

use std::sync::Arc;

use super::joining::SubscriberId;
use crate::broker::{BrokerError, Joined};
use crate::publication::Publication;

/// What is to be done, in the order in which it is listed. Of the first three, each is done by a call to the store, whose
/// outcome comes back later.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Listen to the channel.
    Listen,
    /// Listen to it no more.
    StopListening,
    /// Ask for a read, and begin it when it is its turn.
    Read,
    /// Deliver a publication to the subscribers that have begun. The epoch is empty outside of the stream.
    Deliver { publication: Arc<Publication>, epoch: Arc<str>, previous: Option<Arc<Publication>> },
    /// Tell the subscribers that have begun that publications are missing.
    Lost,
    /// Begin a subscription.
    Start { subscriber: SubscriberId, joined: Joined },
    /// Refuse it.
    Refuse { subscriber: SubscriberId, error: BrokerError },
    /// Nothing of the channel needs to be kept.
    Forget,
    /// Count this.
    Note(Note),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// A publication arrived that was delivered already.
    Duplicate,
    /// Publications were missing, and have been read.
    GapFilled,
    /// Publications were missing, and are lost.
    GapLost,
}
