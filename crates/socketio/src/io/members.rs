//! The sockets of a namespace, under one lock: all of them see its events in the same order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::adapter::{Adapter, Key};
use super::config::RecoveryConfig;
use super::member::{Delivery, Member};
use super::memory_adapter::MemoryAdapter;
use super::recovery::{Pid, Recovery, Restored};
use super::rooms::{Audience, Room};
use super::socket_data::SocketData;
use super::socket_id::SocketId;
use crate::protocol::{Draft, Encoded};

/// The sockets of a namespace and their rooms.
#[derive(Debug)]
pub(super) struct Members<S> {
    state: Mutex<MembersState<S>>,
}

#[derive(Debug)]
struct MembersState<S> {
    next_key: u64,
    sockets: HashMap<Key, S>,
    adapter: Box<dyn Adapter>,
    recovery: Option<Recovery>,
}

/// What becomes of a client that names an earlier session.
#[derive(Debug)]
pub(super) enum Continued<S> {
    /// It goes on as this socket.
    Restored(S),
    /// Its earlier socket is still connected and has to end first.
    StillConnected(S),
    /// The client has gone again.
    Gone,
    /// It begins anew.
    Unknown,
}

impl<S: Member> Members<S> {
    pub(super) fn new(recovery: Option<RecoveryConfig>) -> Members<S> {
        let state = MembersState {
            next_key: 0,
            sockets: HashMap::new(),
            adapter: Box::new(MemoryAdapter::default()),
            recovery: recovery.map(Recovery::new),
        };
        Members { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, MembersState<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a socket that is being made.
    pub(super) fn next_key(&self) -> Key {
        let mut state = self.lock();
        let key = Key(state.next_key);
        state.next_key = state.next_key.wrapping_add(1);
        key
    }

    /// Adds a socket that begins anew, with a secret if it may continue later. It gets `greeting` before all events.
    /// `false`: `join` says that the client has gone.
    pub(super) fn add(
        &self,
        socket: &S,
        id: &SocketId,
        pid: Option<Pid>,
        greeting: &Encoded,
        join: impl FnOnce() -> bool,
    ) -> bool {
        let mut state = self.lock();
        let key = socket.key();
        if !join() {
            state.adapter.leave_all(key);
            return false;
        }
        if let (Some(pid), Some(recovery)) = (pid, state.recovery.as_mut()) {
            recovery.begin(key, pid);
        }
        // The middleware may have chosen rooms.
        for room in state.adapter.rooms(key) {
            state.join(key, room);
        }
        state.join(key, id.room());
        state.sockets.insert(key, socket.clone());
        socket.deliver(greeting, Delivery::Reliable);
        true
    }

    /// Adds a socket that continues an earlier one, if nothing that was addressed to it is missing. `make` makes it, and its
    /// greeting, which it gets before the events that it missed.
    pub(super) fn restore(
        &self,
        pid: &str,
        offset: Option<&str>,
        make: impl FnOnce(Key, &Restored) -> (S, Encoded),
        join: impl FnOnce(&S) -> bool,
    ) -> Continued<S> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(recovery) = state.recovery.as_mut() else { return Continued::Unknown };
        if let Some(socket) = recovery.connected(pid).and_then(|key| state.sockets.get(&key)) {
            return Continued::StillConnected(socket.clone());
        }
        let now = Instant::now().into_std();
        let Some(restored) = recovery.restore(pid, offset, now) else { return Continued::Unknown };
        let key = Key(state.next_key);
        state.next_key = state.next_key.wrapping_add(1);
        let (socket, greeting) = make(key, &restored);
        if !join(&socket) {
            recovery.park_again(restored, now);
            return Continued::Gone;
        }
        socket.deliver(&greeting, Delivery::Reliable);
        restored.missed.iter().for_each(|packet| socket.deliver(packet, Delivery::Reliable));
        for room in recovery.resume(key, restored) {
            state.adapter.join(key, room);
        }
        state.sockets.insert(key, socket.clone());
        Continued::Restored(socket)
    }

    /// Removes a socket. Returns its rooms.
    pub(super) fn remove(&self, key: Key, id: &SocketId, parked: Option<Arc<SocketData>>) -> Vec<Room> {
        let mut state = self.lock();
        state.sockets.remove(&key);
        if let Some(recovery) = state.recovery.as_mut() {
            match parked {
                None => recovery.end(key),
                Some(data) => recovery.park(key, id.clone(), data, Instant::now().into_std()),
            }
        }
        state.adapter.leave_all(key)
    }

    /// Forgets the rooms of a socket that was not let in.
    pub(super) fn forget(&self, key: Key) {
        self.lock().adapter.leave_all(key);
    }

    /// Adds a socket to a room. `false`: it would be in more than `limit`.
    pub(super) fn join(&self, key: Key, room: Room, limit: usize) -> bool {
        self.lock().join(key, room) <= limit
    }

    pub(super) fn leave(&self, key: Key, room: &str) {
        let mut state = self.lock();
        state.adapter.leave(key, room);
        if let Some(recovery) = state.recovery.as_mut() {
            recovery.left(key, room);
        }
    }

    pub(super) fn rooms(&self, key: Key) -> Vec<Room> {
        self.lock().adapter.rooms(key)
    }

    /// The sockets that are addressed.
    pub(super) fn select(&self, audience: &Audience) -> Vec<S> {
        let state = self.lock();
        let keys = state.adapter.select(audience);
        keys.iter().filter_map(|key| state.sockets.get(key)).cloned().collect()
    }

    /// Sends an event, encoded once, to the sockets that are addressed.
    pub(super) fn emit(&self, event: Draft, audience: Audience, delivery: Delivery) {
        let mut state = self.lock();
        let keys = state.adapter.select(&audience);
        let packet = match (state.recovery.as_mut(), delivery) {
            (None, _) => event.finish(None),
            (Some(recovery), Delivery::Volatile) => event.finish(Some(recovery.newest())),
            (Some(recovery), Delivery::Reliable) => {
                let packet = event.finish(Some(recovery.newest().saturating_add(1)));
                recovery.keep(audience, &packet, Instant::now().into_std());
                keys.iter().for_each(|key| recovery.sent(*key));
                packet
            }
        };
        for socket in keys.iter().filter_map(|key| state.sockets.get(key)) {
            socket.deliver(&packet, delivery);
        }
    }
}

impl<S> MembersState<S> {
    fn join(&mut self, key: Key, room: Room) -> usize {
        if let Some(recovery) = self.recovery.as_mut() {
            recovery.joined(key, &room);
        }
        self.adapter.join(key, room)
    }
}
