//! The handle with which an application sends.

use std::fmt;
use std::sync::Arc;

use longwire::SendStatus;

use super::close_reason::CloseReason;
use super::link::Link;
use super::message::EngineMessage;
use super::pause::Pause;
use super::sid::Sid;
use super::transport_kind::TransportKind;

/// A session of a client: sends to it and closes it, from any thread. It is cheap to clone, does not keep the session open, and
/// stays the same when the session moves from polling to WebSocket.
#[derive(Clone)]
pub struct EngineConnection {
    link: Arc<Link>,
}

impl EngineConnection {
    pub(crate) fn new(link: Arc<Link>) -> EngineConnection {
        EngineConnection { link }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The identifier of the session.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.link.sid()
    }

    /// The transport at the moment.
    #[must_use]
    pub fn transport(&self) -> TransportKind {
        self.link.lock().session.transport()
    }

    /// Queues a message. Never waits.
    ///
    /// [`Full`](SendStatus::Full): more would wait for this client, or for all together, than the
    /// [settings](super::EngineConfig) allow; the session ends with [`CloseReason::TooSlow`].
    /// [`Closed`](SendStatus::Closed): it has ended.
    pub fn send(&self, message: EngineMessage) -> SendStatus {
        self.link.send([message])
    }

    /// Like [`send`](EngineConnection::send), with several messages that stay together: all are queued or none, and no message
    /// of another thread comes between them.
    pub fn send_all(&self, messages: impl IntoIterator<Item = EngineMessage>) -> SendStatus {
        self.link.send(messages)
    }

    /// Like [`send_all`](EngineConnection::send_all), but only if nothing waits for the client and a transport is ready; otherwise
    /// the messages are dropped, and the result is [`Full`](SendStatus::Full).
    pub fn send_if_writable(&self, messages: impl IntoIterator<Item = EngineMessage>) -> SendStatus {
        self.link.send_if_writable(messages)
    }

    /// Whether a message would leave at once: nothing waits for the client, and a transport is ready.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.link.lock().session.is_writable()
    }

    /// How many bytes wait for the client, with some hundred bytes of overhead for each message.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.link.lock().session.queued()
    }

    /// Waits until nothing waits for the client any more: its transport has taken everything, or the session has ended. It paces
    /// a sender that could overwhelm a slow client.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost if the future is dropped.
    pub async fn drained(&self) {
        loop {
            let changed = self.link.drained();
            if self.queued() == 0 || !self.is_open() {
                return;
            }
            changed.await;
        }
    }

    /// Holds back the messages of the client, whose packets are not read until the returned value is dropped: the application is
    /// too busy for them. The heartbeat waits, too, because the client's answers to it come behind those packets.
    ///
    /// A message may still arrive that was on its way. Those that have arrived when a WebSocket breaks come, too.
    pub fn pause(&self) -> Pause {
        Pause::new(Arc::clone(&self.link))
    }

    /// Whether the session goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.link.lock().session.end().is_none()
    }

    /// Ends the session, with [`CloseReason::ForcedClose`]. What was sent before still leaves.
    pub fn close(&self) {
        self.link.close(CloseReason::ForcedClose);
    }

    /// Ends the session for another reason. With those that are the client's fault, what waits for it is dropped.
    pub fn close_with(&self, reason: CloseReason) {
        self.link.close(reason);
    }
}

impl fmt::Debug for EngineConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConnection").field("sid", &self.sid()).finish_non_exhaustive()
    }
}

/// For tests of what stands on top.
#[cfg(test)]
impl EngineConnection {
    /// A session without a transport: what is sent waits for [`sent`](EngineConnection::sent).
    pub(crate) fn without_transport() -> EngineConnection {
        use super::budget::Budget;
        use super::config::EngineConfig;
        use super::outgoing::Outgoing;
        use super::session::EngineSession;

        let config = EngineConfig::default();
        let outgoing = Outgoing::new(config.max_queued, Arc::new(Budget::new(config.max_queued_in_total)));
        let now = std::time::Instant::now();
        let session = EngineSession::new(&config, outgoing, TransportKind::WebSocket, now);
        EngineConnection::new(Arc::new(Link::new(Sid::random(), session, Arc::new(|_| {}))))
    }

    /// What was sent since the last call, as packets: text begins with the type of the packet.
    pub(crate) fn sent(&self) -> Vec<longwire::Message> {
        let mut shared = self.link.lock();
        let mut sent = Vec::new();
        while let Some(packet) = shared.session.front().cloned() {
            shared.session.pop();
            sent.push(packet);
        }
        sent
    }

    /// Why the session has ended, if it has.
    pub(crate) fn end(&self) -> Option<CloseReason> {
        self.link.lock().session.end()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        future.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn a_sender_waits_until_the_transport_has_taken_everything_or_the_session_has_ended() {
        let connection = EngineConnection::without_transport();
        assert!(is_ready(pin!(connection.drained())), "nothing waits");
        connection.send(EngineMessage::text("a")).or_drop();
        let mut drained = pin!(connection.drained());
        assert!(!is_ready(drained.as_mut()));
        connection.link().took();
        assert!(!is_ready(drained.as_mut()), "the transport has taken something else");
        connection.sent();
        connection.link().took();
        assert!(is_ready(drained.as_mut()));

        connection.send(EngineMessage::text("b")).or_drop();
        let mut drained = pin!(connection.drained());
        assert!(!is_ready(drained.as_mut()));
        connection.close();
        assert!(is_ready(drained.as_mut()));
    }
}
