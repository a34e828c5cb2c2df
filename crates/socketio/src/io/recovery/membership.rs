//! In which rooms a socket was, and when.

use super::super::rooms::{Audience, Room};

/// Rooms that a socket has left, as far as they are remembered.
const LEFT_ROOMS: usize = 64;

/// The rooms of a socket over the offsets of its namespace.
#[derive(Debug)]
pub(super) struct Membership {
    started: u64,
    /// Of earlier rooms, some may be forgotten.
    known_since: u64,
    current: Vec<(Room, u64)>,
    left: Vec<Left>,
}

#[derive(Debug)]
struct Left {
    room: Room,
    joined: u64,
    left: u64,
}

impl Membership {
    /// A socket that connects when `offset` is the newest.
    pub(super) fn since(offset: u64) -> Membership {
        Membership { started: offset, known_since: offset, current: Vec::new(), left: Vec::new() }
    }

    pub(super) fn started(&self) -> u64 {
        self.started
    }

    pub(super) fn known_since(&self) -> u64 {
        self.known_since
    }

    pub(super) fn join(&mut self, room: &Room, newest: u64) {
        if !self.current.iter().any(|(other, _)| other == room) {
            self.current.push((Room::clone(room), newest));
        }
    }

    pub(super) fn leave(&mut self, room: &str, newest: u64) {
        let Some(place) = self.current.iter().position(|(other, _)| **other == *room) else { return };
        let (room, joined) = self.current.swap_remove(place);
        if joined == newest {
            return;
        }
        if self.left.len() == LEFT_ROOMS {
            self.known_since = self.known_since.max(self.left.remove(0).left);
        }
        self.left.push(Left { room, joined, left: newest });
    }

    /// The rooms of the socket now.
    pub(super) fn rooms(&self) -> Vec<Room> {
        self.current.iter().map(|(room, _)| Room::clone(room)).collect()
    }

    /// Whether an event was addressed to the socket when it was sent.
    pub(super) fn includes(&self, audience: &Audience, offset: u64) -> bool {
        if offset <= self.started {
            return false;
        }
        let is_in = |room: &Room| {
            self.current.iter().any(|(other, joined)| other == room && *joined < offset)
                || self
                    .left
                    .iter()
                    .any(|left| left.room == *room && left.joined < offset && offset <= left.left)
        };
        (audience.rooms.is_empty() || audience.rooms.iter().any(is_in)) && !audience.except.iter().any(is_in)
    }
}
