//! Rooms, and who is addressed by them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::socket_id::SocketId;

/// The name of a room.
pub(super) type Room = Arc<str>;

/// One room or several: `"news"`, `["news", "sport"]`, a `Vec<String>`, a [`SocketId`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a room, nor several names",
    note = "a room is a `&str`, a `String` or a `SocketId`; several are an array, a slice or a `Vec` of them"
)]
pub trait ToRooms {
    /// The names.
    fn to_rooms(&self) -> Vec<Arc<str>>;
}

impl ToRooms for str {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        vec![Arc::from(self)]
    }
}

impl ToRooms for String {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        vec![Arc::from(self.as_str())]
    }
}

impl ToRooms for Arc<str> {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        vec![Arc::clone(self)]
    }
}

impl ToRooms for SocketId {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        vec![self.room()]
    }
}

impl<R: ToRooms> ToRooms for [R] {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        self.iter().flat_map(ToRooms::to_rooms).collect()
    }
}

impl<R: ToRooms, const N: usize> ToRooms for [R; N] {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        self.as_slice().to_rooms()
    }
}

impl<R: ToRooms> ToRooms for Vec<R> {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        self.as_slice().to_rooms()
    }
}

impl<R: ToRooms + ?Sized> ToRooms for &R {
    fn to_rooms(&self) -> Vec<Arc<str>> {
        (**self).to_rooms()
    }
}

/// Sockets of a namespace, by their rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Audience {
    /// In at least one of these rooms; all sockets if there are none.
    pub(super) rooms: Vec<Room>,
    /// In none of these rooms.
    pub(super) except: Vec<Room>,
}

impl Audience {
    pub(super) fn room(room: Room) -> Audience {
        Audience { rooms: vec![room], except: Vec::new() }
    }
}
