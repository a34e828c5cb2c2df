//! The handlers of a socket.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::caught::Running;
use super::incoming::Incoming;
use super::reason::DisconnectReason;
use crate::protocol::Arguments;

/// A handler of events.
pub(super) type OnEvent<S> = Arc<dyn Fn(S, Incoming) -> Running + Send + Sync>;

/// Whether an event may pass.
pub(super) type Passing = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A middleware of events.
pub(super) type OnPassing<S> = Arc<dyn Fn(S, Incoming) -> Passing + Send + Sync>;

/// A handler of the end.
pub(super) type OnDisconnect<S> = Arc<dyn Fn(S, DisconnectReason) -> Running + Send + Sync>;

/// A listener to events that are sent to the client.
pub(super) type OnOutgoing<S> = Arc<dyn Fn(&S, &str, &Arguments) + Send + Sync>;

/// The handlers of a socket. Most sockets get theirs once.
pub(super) struct Handlers<S> {
    registered: RwLock<Registered<S>>,
    /// Whether there are listeners to outgoing events, so that others need no lock for each event.
    has_outgoing: AtomicBool,
}

struct Registered<S> {
    /// By name, and in the order of their registration.
    events: Vec<(Box<str>, OnEvent<S>)>,
    disconnect: Vec<OnDisconnect<S>>,
    /// Handlers that most sockets do not have.
    rare: Option<Box<RareHandlers<S>>>,
}

struct RareHandlers<S> {
    middleware: Vec<OnPassing<S>>,
    any: Vec<OnEvent<S>>,
    outgoing: Vec<OnOutgoing<S>>,
    disconnecting: Vec<OnDisconnect<S>>,
}

impl<S> Default for Registered<S> {
    fn default() -> Registered<S> {
        Registered { events: Vec::new(), disconnect: Vec::new(), rare: None }
    }
}

impl<S> Registered<S> {
    /// The handlers of this name, found by bisection: a table would cost an idle socket more memory than its handlers.
    fn named(&self, event: &str) -> impl Iterator<Item = &(Box<str>, OnEvent<S>)> {
        let first = self.events.partition_point(|(name, _)| **name < *event);
        self.events.iter().skip(first).take_while(move |(name, _)| **name == *event)
    }
}

impl<S> Default for RareHandlers<S> {
    fn default() -> RareHandlers<S> {
        RareHandlers {
            middleware: Vec::new(),
            any: Vec::new(),
            outgoing: Vec::new(),
            disconnecting: Vec::new(),
        }
    }
}

impl<S> Default for Handlers<S> {
    fn default() -> Handlers<S> {
        Handlers { registered: RwLock::default(), has_outgoing: AtomicBool::new(false) }
    }
}

impl<S> Handlers<S> {
    fn read(&self) -> RwLockReadGuard<'_, Registered<S>> {
        self.registered.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Registered<S>)) {
        change(&mut self.registered.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn change_rare(&self, change: impl FnOnce(&mut RareHandlers<S>)) {
        self.change(|registered| change(registered.rare.get_or_insert_default()));
    }

    /// What an event passes before its handlers are called.
    pub(super) fn middleware(&self) -> Vec<OnPassing<S>> {
        self.read().rare.as_ref().map(|rare| rare.middleware.clone()).unwrap_or_default()
    }

    /// The handlers of an event, those of all events first.
    pub(super) fn of_event(&self, name: &str) -> Vec<OnEvent<S>> {
        let registered = self.read();
        let any = registered.rare.iter().flat_map(|rare| &rare.any);
        let named = registered.named(name).map(|(_, handler)| handler);
        any.chain(named).cloned().collect()
    }

    /// The handlers of the end, in their order.
    pub(super) fn of_disconnect(&self) -> Vec<OnDisconnect<S>> {
        let registered = self.read();
        let before = registered.rare.iter().flat_map(|rare| &rare.disconnecting);
        before.chain(&registered.disconnect).cloned().collect()
    }

    /// Whether there are listeners to outgoing events.
    pub(super) fn has_outgoing(&self) -> bool {
        self.has_outgoing.load(Ordering::Acquire)
    }

    /// The listeners to outgoing events.
    pub(super) fn outgoing(&self) -> Vec<OnOutgoing<S>> {
        self.read().rare.as_ref().map(|rare| rare.outgoing.clone()).unwrap_or_default()
    }

    /// Drops all handlers, and what they have captured: often the socket itself.
    pub(super) fn clear(&self) {
        let mut dropped = Registered::default();
        self.change(|registered| std::mem::swap(registered, &mut dropped));
    }

    pub(super) fn add(&self, event: &str, handler: OnEvent<S>) {
        self.change(|registered| {
            let behind = registered.events.partition_point(|(name, _)| **name <= *event);
            registered.events.insert(behind, (Box::from(event), handler));
        });
    }

    pub(super) fn add_middleware(&self, middleware: OnPassing<S>) {
        self.change_rare(|rare| rare.middleware.push(middleware));
    }

    pub(super) fn add_any(&self, handler: OnEvent<S>) {
        self.change_rare(|rare| rare.any.push(handler));
    }

    pub(super) fn add_outgoing(&self, listener: OnOutgoing<S>) {
        self.change_rare(|rare| rare.outgoing.push(listener));
        self.has_outgoing.store(true, Ordering::Release);
    }

    pub(super) fn add_disconnecting(&self, handler: OnDisconnect<S>) {
        self.change_rare(|rare| rare.disconnecting.push(handler));
    }

    pub(super) fn add_disconnect(&self, handler: OnDisconnect<S>) {
        self.change(|registered| registered.disconnect.push(handler));
    }

    pub(super) fn remove(&self, event: &str) {
        self.change(|registered| registered.events.retain(|(name, _)| **name != *event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handlers_of_a_name_are_found_among_others_in_their_order() {
        let handlers = Handlers::<()>::default();
        let handler = || -> OnEvent<()> { Arc::new(|(), _| Box::pin(async {})) };
        let (first, second) = (handler(), handler());
        handlers.add("news", Arc::clone(&first));
        for other in ["new", "newspaper", "a", "z", ""] {
            handlers.add(other, handler());
        }
        handlers.add("news", Arc::clone(&second));

        let found = handlers.of_event("news");
        assert_eq!(found.len(), 2);
        assert!(Arc::ptr_eq(&found[0], &first) && Arc::ptr_eq(&found[1], &second));
        assert!(handlers.of_event("ne").is_empty());
        handlers.remove("news");
        assert!(handlers.of_event("news").is_empty());
        assert_eq!(handlers.of_event("newspaper").len(), 1);
    }
}
