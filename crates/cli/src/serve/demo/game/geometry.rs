//! Places in the arena, in whole sixteenths of a unit: no rounding differs between two machines.

/// Sixteenths in a unit.
const UNIT: i32 = 16;

/// The arena's size.
pub(super) const WIDTH: i32 = 1600 * UNIT;
pub(super) const HEIGHT: i32 = 1000 * UNIT;

/// A place in the arena, or the way from one to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: i32,
    pub(super) y: i32,
}

impl Point {
    pub(super) fn way_to(self, other: Point) -> Point {
        Point { x: other.x - self.x, y: other.y - self.y }
    }

    pub(super) fn plus(self, way: Point) -> Point {
        Point { x: self.x + way.x, y: self.y + way.y }
    }

    /// The same place, or the nearest at which a circle is inside the arena.
    pub(super) fn inside(self, radius: i32) -> Point {
        Point {
            x: self.x.clamp(radius, (WIDTH - radius).max(radius)),
            y: self.y.clamp(radius, (HEIGHT - radius).max(radius)),
        }
    }

    pub(super) fn length(self) -> i32 {
        self.square().isqrt()
    }

    pub(super) fn is_within(self, distance: i32) -> bool {
        self.square() < distance * distance
    }

    /// The same direction, at most so long.
    pub(super) fn at_most(self, most: i32) -> Point {
        let length = self.length();
        if length <= most { self } else { self.scaled(most, length) }
    }

    pub(super) fn scaled(self, by: i32, of: i32) -> Point {
        let of = of.max(1);
        Point { x: self.x * by / of, y: self.y * by / of }
    }

    fn square(self) -> i32 {
        self.x * self.x + self.y * self.y
    }
}

/// Dice numbers (xorshift64): the same for the same seed, so that a test can repeat a game.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        // Zero would stay zero.
        Dice(seed | 1)
    }

    /// A number from 0 to `end - 1`.
    pub(super) fn below(&mut self, end: i32) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end).unwrap_or_default().max(1);
        i32::try_from((self.0 >> 16) % end).unwrap_or_default()
    }

    /// A place at which a circle is inside the arena.
    pub(super) fn place(&mut self, radius: i32) -> Point {
        let (x, y) = (self.below(WIDTH), self.below(HEIGHT));
        Point { x, y }.inside(radius)
    }
}
