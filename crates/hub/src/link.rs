//! What a session does to its connection.

use crate::broker::Start;
use crate::centrifuge::Disconnect;
use crate::frame::Frame;
use crate::namespace::SlowPolicy;

/// The connection of a session, borrowed for one call.
///
/// What is sent during a call of the session leaves before any message of a topic whose subscription was started during
/// that call.
pub trait Link {
    /// Sends a message. A connection that cannot take it is closed with [`Disconnect::SLOW`].
    fn send(&mut self, frame: Frame);

    /// Subscribes to a topic. Nothing of it arrives until the returned [`Start`] is called, on any thread; every message
    /// that is published to the topic after that call arrives, and no earlier one. Dropping it ends the subscription.
    fn subscribe_paused(&mut self, topic: &str, slow: SlowPolicy) -> Start;

    /// Ends a subscription. Nothing of the topic arrives after this.
    fn unsubscribe(&mut self, topic: &str);

    /// Closes the connection after what was sent: a WebSocket with this code and reason.
    fn close(&mut self, why: &Disconnect);

    /// The client's address, for operators; `None` if the program does not know it.
    fn peer(&self) -> Option<String> {
        None
    }
}
