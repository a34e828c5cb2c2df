//! What bots do: flee from who is larger, chase who is smaller, and otherwise eat dots.

use super::geometry::Point;
use super::player::{Player, Steering};

/// How far a bot sees, in sixteenths of a unit: larger ones, and smaller ones.
const FEAR: i32 = 170 * 16;
const GREED: i32 = 200 * 16;

/// A bot makes up its mind once in so many ticks, which gives people a chance.
pub(super) const TICKS_OF_THOUGHT: u32 = 7;

/// As hard as bots steer, of 127.
const EFFORT: i32 = 105;

pub(super) const NAMES: [&str; 8] =
    ["Morse", "Hertz", "Ohm", "Faraday", "Marconi", "Lovelace", "Nyquist", "Shannon"];

/// Where the bot on the seat `own` wants to go.
pub(super) fn steering(own: usize, players: &[Option<Player>], dots: &[Point]) -> Steering {
    let Some(Some(bot)) = players.get(own) else { return Steering::default() };
    let others = players.iter().flatten().filter(|other| other.turn != bot.turn && other.is_alive());
    let way = |at: Point| bot.at.way_to(at);
    let mut danger = None;
    let mut prey = None;
    for other in others {
        let way = way(other.at);
        if other.is_larger(bot) {
            nearer(&mut danger, way, FEAR + other.radius());
        } else if bot.is_larger(other) {
            nearer(&mut prey, way, GREED + bot.radius());
        }
    }
    if let Some(Point { x, y }) = danger {
        return towards(Point { x: -x, y: -y }, false);
    }
    if let Some(way) = prey {
        // It sprints at the end only.
        return towards(way, way.is_within(bot.radius() * 2));
    }
    let dot = dots.iter().map(|dot| way(*dot)).min_by_key(|way| way.length());
    dot.map_or_else(Steering::default, |way| towards(way, false))
}

/// Keeps the nearest of those that are in sight.
fn nearer(nearest: &mut Option<Point>, way: Point, sight: i32) {
    let closest = nearest.map_or(sight, Point::length);
    if way.is_within(closest) {
        *nearest = Some(way);
    }
}

fn towards(way: Point, boosts: bool) -> Steering {
    let way = way.scaled(EFFORT, way.length());
    let part = |part: i32| i8::try_from(part).unwrap_or_default();
    Steering { right: part(way.x), down: part(way.y), boosts }
}
