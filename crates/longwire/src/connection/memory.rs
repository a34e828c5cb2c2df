//! The memory that a connection holds, and what it gives back.

use super::Connection;
use super::notes::{Note, Notes};
use crate::send_buffers;
use crate::telemetry;

impl Connection {
    /// Accounts for the memory of the connection. If it grew and the server's limit is exceeded, the connection is
    /// closed with 1013.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if let Some(account) = &mut self.account
            && !account.settle(self.protocol.held())
        {
            self.shed();
        }
    }

    /// Discards what cannot be written any more.
    pub(super) fn discard_queue(&mut self) {
        // A ping that was put off is answered as soon as there is room.
        while self.protocol.queued() > 0 {
            self.protocol.transmitted(self.protocol.queued());
        }
        self.return_buffer();
        self.settle();
    }

    /// Returns the buffer that the thread has lent, if nothing waits in it.
    pub(super) fn return_buffer(&mut self) {
        if let Some(buffer) = self.protocol.reclaim_buffer() {
            send_buffers::give_back(buffer);
        }
    }

    #[cold]
    fn shed(&mut self) {
        if self.protocol.closed().is_none() {
            Notes::add(&mut self.notes, Note::Shed);
            telemetry::shed(self.protocol.role());
        }
        self.protocol.shed();
    }
}

#[cfg(test)]
#[cfg(feature = "server")]
mod tests {
    use std::sync::Arc;

    use longwire_proto::{Config, Protocol, Role, SendError};

    use super::*;
    use crate::ledger::Ledger;
    use crate::transport::Transport;

    /// The capacity of the buffer that the thread lends.
    const LENT: usize = 1000;

    /// A connection over a transport that does nothing, and the account of its server. The thread has one buffer to lend.
    fn connection() -> (Connection, Arc<Ledger>) {
        while send_buffers::take().capacity() > 0 {}
        send_buffers::give_back(Vec::with_capacity(LENT).into());
        let transport = Transport::Other(Box::new(tokio::io::empty()));
        let protocol = Protocol::new(Role::Server, Arc::new(Config::default()));
        let ledger = Arc::new(Ledger::new(usize::MAX));
        (Connection::new(transport, protocol, Vec::new(), Some(ledger.open())), ledger)
    }

    /// The account and the buffer used to be missing until the last handle of the connection was dropped.
    #[test]
    fn a_connection_that_has_ended_holds_nothing() {
        let (mut connection, ledger) = connection();
        connection.queue("waits".into()).unwrap();
        connection.settle();
        assert_eq!(ledger.held(), LENT);
        connection.give_up();
        assert_eq!((ledger.held(), send_buffers::take().capacity()), (0, LENT));
    }

    #[test]
    fn a_message_that_is_refused_leaves_no_buffer_behind() {
        let (mut connection, _) = connection();
        connection.protocol.close(None);
        connection.discard_queue();
        assert_eq!(connection.queue("refused".into()), Err(SendError::Closed));
        assert_eq!(send_buffers::take().capacity(), LENT);
    }
}
