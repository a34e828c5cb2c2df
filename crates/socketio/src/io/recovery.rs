//! What a namespace keeps so that sockets can continue after an interruption.
//!
//! Every kept event has a number, its offset, which the client stores. A socket that comes back names the offset of the newest
//! event that it has, and gets the later ones that were addressed to it at their time.

mod membership;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::membership::Membership;
use super::config::RecoveryConfig;
use super::key::Key;
use super::rooms::{Audience, Room};
use super::socket_data::SocketData;
use super::socket_id::SocketId;
use crate::engine::Sid;
use crate::protocol::Encoded;

/// The secret with which a client continues its session in a namespace.
pub(super) type Pid = Arc<str>;

pub(super) fn new_pid() -> Pid {
    Arc::from(Sid::random().as_str())
}

/// What is this much older than it may be has expired.
const MOMENT: Duration = Duration::from_millis(1);

/// The events and disconnected sockets of a namespace.
#[derive(Debug)]
pub(super) struct Recovery {
    config: RecoveryConfig,
    events: VecDeque<Kept>,
    bytes: usize,
    /// The offset of the newest event.
    newest: u64,
    /// The offset of the newest event that is kept no longer.
    dropped: u64,
    connected: HashMap<Key, Connected>,
    keys: HashMap<Pid, Key>,
    parked: HashMap<Pid, Parked>,
    /// When sockets were parked, oldest first. Some have come back.
    order: VecDeque<(Instant, Pid)>,
}

#[derive(Debug)]
struct Kept {
    offset: u64,
    audience: Audience,
    packet: Encoded,
    at: Instant,
}

/// A socket that is connected, or was.
#[derive(Debug)]
struct Connected {
    pid: Pid,
    membership: Membership,
    /// The offset of the newest event that was sent to the socket.
    last_sent: u64,
}

/// A socket whose client may come back.
#[derive(Debug)]
struct Parked {
    id: SocketId,
    data: Arc<SocketData>,
    connected: Connected,
    since: Instant,
    /// The newest event at that time.
    at_offset: u64,
}

/// A socket that continues.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) id: SocketId,
    pub(super) data: Arc<SocketData>,
    pub(super) missed: Vec<Encoded>,
    connected: Connected,
}

impl Recovery {
    pub(super) fn new(config: RecoveryConfig) -> Recovery {
        Recovery {
            config,
            events: VecDeque::new(),
            bytes: 0,
            newest: 0,
            dropped: 0,
            connected: HashMap::new(),
            keys: HashMap::new(),
            parked: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// A socket has connected anew. Its rooms follow.
    pub(super) fn begin(&mut self, socket: Key, pid: Pid) {
        self.keys.insert(Pid::clone(&pid), socket);
        let connected = Connected { pid, membership: Membership::since(self.newest), last_sent: 0 };
        self.connected.insert(socket, connected);
    }

    /// A socket continues as another one. Returns its rooms.
    pub(super) fn resume(&mut self, socket: Key, restored: Restored) -> Vec<Room> {
        let connected = restored.connected;
        let rooms = connected.membership.rooms();
        self.keys.insert(Pid::clone(&connected.pid), socket);
        self.connected.insert(socket, connected);
        rooms
    }

    /// The socket that is connected with this secret.
    pub(super) fn connected(&self, pid: &str) -> Option<Key> {
        self.keys.get(pid).copied()
    }

    pub(super) fn joined(&mut self, socket: Key, room: &Room) {
        let newest = self.newest;
        if let Some(connected) = self.connected.get_mut(&socket) {
            connected.membership.join(room, newest);
        }
    }

    pub(super) fn left(&mut self, socket: Key, room: &str) {
        let newest = self.newest;
        if let Some(connected) = self.connected.get_mut(&socket) {
            connected.membership.leave(room, newest);
        }
    }

    /// Keeps an event, which has been given the offset after [`newest`](Recovery::newest).
    pub(super) fn keep(&mut self, audience: Audience, packet: &Encoded, now: Instant) {
        self.newest = self.newest.saturating_add(1);
        self.bytes = self.bytes.saturating_add(packet.size());
        self.events.push_back(Kept { offset: self.newest, audience, packet: packet.clone(), at: now });
        self.drop_old(now);
    }

    /// The newest event was sent to the socket.
    pub(super) fn sent(&mut self, socket: Key) {
        let newest = self.newest;
        if let Some(connected) = self.connected.get_mut(&socket) {
            connected.last_sent = newest;
        }
    }

    /// Forgets what has expired, or is too much.
    pub(super) fn drop_old(&mut self, now: Instant) {
        let RecoveryConfig { max_events, max_bytes, max_disconnection, .. } = self.config;
        while let Some(oldest) = self.events.front() {
            let is_old = now.saturating_duration_since(oldest.at) > max_disconnection;
            if !is_old && self.events.len() <= max_events && self.bytes <= max_bytes {
                break;
            }
            self.bytes = self.bytes.saturating_sub(oldest.packet.size());
            self.dropped = oldest.offset;
            self.events.pop_front();
        }
        while let Some((since, pid)) = self.order.front() {
            let is_old = now.saturating_duration_since(*since) > max_disconnection;
            if !is_old && self.order.len() <= self.config.max_disconnected {
                break;
            }
            if self.parked.get(pid).is_some_and(|parked| parked.since == *since) {
                self.parked.remove(pid);
            }
            self.order.pop_front();
        }
    }

    /// When [`drop_old`](Recovery::drop_old) has something to forget.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let events = self.events.front().map(|event| event.at);
        let sockets = self.order.front().map(|(since, _)| *since);
        let oldest = events.into_iter().chain(sockets).min()?;
        Some(oldest + self.config.max_disconnection + MOMENT)
    }

    /// Whether a socket may come back.
    pub(super) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// A socket has ended for good.
    pub(super) fn end(&mut self, socket: Key) {
        if let Some(connected) = self.connected.remove(&socket) {
            self.keys.remove(&connected.pid);
        }
    }

    /// A socket was interrupted and may come back.
    pub(super) fn park(&mut self, socket: Key, id: SocketId, data: Arc<SocketData>, now: Instant) {
        let Some(connected) = self.connected.remove(&socket) else { return };
        self.keys.remove(&connected.pid);
        self.insert(Parked { id, data, connected, since: now, at_offset: self.newest });
    }

    /// A socket that was about to continue was interrupted again.
    pub(super) fn park_again(&mut self, restored: Restored, now: Instant) {
        let Restored { id, data, connected, .. } = restored;
        self.insert(Parked { id, data, connected, since: now, at_offset: self.newest });
    }

    fn insert(&mut self, parked: Parked) {
        let (now, pid) = (parked.since, Pid::clone(&parked.connected.pid));
        self.order.push_back((now, Pid::clone(&pid)));
        self.parked.insert(pid, parked);
        self.drop_old(now);
    }

    /// The socket that continues with this secret behind `offset`, if nothing that was addressed to it is missing.
    pub(super) fn restore(&mut self, pid: &str, offset: Option<&str>, now: Instant) -> Option<Restored> {
        self.drop_old(now);
        let Parked { id, data, mut connected, at_offset, .. } = self.parked.remove(pid)?;
        // Without an offset, the client has got no event. Events before its session are none of its business.
        let named = offset.map_or(Ok(0), str::parse::<u64>).ok()?;
        let named = named.max(connected.membership.started());
        let from = if named >= connected.last_sent { at_offset } else { named };
        if from < self.dropped || from < connected.membership.known_since() {
            return None;
        }
        let first = self.events.partition_point(|event| event.offset <= from);
        let missed = self.events.range(first..);
        let missed = missed.filter(|event| connected.membership.includes(&event.audience, event.offset));
        let (mut packets, mut bytes) = (Vec::new(), 0_usize);
        for event in missed {
            bytes = bytes.saturating_add(event.packet.size());
            if bytes > self.config.max_missed_bytes {
                return None;
            }
            connected.last_sent = event.offset;
            packets.push(event.packet.clone());
        }
        Some(Restored { id, data, missed: packets, connected })
    }
}

impl Restored {
    pub(super) fn pid(&self) -> Pid {
        Pid::clone(&self.connected.pid)
    }
}

#[cfg(test)]
impl Recovery {
    pub(super) fn kept_events(&self) -> usize {
        self.events.len()
    }
}
