//! Which listeners receive an event, and in which order: the DOM's rules for event listeners and event handlers.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::event::{Event, EventKind};

/// A listener's function; `S` is the socket that it receives.
pub(super) type Callback<S> = Arc<Mutex<dyn FnMut(&S, &Event) + Send>>;

/// Identifies a listener, to remove it.
///
/// ```
/// use longwire::EventSocket;
///
/// fn listen_for_a_while(socket: &EventSocket) {
///     let id = socket.on_message(|_, event| println!("{}", event.data()));
///     socket.remove_event_listener(id);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// The listeners of a socket, in the order in which they are called.
///
/// Removed callbacks are returned to the caller, which drops them without holding the lock: a callback may hold a
/// socket, whose drop takes the lock.
pub(super) struct Listeners<S> {
    entries: Vec<Entry<S>>,
    last_id: u64,
    /// There will be no more events, so no listener is kept.
    over: bool,
}

struct Entry<S> {
    id: ListenerId,
    kind: EventKind,
    registered: Registered,
    callback: Callback<S>,
}

/// How a listener was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registered {
    /// With `on_…`: one per kind, which keeps its position when it is replaced.
    AsHandler,
    /// With `add_event_listener`.
    AsListener,
}

impl<S> Default for Listeners<S> {
    fn default() -> Listeners<S> {
        Listeners { entries: Vec::new(), last_id: 0, over: false }
    }
}

impl<S> Listeners<S> {
    /// Makes `callback` the handler of `kind`. Also returns the callback that is no longer needed.
    pub(super) fn set_handler(
        &mut self,
        kind: EventKind,
        callback: Callback<S>,
    ) -> (ListenerId, Option<Callback<S>>) {
        let is_handler =
            |entry: &&mut Entry<S>| entry.kind == kind && entry.registered == Registered::AsHandler;
        match self.entries.iter_mut().find(is_handler) {
            Some(entry) => (entry.id, Some(std::mem::replace(&mut entry.callback, callback))),
            None => self.register(kind, Registered::AsHandler, callback),
        }
    }

    /// Adds a listener. Also returns the callback that is no longer needed.
    pub(super) fn add(
        &mut self,
        kind: EventKind,
        callback: Callback<S>,
    ) -> (ListenerId, Option<Callback<S>>) {
        self.register(kind, Registered::AsListener, callback)
    }

    fn register(
        &mut self,
        kind: EventKind,
        registered: Registered,
        callback: Callback<S>,
    ) -> (ListenerId, Option<Callback<S>>) {
        self.last_id += 1;
        let id = ListenerId(self.last_id);
        if self.over {
            return (id, Some(callback));
        }
        self.entries.push(Entry { id, kind, registered, callback });
        (id, None)
    }

    pub(super) fn remove(&mut self, id: ListenerId) -> Option<Callback<S>> {
        let place = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.remove(place).callback)
    }

    /// The listeners for an event that happens now.
    pub(super) fn of(&self, kind: EventKind) -> Vec<ListenerId> {
        self.entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.id).collect()
    }

    /// The function to call; `None` if it was removed in the meantime.
    pub(super) fn callback(&self, id: ListenerId) -> Option<Callback<S>> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| Arc::clone(&entry.callback))
    }

    pub(super) fn listen_to_any(&self, kinds: &[EventKind]) -> bool {
        self.entries.iter().any(|entry| kinds.contains(&entry.kind))
    }

    /// Removes all listeners, and keeps none from now on.
    pub(super) fn finish(&mut self) -> Vec<Callback<S>> {
        self.over = true;
        self.entries.drain(..).map(|entry| entry.callback).collect()
    }
}

impl<S> fmt::Debug for Listeners<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.kind)).finish()
    }
}
