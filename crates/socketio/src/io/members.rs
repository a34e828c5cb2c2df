//! The sockets of a namespace, under one lock: all of them see its events in the same order.

mod upkeep;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::acks::AwaitedAck;
use super::context::Context;
use super::key::Key;
use super::member::{Delivery, Member};
use super::recovery::{Pid, Recovery, Restored};
use super::room_table::RoomTable;
use super::rooms::{Audience, Room};
use super::socket_data::SocketData;
use super::socket_id::SocketId;
use crate::protocol::{Draft, Encoded};

/// The sockets of a namespace and their rooms.
pub(super) struct Members<S> {
    pub(super) context: Arc<Context>,
    state: Mutex<MembersState<S>>,
    next_ack: AtomicU64,
    /// Of a namespace that clients have asked for: called when it may be unused.
    on_unused: Option<Box<OnUnused>>,
}

/// Ends a namespace if it is unused.
pub(super) type OnUnused = dyn Fn() + Send + Sync;

#[derive(Debug)]
struct MembersState<S> {
    next_key: u64,
    sockets: HashMap<Key, S>,
    rooms: RoomTable,
    recovery: Option<Recovery>,
    /// Whether a task waits until something of the recovery has expired.
    is_expiring: bool,
    /// Clients on their way in, if that matters.
    joining: usize,
    /// Whether the application wants the namespace, used or not.
    is_kept: bool,
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
    pub(super) fn new(context: Arc<Context>) -> Members<S> {
        Members::with(context, None)
    }

    /// Those of a namespace that clients have asked for.
    pub(super) fn dynamic(context: Arc<Context>, on_unused: Box<OnUnused>) -> Members<S> {
        Members::with(context, Some(on_unused))
    }

    fn with(context: Arc<Context>, on_unused: Option<Box<OnUnused>>) -> Members<S> {
        let state = MembersState {
            next_key: 0,
            sockets: HashMap::new(),
            rooms: RoomTable::default(),
            recovery: context.config.recovery.clone().map(Recovery::new),
            is_expiring: false,
            joining: 0,
            is_kept: on_unused.is_none(),
        };
        Members { context, state: Mutex::new(state), next_ack: AtomicU64::new(0), on_unused }
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
            state.rooms.leave_all(key);
            return false;
        }
        if let (Some(pid), Some(recovery)) = (pid, state.recovery.as_mut()) {
            recovery.begin(key, pid);
        }
        // The middleware may have chosen rooms.
        for room in state.rooms.rooms(key) {
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
            state.rooms.join(key, room);
        }
        state.sockets.insert(key, socket.clone());
        Continued::Restored(socket)
    }

    /// Removes a socket. Returns its rooms.
    pub(super) fn remove(
        self: &Arc<Self>,
        key: Key,
        id: &SocketId,
        parked: Option<Arc<SocketData>>,
    ) -> Vec<Room> {
        let mut state = self.lock();
        state.sockets.remove(&key);
        if let Some(recovery) = state.recovery.as_mut() {
            match parked {
                None => recovery.end(key),
                Some(data) => recovery.park(key, id.clone(), data, Instant::now().into_std()),
            }
        }
        self.begin_expiring(&mut state);
        let rooms = state.rooms.leave_all(key);
        drop(state);
        self.end_if_unused();
        rooms
    }

    /// Forgets the rooms of a socket that was not let in.
    pub(super) fn forget(&self, key: Key) {
        self.lock().rooms.leave_all(key);
    }

    /// Adds a socket to a room. `false`: it would be in more than `limit`.
    pub(super) fn join(&self, key: Key, room: Room, limit: usize) -> bool {
        self.lock().join(key, room) <= limit
    }

    pub(super) fn leave(&self, key: Key, room: &str) {
        let mut state = self.lock();
        state.rooms.leave(key, room);
        if let Some(recovery) = state.recovery.as_mut() {
            recovery.left(key, room);
        }
    }

    pub(super) fn rooms(&self, key: Key) -> Vec<Room> {
        self.lock().rooms.rooms(key)
    }

    /// The sockets that are addressed.
    pub(super) fn select(&self, audience: &Audience) -> Vec<S> {
        let state = self.lock();
        let keys = state.rooms.select(audience);
        keys.iter().filter_map(|key| state.sockets.get(key)).cloned().collect()
    }

    /// The number of an event that is acknowledged.
    pub(super) fn next_ack(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends an event that each of the sockets acknowledges. Returns the event's number, and where the answers arrive; without it
    /// for a socket that awaits too many, which does not get the event.
    pub(super) fn ask(&self, event: Draft, audience: &Audience) -> (u64, Vec<(S, Option<AwaitedAck>)>) {
        let id = self.next_ack();
        let event = event.expecting_ack(id);
        let packet = event.finish(None);
        let state = self.lock();
        let keys = state.rooms.select(audience);
        let ask = |socket: &S| {
            let answer = socket.expect_ack(id, self.context.config.waiting_acks);
            if answer.is_some() {
                socket.deliver(&packet, Delivery::Reliable);
            }
            (socket.clone(), answer)
        };
        let asked: Vec<_> = keys.iter().filter_map(|key| state.sockets.get(key)).map(ask).collect();
        drop(state);
        let told = asked.iter().filter(|(_, answer)| answer.is_some()).map(|(socket, _)| socket);
        tell_sent(told, &event);
        (id, asked)
    }

    /// Sends an event, encoded once, to the sockets that are addressed.
    pub(super) fn emit(self: &Arc<Self>, event: &Draft, audience: Audience, delivery: Delivery) {
        let mut state = self.lock();
        let keys = state.rooms.select(&audience);
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
        self.begin_expiring(&mut state);
        let mut listening = Vec::new();
        for socket in keys.iter().filter_map(|key| state.sockets.get(key)) {
            socket.deliver(&packet, delivery);
            if socket.listens() {
                listening.push(socket.clone());
            }
        }
        drop(state);
        tell_sent(listening.iter(), event);
    }
}

/// Tells sockets of an event that was sent to them, if they want to know.
fn tell_sent<'s, S: Member>(sockets: impl Iterator<Item = &'s S>, event: &Draft) {
    let mut listening = sockets.filter(|socket| socket.listens()).peekable();
    if listening.peek().is_some() {
        let (name, arguments) = event.content();
        listening.for_each(|socket| socket.tell_sent(&name, &arguments));
    }
}

impl<S> MembersState<S> {
    fn join(&mut self, key: Key, room: Room) -> usize {
        if let Some(recovery) = self.recovery.as_mut() {
            recovery.joined(key, &room);
        }
        self.rooms.join(key, room)
    }
}
