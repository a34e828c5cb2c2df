//! The handlers of a socket.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::caught::Running;
use super::incoming::Incoming;
use super::reason::DisconnectReason;

/// A handler of events.
pub(super) type OnEvent<S> = Arc<dyn Fn(S, Incoming) -> Running + Send + Sync>;

/// A handler of the end.
pub(super) type OnDisconnect<S> = Arc<dyn Fn(S, DisconnectReason) -> Running + Send + Sync>;

/// The handlers of a socket. Most sockets get theirs once.
pub(super) struct Handlers<S>(RwLock<Registered<S>>);

struct Registered<S> {
    events: HashMap<Box<str>, Vec<OnEvent<S>>>,
    any: Vec<OnEvent<S>>,
    disconnect: Vec<OnDisconnect<S>>,
}

impl<S> Default for Handlers<S> {
    fn default() -> Handlers<S> {
        Handlers(RwLock::new(Registered { events: HashMap::new(), any: Vec::new(), disconnect: Vec::new() }))
    }
}

impl<S> Handlers<S> {
    fn read(&self) -> RwLockReadGuard<'_, Registered<S>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Registered<S>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The handlers of an event, those of all events first.
    pub(super) fn of_event(&self, name: &str) -> Vec<OnEvent<S>> {
        let registered = self.read();
        let named = registered.events.get(name).into_iter().flatten();
        registered.any.iter().chain(named).cloned().collect()
    }

    pub(super) fn of_disconnect(&self) -> Vec<OnDisconnect<S>> {
        self.read().disconnect.clone()
    }

    /// Drops all handlers, and what they have captured: often the socket itself.
    pub(super) fn clear(&self) {
        let mut dropped = Registered { events: HashMap::new(), any: Vec::new(), disconnect: Vec::new() };
        self.change(|registered| std::mem::swap(registered, &mut dropped));
    }

    pub(super) fn add(&self, event: &str, handler: OnEvent<S>) {
        self.change(|registered| registered.events.entry(Box::from(event)).or_default().push(handler));
    }

    pub(super) fn add_any(&self, handler: OnEvent<S>) {
        self.change(|registered| registered.any.push(handler));
    }

    pub(super) fn add_disconnect(&self, handler: OnDisconnect<S>) {
        self.change(|registered| registered.disconnect.push(handler));
    }

    pub(super) fn remove(&self, event: &str) {
        self.change(|registered| drop(registered.events.remove(event)));
    }
}
