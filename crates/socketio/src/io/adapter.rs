//! Which sockets are in which rooms.

use std::fmt;

use super::rooms::{Audience, Room};

/// The number of a socket on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u64);

/// The rooms of a namespace. The [`MemoryAdapter`](super::memory_adapter::MemoryAdapter) knows the sockets of this process;
/// an adapter for several nodes would pass changes on to the others. The namespace calls it under its lock, so it must not block.
pub(super) trait Adapter: fmt::Debug + Send {
    /// Adds a socket to a room. Returns the number of rooms that it is in.
    fn join(&mut self, socket: Key, room: Room) -> usize;

    /// Removes a socket from a room.
    fn leave(&mut self, socket: Key, room: &str);

    /// Removes a socket from all rooms. Returns their names.
    fn leave_all(&mut self, socket: Key) -> Vec<Room>;

    /// The rooms of a socket.
    fn rooms(&self, socket: Key) -> Vec<Room>;

    /// The sockets that are addressed, each once.
    fn select(&self, audience: &Audience) -> Vec<Key>;
}
