//! Subscriptions that another thread starts.

use std::fmt;
use std::sync::Arc;

use super::key::SocketId;
use super::mailbox::{Mail, Mailbox};
use super::topics::PausedId;

/// A subscription that receives nothing until it is [started](PausedSubscription::start), which any thread can do; made
/// by [`Socket::subscribe_paused`](crate::Socket::subscribe_paused). Dropping it ends the subscription.
///
/// With a lock that publishers hold too, the subscription begins at an exact point of their order: the client gets a
/// topic's history and then its messages, without a gap and without repetition.
///
/// ```
/// use std::sync::Mutex;
///
/// use longwire::{Handler, Slow, Socket, Topics};
///
/// struct News {
///     history: Mutex<Vec<String>>,
/// }
///
/// impl News {
///     /// Called by any thread.
///     fn publish(&self, topics: &Topics, line: String) {
///         let mut history = self.history.lock().unwrap();
///         history.push(line.clone());
///         topics.publish("news", line);
///     }
///
///     /// Called by `on_message`.
///     fn subscribe<H: Handler>(&self, socket: &mut Socket<'_, H>) {
///         let subscription = socket.subscribe_paused("news", Slow::Disconnect);
///         let history = self.history.lock().unwrap();
///         subscription.start();
///         let past = history.join("\n");
///         drop(history);
///         // The loop sends it before the first message of the topic.
///         socket.send(past).or_drop();
///     }
/// }
/// ```
#[must_use = "the subscription ends when this is dropped; call `start`"]
pub struct PausedSubscription {
    socket: SocketId,
    mailbox: Arc<Mailbox>,
    /// `None` if there is nothing to start or to end.
    paused: Option<PausedId>,
}

impl PausedSubscription {
    pub(super) fn new(
        socket: SocketId,
        mailbox: Arc<Mailbox>,
        paused: Option<PausedId>,
    ) -> PausedSubscription {
        PausedSubscription { socket, mailbox, paused }
    }

    /// Begins the subscription: the connection gets every message that is published to the topic after this call, and no
    /// message that was published before. Only the order of the calls counts, not their threads. Never waits.
    ///
    /// This does nothing if the connection is closing or has ended, or if the subscription has ended or was replaced.
    pub fn start(mut self) {
        if let Some(paused) = self.paused.take() {
            self.mailbox.put(Mail::Start { to: self.socket.key(), paused });
        }
    }

    /// Identifies the connection; see [`Socket::id`](crate::Socket::id).
    #[must_use]
    pub fn socket_id(&self) -> SocketId {
        self.socket
    }
}

/// Ends the subscription, unless it was started.
impl Drop for PausedSubscription {
    fn drop(&mut self) {
        if let Some(paused) = self.paused.take() {
            self.mailbox.put(Mail::Abandon { to: self.socket.key(), paused });
        }
    }
}

impl fmt::Debug for PausedSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PausedSubscription").field("socket_id", &self.socket).finish_non_exhaustive()
    }
}
