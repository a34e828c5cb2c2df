//! The view of a connection that a filter gets.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;

use super::key::SocketId;
use super::topics::{TopicId, TopicTable};
use crate::admission::peer_address::PeerAddress;

/// A connection, as the filter of [`Topics::close_where`](crate::Topics::close_where) sees it.
///
/// ```no_run
/// use longwire::Topics;
///
/// struct User {
///     name: String,
/// }
///
/// /// Closes every connection of a user.
/// fn log_out(topics: &Topics, name: String) -> Result<(), longwire::InvalidClose> {
///     topics.close_where(4001, "you have logged out", move |socket| {
///         socket.state::<User>().is_some_and(|user| user.name == name)
///     })?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy)]
pub struct SocketView<'a> {
    pub(super) id: SocketId,
    pub(super) peer: PeerAddress,
    pub(super) subprotocol: Option<&'a str>,
    pub(super) state: &'a dyn Any,
    pub(super) subscriptions: &'a [TopicId],
    pub(super) topics: &'a TopicTable,
}

impl<'a> SocketView<'a> {
    /// See [`Socket::id`](crate::Socket::id).
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// The address of the client, as in [`Upgrade::peer_addr`](crate::Upgrade::peer_addr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.get()
    }

    /// The negotiated subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'a str> {
        self.subprotocol
    }

    /// The handler's state of the connection. `None` if its [`Handler::State`](crate::Handler::State) is another type.
    #[must_use]
    pub fn state<S: 'static>(&self) -> Option<&'a S> {
        self.state.downcast_ref()
    }

    /// The topics that it is subscribed to, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &'a str> {
        self.topics.names(self.subscriptions)
    }
}

impl fmt::Debug for SocketView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketView")
            .field("id", &self.id)
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
