//! `/demo/game/socket`: a game on the server. It moves 30 times a second while somebody is there.
//!
//! All event loops share one [`World`] behind a lock, which is held for a move or a tick: some microseconds. A world in
//! one loop would need no lock, but each move of a client on another loop would have to be sent there.
//!
//! The world is the same for all, so each snapshot is encoded once and published to a topic. [`Slow::Latest`] lets a
//! slow client skip to the newest; the roster is a topic of its own, so that no snapshot replaces it.

mod bots;
mod geometry;
mod message;
mod player;
mod world;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use longwire::{Accept, Closed, Handler, Message, MessageRef, Refusal, Slow, Socket, Topics, Upgrade};

use crate::serve::access::{AccessLog, Visit};
use crate::serve::statistics::Statistics;
use message::Move;
use player::Seat;
use world::{TICKS_PER_SECOND, World};

pub(in crate::serve) const PATH: &str = "/demo/game/socket";

/// The time from one tick to the next.
pub(in crate::serve) const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / TICKS_PER_SECOND as u64);

/// Topics. They contain a space, so no channel can have these names.
const SNAPSHOTS: &str = "the game";
const ROSTERS: &str = "the game's players";

/// Who may play or watch at a time.
const MOST_GUESTS: usize = 200;

/// Messages that a client may send for each tick, and at once. The page sends one for each tick, and a ping per second.
const MOVES_PER_TICK: u32 = 3;
const MOST_MOVES: u32 = 90;

/// The arena that all connections share.
pub(in crate::serve) struct Arena {
    world: Mutex<World>,
    guests: AtomicUsize,
}

/// The handler of the game's connections.
pub(in crate::serve) struct Game {
    pub(in crate::serve) arena: Arc<Arena>,
    pub(in crate::serve) statistics: Arc<Statistics>,
    pub(in crate::serve) access: AccessLog,
}

/// A connection that plays or watches.
pub(in crate::serve) struct Guest {
    seat: Option<Seat>,
    rate: MoveRate,
    visit: Option<Box<Visit>>,
}

/// How many more messages a client may send. Ticks are its clock.
#[derive(Debug)]
struct MoveRate {
    left: u32,
    tick: u32,
}

impl Arena {
    pub(in crate::serve) fn new(seed: u64) -> Arena {
        Arena { world: Mutex::new(World::new(seed)), guests: AtomicUsize::new(0) }
    }

    /// For `Server::every`: moves the world and publishes it. Without anybody there, it stands still.
    pub(in crate::serve) fn tick(&self, topics: &Topics) {
        if self.guests.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (snapshot, roster) = {
            let mut world = self.world();
            world.tick();
            (world.snapshot(), world.new_roster())
        };
        if let Some(roster) = roster {
            topics.publish(ROSTERS, roster);
        }
        topics.publish(SNAPSHOTS, snapshot);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Game {
    type State = Guest;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Guest>, Refusal> {
        if self.arena.guests.load(Ordering::Relaxed) >= MOST_GUESTS {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the arena and its stands are full"));
        }
        let visit = self.access.upgrade(request, "game", "");
        let rate = MoveRate::full(self.arena.world().now());
        Ok(Accept::with(Guest { seat: None, rate, visit }).max_message(message::LONGEST))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        self.arena.guests.fetch_add(1, Ordering::Relaxed);
        socket.subscribe_with(ROSTERS, Slow::Latest);
        socket.subscribe_with(SNAPSHOTS, Slow::Latest);
        let (roster, snapshot) = {
            let world = self.arena.world();
            (world.roster(), world.snapshot())
        };
        socket.send(Message::from(roster)).or_drop();
        socket.send(Message::from(snapshot)).or_drop();
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        let MessageRef::Binary(message) = message else { return refuse(socket, "text has no meaning here") };
        let Ok(wanted) = Move::parse(message) else {
            return refuse(socket, "the message has no known layout");
        };
        let mut world = self.arena.world();
        let guest = socket.state_mut();
        if !guest.rate.allows_one(world.now()) {
            drop(world);
            return refuse(socket, "too many messages");
        }
        let reply = match wanted {
            Move::Join(join) => {
                guest.seat = world.join(join, guest.seat);
                message::seat(guest.seat)
            }
            Move::Steer(steering) => {
                if let Some(seat) = guest.seat {
                    world.steer(seat, steering);
                }
                return;
            }
            Move::Ping(bytes) => message::pong(bytes),
        };
        drop(world);
        socket.send(Message::from(reply)).or_drop();
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        self.arena.guests.fetch_sub(1, Ordering::Relaxed);
        let guest = socket.state();
        if let Some(seat) = guest.seat {
            self.arena.world().leave(seat);
        }
        if let Some(visit) = &guest.visit {
            visit.log_closed(socket.traffic(), closed);
        }
    }
}

/// Policy violation.
const REFUSED: u16 = 1008;

fn refuse(socket: &mut Socket<'_, Game>, why: &str) {
    // The reasons above are short.
    let _is_valid = socket.close(REFUSED, why);
}

impl MoveRate {
    fn full(tick: u32) -> MoveRate {
        MoveRate { left: MOST_MOVES, tick }
    }

    fn allows_one(&mut self, tick: u32) -> bool {
        let more = tick.wrapping_sub(self.tick).saturating_mul(MOVES_PER_TICK);
        self.tick = tick;
        self.left = self.left.saturating_add(more).min(MOST_MOVES);
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}
