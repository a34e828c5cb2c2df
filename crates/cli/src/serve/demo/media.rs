//! `/demo/media/room/{name}`: pictures and sound from one client of a room to the others, in pieces.
//!
//! A room is shared by the connections in it, on all event loops, behind a lock that is held for one piece. Viewers are not
//! subscribers of a topic, since each of them gets only what it can take: see [`room`].

mod message;
mod room;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use longwire::{Accept, Caller, Closed, Handler, Message, MessageRef, Refusal, SendStatus, Socket, Upgrade};

use crate::serve::access::{AccessLog, Visit};
use crate::serve::statistics::Statistics;
use message::{LARGEST_PIECE, LONGEST_TEXT, Notice, Saying};
use room::{BadPiece, Delivery, GuestId, PieceReader, Room};

pub(in crate::serve) const PATH: &str = "/demo/media/room/{name}";

const MOST_ROOMS: usize = 8;

const LONGEST_NAME: usize = 32;

/// Texts that a client may send in a second: acknowledgements, mostly.
const SAYINGS_PER_SECOND: u32 = 400;

/// All rooms.
pub(in crate::serve) struct Rooms {
    began: Instant,
    by_name: Mutex<HashMap<String, Arc<SharedRoom>>>,
    last_guest: AtomicU64,
}

/// A room, and how its guests are woken.
#[derive(Default)]
struct SharedRoom(Mutex<OccupiedRoom>);

#[derive(Default)]
struct OccupiedRoom {
    room: Room,
    guests: HashMap<GuestId, Caller<Media>>,
}

/// The handler of connections to rooms.
pub(in crate::serve) struct Media {
    pub(in crate::serve) rooms: Arc<Rooms>,
    pub(in crate::serve) statistics: Arc<Statistics>,
    pub(in crate::serve) access: AccessLog,
}

/// A connection to a room.
pub(in crate::serve) struct Spectator {
    name: String,
    id: GuestId,
    /// `None`: the room was full.
    room: Option<Arc<SharedRoom>>,
    reader: PieceReader,
    /// The second in which texts were counted, and how many there were.
    sayings: (u64, u32),
    visit: Option<Box<Visit>>,
}

impl Rooms {
    pub(in crate::serve) fn new() -> Rooms {
        let began = Instant::now();
        Rooms { began, by_name: Mutex::default(), last_guest: AtomicU64::new(0) }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn is_full_for(&self, name: &str) -> bool {
        let rooms = lock(&self.by_name);
        rooms.len() >= MOST_ROOMS && !rooms.contains_key(name)
    }

    /// `None` if there are too many rooms, or guests in this one.
    fn enter(&self, name: &str, guest: GuestId, caller: Caller<Media>) -> Option<Arc<SharedRoom>> {
        let mut rooms = lock(&self.by_name);
        if rooms.len() >= MOST_ROOMS && !rooms.contains_key(name) {
            return None;
        }
        let shared = rooms.entry(name.to_owned()).or_default();
        let mut occupied = shared.lock();
        if !occupied.room.enter() {
            return None;
        }
        occupied.guests.insert(guest, caller);
        occupied.wake();
        drop(occupied);
        Some(Arc::clone(shared))
    }

    fn leave(&self, name: &str, guest: GuestId) {
        let mut rooms = lock(&self.by_name);
        let Some(shared) = rooms.get(name) else { return };
        let mut occupied = shared.lock();
        occupied.guests.remove(&guest);
        occupied.room.leave(guest);
        occupied.wake();
        let is_empty = occupied.room.is_empty();
        drop(occupied);
        if is_empty {
            rooms.remove(name);
        }
    }
}

impl SharedRoom {
    fn lock(&self) -> MutexGuard<'_, OccupiedRoom> {
        lock(&self.0)
    }
}

impl OccupiedRoom {
    /// Has each guest's loop deliver what is new. A guest with many calls waiting does not need one more.
    fn wake(&self) {
        for caller in self.guests.values() {
            caller.call(Media::deliver).or_drop();
        }
    }
}

impl Media {
    /// Sends what the guest is to get now.
    fn deliver(&self, socket: &mut Socket<'_, Self>) {
        let Some(room) = socket.state().room.clone() else { return };
        let id = socket.state().id;
        loop {
            let next = room.lock().room.next(id, &socket.state().reader, self.rooms.now());
            let Some(delivery) = next else { return };
            let sent = match &delivery {
                Delivery::State { notice, .. } => socket.send(notice.json()),
                // Codecs have compressed it.
                Delivery::Piece { message, .. } => {
                    socket.send_message(Message::from(message.clone()).uncompressed())
                }
            };
            if sent != SendStatus::Queued {
                // `on_drain` goes on.
                return;
            }
            socket.state_mut().reader.take(&delivery);
        }
    }

    fn receive_piece(&self, socket: &mut Socket<'_, Self>, piece: &[u8]) {
        let Some(room) = socket.state().room.clone() else { return };
        let mut occupied = room.lock();
        let pushed = occupied.room.push(socket.state().id, piece, self.rooms.now());
        if pushed.is_ok() {
            occupied.wake();
        }
        drop(occupied);
        match pushed {
            Ok(()) => {}
            Err(BadPiece::Malformed) => refuse(socket, "the piece has no known layout"),
            Err(BadPiece::TooMuch) => refuse(socket, "too much for a second"),
        }
    }

    fn receive_saying(&self, socket: &mut Socket<'_, Self>, text: &str) {
        let now = self.rooms.now();
        let Some(room) = socket.state().room.clone() else { return };
        if !socket.state_mut().may_speak(now) {
            return refuse(socket, "too many messages");
        }
        let saying = if text.len() <= LONGEST_TEXT { serde_json::from_str(text).ok() } else { None };
        let Some(saying) = saying else { return refuse(socket, "the message has no known form") };
        let id = socket.state().id;
        match saying {
            Saying::Start { format } => {
                let mut occupied = room.lock();
                let started = occupied.room.start(id, format, now);
                occupied.wake();
                drop(occupied);
                if started.is_err() {
                    socket.send(Notice::Busy.json()).or_drop();
                }
            }
            Saying::Stop => {
                let mut occupied = room.lock();
                occupied.room.stop(id);
                occupied.wake();
            }
            Saying::Ack { number } => match socket.state_mut().reader.acknowledge(number) {
                Ok(()) => self.deliver(socket),
                Err(room::NotSent) => refuse(socket, "that piece was not sent"),
            },
            Saying::Time { sent } => {
                let now = now.as_secs_f64() * 1_000.0;
                socket.send(Notice::Time { sent, now }.json()).or_drop();
            }
        }
    }
}

impl Handler for Media {
    type State = Spectator;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Spectator>, Refusal> {
        let name = request.param("name").unwrap_or_default();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_allowed) {
            return Err(Refusal::not_found("a room has up to 32 letters, digits, - and _"));
        }
        if self.rooms.is_full_for(name) {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "there are too many rooms"));
        }
        let id = GuestId(self.rooms.last_guest.fetch_add(1, Ordering::Relaxed));
        let visit = self.access.upgrade(request, "media", "");
        let (name, reader) = (name.to_owned(), PieceReader::default());
        let spectator = Spectator { name, id, room: None, reader, sayings: (0, 0), visit };
        Ok(Accept::with(spectator).max_message(LARGEST_PIECE))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        let caller = socket.caller();
        let Spectator { name, id, .. } = socket.state();
        match self.rooms.enter(name, *id, caller) {
            Some(room) => socket.state_mut().room = Some(room),
            None => close(socket, TRY_AGAIN_LATER, "the room is full"),
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        match message {
            MessageRef::Binary(piece) => self.receive_piece(socket, piece),
            MessageRef::Text(text) => self.receive_saying(socket, text),
        }
    }

    fn on_drain(&self, socket: &mut Socket<'_, Self>) {
        self.deliver(socket);
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        let spectator = socket.state();
        if spectator.room.is_some() {
            self.rooms.leave(&spectator.name, spectator.id);
        }
        if let Some(visit) = &spectator.visit {
            visit.log_closed(socket.traffic(), closed);
        }
    }
}

impl Spectator {
    fn may_speak(&mut self, now: Duration) -> bool {
        let (second, count) = &mut self.sayings;
        if *second != now.as_secs() {
            (*second, *count) = (now.as_secs(), 0);
        }
        *count += 1;
        *count <= SAYINGS_PER_SECOND
    }
}

const TRY_AGAIN_LATER: u16 = 1013;
const POLICY_VIOLATION: u16 = 1008;

fn refuse(socket: &mut Socket<'_, Media>, why: &str) {
    close(socket, POLICY_VIOLATION, why);
}

fn close(socket: &mut Socket<'_, Media>, code: u16, why: &str) {
    // Codes and reasons are from this file.
    let _is_valid = socket.close(code, why);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
