//! An event on its way to a handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytestring::ByteString;

use crate::engine::EngineConnection;
use crate::protocol::{Arguments, EncodeError, Encoded, ToArguments, ack};

/// An event of a client, on its way to a handler.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Incoming {
    pub(super) name: ByteString,
    pub(super) arguments: Arguments,
    answer: Option<Arc<Answer>>,
}

/// Where the answer to an event goes. One handler gives it.
#[derive(Debug)]
struct Answer {
    connection: EngineConnection,
    namespace: ByteString,
    id: u64,
    is_claimed: AtomicBool,
}

impl Incoming {
    pub(super) fn new(name: ByteString, arguments: Arguments) -> Incoming {
        Incoming { name, arguments, answer: None }
    }

    /// The client waits for an answer with this number.
    pub(super) fn expect_answer(&mut self, connection: &EngineConnection, namespace: &ByteString, id: u64) {
        let (connection, namespace) = (connection.clone(), namespace.clone());
        self.answer =
            Some(Arc::new(Answer { connection, namespace, id, is_claimed: AtomicBool::new(false) }));
    }

    /// The right to answer, for the first that asks.
    pub(super) fn claim_answer(&mut self) -> Ack {
        let is_first = |answer: &Arc<Answer>| !answer.is_claimed.swap(true, Ordering::AcqRel);
        Ack { answer: self.answer.take().filter(is_first) }
    }
}

/// The answer to an event, for handlers that answer before they end, or not always. Other handlers
/// [return](crate::IntoReply) it.
///
/// ```
/// use longwire_socketio::{Ack, Data, Socket};
///
/// async fn order(_socket: Socket, (Data(item), ack): (Data<String>, Ack)) {
///     ack.send(format!("{item} is on its way")).ok();
///     // …
/// }
/// ```
#[derive(Debug)]
pub struct Ack {
    answer: Option<Arc<Answer>>,
}

impl Ack {
    /// Whether the client waits for an answer.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.answer.is_some()
    }

    /// Sends the answer; a tuple is several arguments. If the client waits for none, or has gone, nothing happens.
    ///
    /// # Errors
    ///
    /// If the data cannot be JSON.
    pub fn send(self, data: impl ToArguments) -> Result<(), EncodeError> {
        let Some(answer) = self.answer else { return Ok(()) };
        send(&answer.connection, &ack(&answer.namespace, answer.id, data)?);
        Ok(())
    }
}

/// Queues a packet. A client that does not take it has gone, or is about to be disconnected because it is too slow.
pub(super) fn send(connection: &EngineConnection, packet: &Encoded) {
    connection.send_all(packet.messages()).or_drop();
}
