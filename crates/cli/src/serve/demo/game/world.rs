//! The game without sockets and clock: moves and ticks in, snapshots out.

use std::mem;

use super::bots;
use super::geometry::{Dice, Point};
use super::message::{self, Join};
use super::player::{Condition, Pilot, Player, Seat, Steering};

#[cfg(test)]
mod tests;

/// Who plays at a time, bots included. Whoever comes later watches.
pub(super) const SEATS: usize = 24;

pub(super) const TICKS_PER_SECOND: u32 = 30;

/// With fewer players than this, bots play, too; and there are always some of them while there is room.
const CROWD: usize = 8;
const FEWEST_BOTS: usize = 2;

const DOTS: usize = 110;
const DOT_MASS: i32 = 1;

const TICKS_AS_EATEN: u32 = TICKS_PER_SECOND;
const TICKS_OF_SHIELD: u32 = 2 * TICKS_PER_SECOND;

/// How long a player whose connection is lost keeps its seat, and how long one that does not steer.
const TICKS_OF_ABSENCE: u32 = 15 * TICKS_PER_SECOND;
const TICKS_OF_SLEEP: u32 = 60 * TICKS_PER_SECOND;

/// The arena and who is in it.
#[derive(Debug)]
pub(super) struct World {
    tick: u32,
    players: Vec<Option<Player>>,
    dots: Vec<Point>,
    dice: Dice,
    last_turn: u32,
    /// Whether somebody has come or left since the last roster.
    roster_is_new: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut dice = Dice::new(seed);
        let dots = (0..DOTS).map(|_| dice.place(0)).collect();
        let players = (0..SEATS).map(|_| None).collect();
        let mut world = World { tick: 0, players, dots, dice, last_turn: 0, roster_is_new: true };
        world.balance_bots();
        world.begin_lives();
        world
    }

    pub(super) fn now(&self) -> u32 {
        self.tick
    }

    /// Gives a seat to a client: the one that it had with this key, over this connection (`seat`) or an earlier one.
    /// `None`: people have all seats.
    pub(super) fn join(&mut self, join: Join, seat: Option<Seat>) -> Option<Seat> {
        let Join { key, colour, name } = join;
        if let Some(seat) = seat {
            self.give_up(seat, key);
        }
        let turn = self.next_turn();
        let pilot = Pilot::Present { key, since_steered: 0 };
        let own = self.find(|player| player.key() == Some(key));
        let index = match own {
            Some((index, player)) => {
                // The game goes on where it was. A connection that still has the seat loses it.
                (player.turn, player.pilot, player.name, player.colour) = (turn, pilot, name, colour);
                index
            }
            None => {
                let index = self.free_seat()?;
                self.sit(index, Player::new(turn, pilot, name, colour));
                self.balance_bots();
                index
            }
        };
        self.roster_is_new = true;
        Some(Seat { index, turn })
    }

    /// Does nothing if another has the seat by now.
    pub(super) fn steer(&mut self, seat: Seat, steering: Steering) {
        if let Some(player) = self.seated(seat)
            && let Pilot::Present { since_steered, .. } = &mut player.pilot
        {
            *since_steered = 0;
            player.steering = steering;
        }
    }

    /// The player's connection has ended. The seat is kept for a while.
    pub(super) fn leave(&mut self, seat: Seat) {
        if let Some(player) = self.seated(seat)
            && let Pilot::Present { key, .. } = player.pilot
        {
            player.pilot = Pilot::Absent { key, ticks: 0 };
            player.steering = Steering::default();
        }
    }

    /// A connection has one seat: if it joins with another key than that of its seat, the seat is free.
    fn give_up(&mut self, seat: Seat, key: [u8; 8]) {
        if self.seated(seat).is_some_and(|player| player.key() != Some(key))
            && let Some(player) = self.players.get_mut(usize::from(seat.index))
        {
            *player = None;
        }
    }

    /// Moves the world by a thirtieth of a second.
    pub(super) fn tick(&mut self) {
        self.tick = self.tick.wrapping_add(1);
        self.age_players();
        self.begin_lives();
        self.steer_bots();
        for player in self.players.iter_mut().flatten().filter(|player| player.is_alive()) {
            player.go(self.tick);
        }
        self.eat_dots();
        self.eat_players();
    }

    pub(super) fn snapshot(&self) -> Vec<u8> {
        message::snapshot(self.tick, &self.players, &self.dots)
    }

    pub(super) fn roster(&self) -> Vec<u8> {
        message::roster(self.last_turn, &self.players)
    }

    /// The roster, if it has changed since the last call.
    pub(super) fn new_roster(&mut self) -> Option<Vec<u8>> {
        mem::take(&mut self.roster_is_new).then(|| self.roster())
    }

    /// Frees the seats of who has been away for too long, or asleep.
    fn age_players(&mut self) {
        let mut has_freed = false;
        for seat in &mut self.players {
            let Some(player) = seat else { continue };
            let is_over = match &mut player.pilot {
                Pilot::Bot => false,
                Pilot::Present { since_steered: ticks, .. } => counts_to(ticks, TICKS_OF_SLEEP),
                Pilot::Absent { ticks, .. } => counts_to(ticks, TICKS_OF_ABSENCE),
            };
            if is_over {
                *seat = None;
                has_freed = true;
            }
        }
        if has_freed {
            self.roster_is_new = true;
            self.balance_bots();
        }
    }

    fn begin_lives(&mut self) {
        for player in self.players.iter_mut().flatten() {
            match &mut player.condition {
                Condition::Alive { shielded } => *shielded = shielded.saturating_sub(1),
                Condition::Eaten { ticks: 0 } => {
                    let at = self.dice.place(player.radius());
                    player.begin_life(at, TICKS_OF_SHIELD);
                }
                Condition::Eaten { ticks } => *ticks -= 1,
            }
        }
    }

    fn steer_bots(&mut self) {
        for seat in 0..self.players.len() {
            let is_due = u32::try_from(seat)
                .is_ok_and(|seat| (self.tick + seat).is_multiple_of(bots::TICKS_OF_THOUGHT));
            let is_bot = |player: &Player| player.is_bot() && player.is_alive();
            if is_due && self.players.get(seat).is_some_and(|player| player.as_ref().is_some_and(is_bot)) {
                let steering = bots::steering(seat, &self.players, &self.dots);
                if let Some(Some(bot)) = self.players.get_mut(seat) {
                    bot.steering = steering;
                }
            }
        }
    }

    fn eat_dots(&mut self) {
        for dot in &mut self.dots {
            let eats =
                |player: &&mut Player| player.is_alive() && player.at.way_to(*dot).is_within(player.radius());
            if let Some(player) = self.players.iter_mut().flatten().find(eats) {
                player.grow(DOT_MASS);
                *dot = self.dice.place(0);
            }
        }
    }

    fn eat_players(&mut self) {
        let mut bots_left = false;
        for eaten in 0..self.players.len() {
            let Some(Some(victim)) = self.players.get(eaten) else { continue };
            let eater =
                self.players.iter().position(|other| other.as_ref().is_some_and(|other| other.eats(victim)));
            let Some((eater, by)) = eater.and_then(|eater| Some((eater, u8::try_from(eater).ok()?))) else {
                continue;
            };
            let gain = victim.mass * 2 / 3;
            let bots = self.bots();
            if let Some(Some(eater)) = self.players.get_mut(eater) {
                eater.grow(gain);
            }
            if let Some(seat) = self.players.get_mut(eaten)
                && let Some(victim) = seat
            {
                victim.end_life(by, TICKS_AS_EATEN);
            }
            bots_left |= bots > self.wanted_bots();
        }
        if bots_left {
            self.balance_bots();
        }
    }

    /// Seats bots where there are too few, and lets those leave that have been eaten where there are too many.
    fn balance_bots(&mut self) {
        let wanted = self.wanted_bots();
        while self.bots() < wanted
            && let Some(index) = self.empty_seat()
        {
            let turn = self.next_turn();
            let (name, colour) = self.free_bot_name();
            self.sit(index, Player::new(turn, Pilot::Bot, name.to_owned(), colour));
        }
        while self.bots() > wanted
            && let Some(seat) = self
                .players
                .iter_mut()
                .find(|seat| seat.as_ref().is_some_and(|player| player.is_bot() && !player.is_alive()))
        {
            *seat = None;
            self.roster_is_new = true;
        }
    }

    fn wanted_bots(&self) -> usize {
        let people = self.players.iter().flatten().count() - self.bots();
        CROWD.saturating_sub(people).max(FEWEST_BOTS).min(SEATS - people)
    }

    fn bots(&self) -> usize {
        self.players.iter().flatten().filter(|player| player.is_bot()).count()
    }

    fn free_bot_name(&self) -> (&'static str, u8) {
        let is_free = |name: &&str| self.players.iter().flatten().all(|player| player.name != *name);
        let free = (0..).zip(bots::NAMES).find(|(_, name)| is_free(name));
        free.map_or(("Baud", 0), |(colour, name)| (name, colour))
    }

    /// An empty seat, or else that of the smallest bot, or of the smallest player who is not there.
    fn free_seat(&self) -> Option<u8> {
        let smallest = |can_go: fn(&Player) -> bool| {
            let seats =
                (0..).zip(&self.players).filter_map(|(index, player)| Some((index, player.as_ref()?)));
            seats
                .filter(|(_, player)| can_go(player))
                .min_by_key(|(_, player)| player.mass)
                .map(|(index, _)| index)
        };
        self.empty_seat().or_else(|| smallest(Player::is_bot)).or_else(|| smallest(Player::is_absent))
    }

    fn empty_seat(&self) -> Option<u8> {
        (0..).zip(&self.players).find(|(_, player)| player.is_none()).map(|(index, _)| index)
    }

    fn sit(&mut self, index: u8, player: Player) {
        if let Some(seat) = self.players.get_mut(usize::from(index)) {
            *seat = Some(player);
            self.roster_is_new = true;
        }
    }

    fn seated(&mut self, seat: Seat) -> Option<&mut Player> {
        let player = self.players.get_mut(usize::from(seat.index))?.as_mut()?;
        (player.turn == seat.turn).then_some(player)
    }

    fn find(&mut self, is_it: impl Fn(&Player) -> bool) -> Option<(u8, &mut Player)> {
        let seats =
            (0..).zip(&mut self.players).filter_map(|(index, player)| Some((index, player.as_mut()?)));
        let mut found = seats.filter(|(_, player)| is_it(player));
        found.next()
    }

    fn next_turn(&mut self) -> u32 {
        self.last_turn = self.last_turn.wrapping_add(1);
        self.last_turn
    }
}

/// Counts one tick; whether it is the last.
fn counts_to(ticks: &mut u32, last: u32) -> bool {
    *ticks += 1;
    *ticks >= last
}
