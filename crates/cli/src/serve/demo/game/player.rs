//! A player of the game, a person's or a bot.

use super::geometry::Point;

/// With which everybody begins.
pub(super) const FIRST_MASS: i32 = 20;

/// Nobody grows beyond it.
const LARGEST_MASS: i32 = 1_000;

/// The square of the radius of one mass.
const ROUNDNESS: i32 = 2_500;

/// The slowest speed, in sixteenths of a unit for each tick.
const SLOWEST: i32 = 48;

/// The speed of a tiny player, times its radius.
const NIMBLENESS: i32 = 22_000;

/// A boost costs one mass in so many ticks.
const TICKS_OF_BOOST: u32 = 6;

/// Above this mass, a hundredth of it is lost in so many ticks.
const FAT: i32 = 120;
const TICKS_OF_DIET: u32 = 45;

/// Identifies who sits on a seat: those who had it before, or over an earlier connection, have another turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) index: u8,
    pub(super) turn: u32,
}

/// Where a player wants to go: right and down, -127 to 127 each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steering {
    pub(super) right: i8,
    pub(super) down: i8,
    pub(super) boosts: bool,
}

/// Who steers a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pilot {
    Bot,
    /// A person, whose connection is there.
    Present {
        key: [u8; 8],
        since_steered: u32,
    },
    /// A person, whose connection has ended so many ticks ago.
    Absent {
        key: [u8; 8],
        ticks: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// For so many ticks, nobody can eat the player.
    Alive { shielded: u32 },
    /// The next life begins in so many ticks.
    Eaten { ticks: u32 },
}

#[derive(Debug)]
pub(super) struct Player {
    pub(super) turn: u32,
    pub(super) pilot: Pilot,
    pub(super) name: String,
    pub(super) colour: u8,
    pub(super) condition: Condition,
    /// Counts lives, so that a client does not take the beginning of one for a jump.
    pub(super) life: u8,
    /// The seat of the player that ended the last life.
    pub(super) eaten_by: Option<u8>,
    pub(super) at: Point,
    velocity: Point,
    pub(super) mass: i32,
    pub(super) steering: Steering,
}

impl Player {
    pub(super) fn new(turn: u32, pilot: Pilot, name: String, colour: u8) -> Player {
        Player {
            turn,
            pilot,
            name,
            colour,
            condition: Condition::Eaten { ticks: 0 },
            life: 0,
            eaten_by: None,
            at: Point::default(),
            velocity: Point::default(),
            mass: FIRST_MASS,
            steering: Steering::default(),
        }
    }

    pub(super) fn begin_life(&mut self, at: Point, shielded: u32) {
        self.life = self.life.wrapping_add(1);
        self.condition = Condition::Alive { shielded };
        self.at = at;
        self.velocity = Point::default();
        self.mass = FIRST_MASS;
    }

    pub(super) fn end_life(&mut self, eaten_by: u8, ticks: u32) {
        self.condition = Condition::Eaten { ticks };
        self.eaten_by = Some(eaten_by);
    }

    pub(super) fn radius(&self) -> i32 {
        (ROUNDNESS * self.mass).isqrt()
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.condition, Condition::Alive { .. })
    }

    /// By which a person gets the seat back.
    pub(super) fn key(&self) -> Option<[u8; 8]> {
        match self.pilot {
            Pilot::Present { key, .. } | Pilot::Absent { key, .. } => Some(key),
            Pilot::Bot => None,
        }
    }

    pub(super) fn is_bot(&self) -> bool {
        self.pilot == Pilot::Bot
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.pilot, Pilot::Absent { .. })
    }

    pub(super) fn boosts(&self) -> bool {
        self.is_alive() && self.steering.boosts && self.mass > FIRST_MASS
    }

    pub(super) fn grow(&mut self, mass: i32) {
        self.mass = (self.mass + mass).min(LARGEST_MASS);
    }

    /// Whether this one is so much larger than the other, and so near, that it eats it.
    pub(super) fn eats(&self, other: &Player) -> bool {
        let reach = self.radius() - other.radius() / 3;
        self.is_larger(other)
            && self.is_alive()
            && other.condition == Condition::Alive { shielded: 0 }
            && self.at.way_to(other.at).is_within(reach)
    }

    /// Whether it could eat the other.
    pub(super) fn is_larger(&self, other: &Player) -> bool {
        self.mass * 5 > other.mass * 6
    }

    /// Moves by one tick: the larger, the slower.
    pub(super) fn go(&mut self, tick: u32) {
        let boosts = self.boosts();
        let speed = SLOWEST + NIMBLENESS / self.radius().max(1);
        let speed = if boosts { speed * 8 / 5 } else { speed };
        let Steering { right, down, .. } = self.steering;
        let wanted = Point { x: right.into(), y: down.into() }.at_most(127).scaled(speed, 127);
        let change = self.velocity.way_to(wanted);
        self.velocity = if change.is_within(4) { wanted } else { self.velocity.plus(change.scaled(1, 4)) };
        self.at = self.at.plus(self.velocity).inside(self.radius());
        if boosts && tick.is_multiple_of(TICKS_OF_BOOST) {
            self.mass -= 1;
        }
        if self.mass > FAT && tick.is_multiple_of(TICKS_OF_DIET) {
            self.mass -= self.mass / 100;
        }
    }
}
