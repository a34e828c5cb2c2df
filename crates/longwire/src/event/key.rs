//! The key of a connection in its event loop, and the identifier that the application sees.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use slotmap::Key as _;

slotmap::new_key_type! {
    /// The slot of a connection in its event loop. When a slot is reused, its key differs.
    pub(crate) struct Key;
}

/// Identifies a connection of an event loop. It stays the same for the life of the connection, and it is unique in the
/// process, across servers and event loops.
///
/// It says nothing about the client and has no meaning in other processes. In theory it can repeat, after 2³¹
/// connections in the same slot of the same loop.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use longwire::{Handler, Remote, Socket, SocketId};
///
/// struct Registry {
///     players: Mutex<HashMap<SocketId, Remote>>,
/// }
///
/// impl Registry {
///     fn on_open<H: Handler>(&self, socket: &mut Socket<'_, H>) {
///         self.players.lock().unwrap().insert(socket.id(), socket.remote());
///     }
///
///     fn on_close<H: Handler>(&self, socket: &mut Socket<'_, H>) {
///         self.players.lock().unwrap().remove(&socket.id());
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId {
    event_loop: LoopNumber,
    key: Key,
}

/// The number of an event loop, unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LoopNumber(u32);

impl LoopNumber {
    /// A number that no other loop has.
    pub(super) fn next() -> LoopNumber {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        LoopNumber(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl SocketId {
    #[inline]
    pub(super) fn new(event_loop: LoopNumber, key: Key) -> SocketId {
        SocketId { event_loop, key }
    }

    /// The key of the connection in its loop.
    pub(super) fn key(self) -> Key {
        self.key
    }
}

/// The loop's number, the slot, and the slot's version: `0-17v1`.
impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:?}", self.event_loop.0, self.key.data())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({self})")
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn a_place_that_is_used_again_and_the_same_place_of_another_loop_have_other_ids() {
        let (first, second) = (LoopNumber::next(), LoopNumber::next());
        let mut places = SlotMap::<Key, ()>::with_key();
        let before = places.insert(());
        places.remove(before);
        let after = places.insert(());
        let ids = [
            SocketId::new(first, before),
            SocketId::new(first, after),
            SocketId::new(second, before),
            SocketId::new(second, after),
        ];
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert_eq!(ids[0].to_string(), format!("{}-1v1", first.0));
        assert_eq!(format!("{:?}", ids[1]), format!("SocketId({}-1v3)", first.0));
    }
}
