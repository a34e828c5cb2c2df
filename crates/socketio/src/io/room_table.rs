//! Which sockets are in which rooms.

use std::collections::{HashMap, HashSet};

use super::key::Key;
use super::rooms::{Audience, Room};

/// The rooms of a namespace's sockets on this server.
#[derive(Debug, Default)]
pub(super) struct RoomTable {
    rooms: HashMap<Room, HashSet<Key>>,
    sockets: HashMap<Key, Vec<Room>>,
}

impl RoomTable {
    /// Adds a socket to a room. Returns the number of rooms that it is in.
    pub(super) fn join(&mut self, socket: Key, room: Room) -> usize {
        let rooms = self.sockets.entry(socket).or_default();
        if self.rooms.entry(Room::clone(&room)).or_default().insert(socket) {
            rooms.push(room);
        }
        rooms.len()
    }

    /// Removes a socket from a room.
    pub(super) fn leave(&mut self, socket: Key, room: &str) {
        self.remove_from(room, socket);
        if let Some(rooms) = self.sockets.get_mut(&socket) {
            rooms.retain(|other| **other != *room);
        }
    }

    /// Removes a socket from all rooms. Returns their names.
    pub(super) fn leave_all(&mut self, socket: Key) -> Vec<Room> {
        let rooms = self.sockets.remove(&socket).unwrap_or_default();
        for room in &rooms {
            self.remove_from(room, socket);
        }
        rooms
    }

    /// The rooms of a socket.
    pub(super) fn rooms(&self, socket: Key) -> Vec<Room> {
        self.sockets.get(&socket).cloned().unwrap_or_default()
    }

    /// The sockets that are addressed, each once.
    pub(super) fn select(&self, audience: &Audience) -> Vec<Key> {
        let is_addressed = |socket: &&Key| !self.is_in_any(**socket, &audience.except);
        match audience.rooms.as_slice() {
            [] => self.sockets.keys().filter(is_addressed).copied().collect(),
            [room] => self.rooms.get(room).into_iter().flatten().filter(is_addressed).copied().collect(),
            rooms => {
                let members = rooms.iter().filter_map(|room| self.rooms.get(room)).flatten();
                let each_once: HashSet<Key> = members.filter(is_addressed).copied().collect();
                each_once.into_iter().collect()
            }
        }
    }

    fn remove_from(&mut self, room: &str, socket: Key) {
        let Some(members) = self.rooms.get_mut(room) else { return };
        members.remove(&socket);
        if members.is_empty() {
            self.rooms.remove(room);
        }
    }

    fn is_in_any(&self, socket: Key, rooms: &[Room]) -> bool {
        rooms.iter().any(|room| self.rooms.get(room).is_some_and(|members| members.contains(&socket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(table: &RoomTable, rooms: &[&str], except: &[&str]) -> Vec<u64> {
        let names = |names: &[&str]| names.iter().map(|name| Room::from(*name)).collect();
        let mut keys = table.select(&Audience { rooms: names(rooms), except: names(except) });
        keys.sort();
        keys.into_iter().map(|Key(number)| number).collect()
    }

    #[test]
    fn rooms_select_each_socket_once_and_exceptions_win() {
        let mut table = RoomTable::default();
        for (socket, room) in [(1, "a"), (2, "a"), (2, "b"), (3, "b"), (4, "c")] {
            table.join(Key(socket), Room::from(room));
        }
        assert_eq!(sorted(&table, &[], &[]), [1, 2, 3, 4]);
        assert_eq!(sorted(&table, &["a", "b"], &[]), [1, 2, 3]);
        assert_eq!(sorted(&table, &["a"], &["b"]), [1]);
        assert_eq!(sorted(&table, &[], &["a", "c"]), [3]);
        assert!(sorted(&table, &["nobody"], &[]).is_empty());
    }

    #[test]
    fn nothing_remains_of_a_socket_that_left() {
        let mut table = RoomTable::default();
        assert_eq!(table.join(Key(1), Room::from("a")), 1);
        assert_eq!(table.join(Key(1), Room::from("a")), 1);
        assert_eq!(table.join(Key(1), Room::from("b")), 2);
        table.leave(Key(1), "a");
        assert_eq!(table.leave_all(Key(1)), [Room::from("b")]);
        assert!(table.rooms.is_empty() && table.sockets.is_empty());
    }
}
