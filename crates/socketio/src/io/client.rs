//! One client: its connection, and the namespaces that it has joined.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::backlog::{Backlog, BacklogLimits};
use super::config::SocketIoConfig;
use super::incoming::send;
use super::member::Member;
use super::reason::DisconnectReason;
use super::session::Session;
use crate::engine::{CloseReason, EngineConnection, Opening};
use crate::protocol::Encoded;

/// One client: its connection, and the namespaces that it has joined.
pub(super) struct Client<S> {
    pub(super) connection: EngineConnection,
    pub(super) opening: Opening,
    pub(super) config: Arc<SocketIoConfig>,
    /// Where handlers run when they have to wait.
    pub(super) runtime: Handle,
    pub(super) backlog: Backlog,
    session: Mutex<Session<S>>,
    deadline: Mutex<Option<AbortHandle>>,
}

impl<S: Member> Client<S> {
    pub(super) fn new(
        connection: EngineConnection,
        opening: Opening,
        config: Arc<SocketIoConfig>,
    ) -> Arc<Client<S>> {
        let session = Mutex::new(Session::new(config.namespaces));
        let runtime = Handle::current();
        let limits = BacklogLimits { events: config.waiting_events, bytes: config.waiting_event_bytes };
        let (backlog, deadline) = (Backlog::new(limits), Mutex::new(None));
        Arc::new(Client { connection, opening, config, runtime, backlog, session, deadline })
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session<S>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the client unless it joins a namespace in time.
    pub(super) fn start_deadline(self: &Arc<Self>) {
        let (client, time) = (Arc::downgrade(self), self.config.connect_timeout);
        let task = self.runtime.spawn(async move {
            tokio::time::sleep(time).await;
            let Some(client) = client.upgrade() else { return };
            if client.session().is_idle() {
                tracing::debug!(client = %client, "closing: no namespace was joined in time");
                client.close(DisconnectReason::ForcedServerClose);
            }
        });
        self.set_deadline(Some(task.abort_handle()));
    }

    pub(super) fn stop_deadline(&self) {
        self.set_deadline(None);
    }

    fn set_deadline(&self, deadline: Option<AbortHandle>) {
        let previous =
            std::mem::replace(&mut *self.deadline.lock().unwrap_or_else(PoisonError::into_inner), deadline);
        if let Some(previous) = previous {
            previous.abort();
        }
    }

    pub(super) fn send(&self, packet: &Encoded) {
        send(&self.connection, packet);
    }

    /// Ends all sockets and the connection.
    pub(super) fn close(&self, reason: DisconnectReason) {
        self.finish(reason);
        match reason {
            DisconnectReason::ParseError => self.connection.close_with(CloseReason::ParseError),
            DisconnectReason::TooSlow => self.connection.close_with(CloseReason::TooSlow),
            _ => self.connection.close(),
        }
    }

    /// The connection has ended.
    pub(super) fn finish(&self, reason: DisconnectReason) {
        self.stop_deadline();
        let sockets = self.session().close();
        for socket in sockets {
            socket.finish(reason);
        }
    }
}

impl<S> fmt::Display for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opening.peer_addr {
            Some(address) => write!(f, "{address}"),
            None => f.write_str("unknown address"),
        }
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", &self.connection).finish_non_exhaustive()
    }
}
