//! A session with the application's part of it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use longwire::MessageRef;

use crate::engine::link::Link;
use crate::engine::{Application, EngineConnection, Opening};

/// A session with the application's part of it.
pub(super) struct LiveSession<A: Application> {
    pub(super) connection: EngineConnection,
    /// Locked while the application is called.
    inbound: Mutex<Inbound<A::Session>>,
    /// For which address the session counts.
    pub(super) counts_for: Option<IpAddr>,
}

#[derive(Debug)]
enum Inbound<S> {
    Opening,
    Open(S),
    Closed,
}

/// Calls the application with the messages of one request, while no other can.
pub(super) struct Turn<'a, A: Application> {
    session: &'a LiveSession<A>,
    inbound: MutexGuard<'a, Inbound<A::Session>>,
}

impl<A: Application> LiveSession<A> {
    pub(super) fn new(link: Link, counts_for: Option<IpAddr>) -> LiveSession<A> {
        let connection = EngineConnection::new(Arc::new(link));
        LiveSession { connection, inbound: Mutex::new(Inbound::Opening), counts_for }
    }

    pub(super) fn link(&self) -> &Link {
        self.connection.link()
    }

    /// Tells the application that the session begins.
    pub(super) fn open(&self, application: &A, opening: Opening) {
        let mut inbound = self.inbound();
        *inbound = Inbound::Open(application.on_open(&self.connection, opening));
        drop(inbound);
        self.tell_end(application);
    }

    /// Begins to receive.
    pub(super) fn turn(&self) -> Turn<'_, A> {
        Turn { session: self, inbound: self.inbound() }
    }

    /// Tells the application that the session has ended, if it has. Who is calling the application at the moment does it
    /// afterwards.
    pub(super) fn tell_end(&self, application: &A) {
        let Some(reason) = self.link().lock().session.end() else { return };
        let mut inbound = match self.inbound.try_lock() {
            Ok(inbound) => inbound,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Inbound::Open(_) = *inbound {
            let ended = std::mem::replace(&mut *inbound, Inbound::Closed);
            drop(inbound);
            if let Inbound::Open(session) = ended {
                application.on_close(session, &self.connection, reason);
            }
        }
    }

    fn inbound(&self) -> MutexGuard<'_, Inbound<A::Session>> {
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Application> Turn<'_, A> {
    /// Receives a packet.
    pub(super) fn receive(&mut self, application: &A, packet: MessageRef<'_>, now: Instant) {
        let message = self.session.link().receive(packet, now);
        if let (Some(message), Inbound::Open(session)) = (message, &mut *self.inbound) {
            application.on_message(session, &self.session.connection, message);
        }
    }

    /// Ends the turn.
    pub(super) fn end(self, application: &A) {
        let Turn { session, inbound } = self;
        drop(inbound);
        session.tell_end(application);
    }
}
