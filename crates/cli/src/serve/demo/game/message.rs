//! The messages of the game: binary, big endian. `web/demo/game/protocol.js` is the other end.
//!
//! | from the client | layout |
//! |---|---|
//! | join | `1`, key (8 bytes), colour (u8), name (UTF-8, up to 64 bytes) |
//! | steer | `2`, right (i8), down (i8), boost (u8, 0 or 1) |
//! | ping | `3`, any 8 bytes, which come back |
//!
//! | from the server | layout |
//! |---|---|
//! | snapshot | `1`, tick (u32), number of players (u8), the players, number of dots (u8), the dots |
//! | a player of it | seat (u8), life (u8), x (u16), y (u16), radius (u16), mass (u16), flags (u8), eaten by (u8) |
//! | a dot of it | x (u16), y (u16) |
//! | roster | `2`, newest turn (u32), number of players (u8), the entries |
//! | an entry of it | seat (u8), turn (u32), flags (u8), colour (u8), length of the name (u8), name |
//! | pong | `3`, the 8 bytes of the ping |
//! | seated | `4`, seat (u8), turn (u32) |
//! | full | `5`: all seats are taken |
//!
//! Places and radii are in sixteenths of a unit; the arena has 1600 × 1000 units. A snapshot has everything, so a client
//! that misses some, or joins late, needs no other.

use super::geometry::Point;
use super::player::{Condition, Player, Seat, Steering};

/// The longest message that a client needs.
pub(super) const LONGEST: usize = 10 + LONGEST_NAME_BYTES;

const LONGEST_NAME_BYTES: usize = 64;
const LONGEST_NAME: usize = 16;

const JOIN: u8 = 1;
const STEER: u8 = 2;
const PING: u8 = 3;

const SNAPSHOT: u8 = 1;
const ROSTER: u8 = 2;
const PONG: u8 = 3;
const SEATED: u8 = 4;
const FULL: u8 = 5;

const BOOSTS: u8 = 1;
const SHIELDED: u8 = 2;
const ABSENT: u8 = 4;
const EATEN: u8 = 8;

/// In the roster.
const IS_BOT: u8 = 1;

/// In place of a seat.
const NOBODY: u8 = 255;

/// A message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    Join(Join),
    Steer(Steering),
    Ping([u8; 8]),
}

/// Who wants to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Join {
    /// A secret of the client, by which it gets its seat back over another connection.
    pub(super) key: [u8; 8],
    pub(super) colour: u8,
    pub(super) name: String,
}

/// A message that has none of the layouts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownLayout;

impl Move {
    pub(super) fn parse(message: &[u8]) -> Result<Move, UnknownLayout> {
        let (&kind, body) = message.split_first().ok_or(UnknownLayout)?;
        match (kind, body) {
            (JOIN, body) => {
                let (&key, body) = body.split_first_chunk().ok_or(UnknownLayout)?;
                let (&colour, name) = body.split_first().ok_or(UnknownLayout)?;
                Ok(Move::Join(Join { key, colour, name: shown_name(name) }))
            }
            (STEER, &[right, down, boost @ 0..=1]) => {
                let (right, down) = (right.cast_signed(), down.cast_signed());
                Ok(Move::Steer(Steering { right, down, boosts: boost == 1 }))
            }
            (PING, body) => Ok(Move::Ping(body.try_into().map_err(|_| UnknownLayout)?)),
            _ => Err(UnknownLayout),
        }
    }
}

/// A name as others may see it: short, on one line.
fn shown_name(bytes: &[u8]) -> String {
    let name: String = String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(LONGEST_NAME)
        .collect();
    match name.trim() {
        "" => "anonymous".to_owned(),
        name => name.to_owned(),
    }
}

pub(super) fn snapshot(tick: u32, players: &[Option<Player>], dots: &[Point]) -> Vec<u8> {
    let mut message = Vec::with_capacity(7 + 12 * players.len() + 4 * dots.len());
    message.push(SNAPSHOT);
    message.extend(tick.to_be_bytes());
    message.push(count(players.iter().flatten()));
    for (seat, player) in seated(players) {
        message.extend([seat, player.life]);
        for number in [player.at.x, player.at.y, player.radius(), player.mass] {
            message.extend(short(number));
        }
        message.extend([flags(player), player.eaten_by.unwrap_or(NOBODY)]);
    }
    message.push(count(dots.iter()));
    for dot in dots.iter().take(usize::from(u8::MAX)) {
        message.extend(short(dot.x));
        message.extend(short(dot.y));
    }
    message
}

pub(super) fn roster(newest_turn: u32, players: &[Option<Player>]) -> Vec<u8> {
    let mut message = vec![ROSTER];
    message.extend(newest_turn.to_be_bytes());
    message.push(count(players.iter().flatten()));
    for (seat, player) in seated(players) {
        message.push(seat);
        message.extend(player.turn.to_be_bytes());
        message.extend([if player.is_bot() { IS_BOT } else { 0 }, player.colour]);
        // At most `LONGEST_NAME` characters of four bytes.
        message.push(u8::try_from(player.name.len()).unwrap_or_default());
        message.extend(player.name.as_bytes());
    }
    message
}

pub(super) fn pong(bytes: [u8; 8]) -> Vec<u8> {
    let mut message = vec![PONG];
    message.extend(bytes);
    message
}

/// Tells a client which seat it has got; `None`: all are taken.
pub(super) fn seat(seat: Option<Seat>) -> Vec<u8> {
    let Some(Seat { index, turn }) = seat else { return vec![FULL] };
    let mut message = vec![SEATED, index];
    message.extend(turn.to_be_bytes());
    message
}

fn seated(players: &[Option<Player>]) -> impl Iterator<Item = (u8, &Player)> {
    (0..NOBODY).zip(players).filter_map(|(seat, player)| Some((seat, player.as_ref()?)))
}

fn flags(player: &Player) -> u8 {
    let condition = match player.condition {
        Condition::Alive { shielded: 0 } => 0,
        Condition::Alive { .. } => SHIELDED,
        Condition::Eaten { .. } => EATEN,
    };
    let boosts = if player.boosts() { BOOSTS } else { 0 };
    let absent = if player.is_absent() { ABSENT } else { 0 };
    condition | boosts | absent
}

fn count<T>(items: impl Iterator<Item = T>) -> u8 {
    u8::try_from(items.count()).unwrap_or(u8::MAX)
}

fn short(number: i32) -> [u8; 2] {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_clients_are_read() {
        let join = [&[1, 1, 2, 3, 4, 5, 6, 7, 8, 3][..], b" A\nda "].concat();
        let expected = Join { key: [1, 2, 3, 4, 5, 6, 7, 8], colour: 3, name: "A da".into() };
        assert_eq!(Move::parse(&join), Ok(Move::Join(expected)));
        let steering = Steering { right: -127, down: 127, boosts: true };
        assert_eq!(Move::parse(&[2, 0x81, 0x7f, 1]), Ok(Move::Steer(steering)));
        assert_eq!(Move::parse(&[3, 1, 2, 3, 4, 5, 6, 7, 8]), Ok(Move::Ping([1, 2, 3, 4, 5, 6, 7, 8])));
    }

    #[test]
    fn whatever_else_comes_is_malformed() {
        for message in
            [&[][..], &[0], &[1], &[1; 9], &[2, 0, 0], &[2, 0, 0, 2], &[2, 0, 0, 0, 0], &[3, 0], &[4]]
        {
            assert_eq!(Move::parse(message), Err(UnknownLayout), "{message:?}");
        }
    }

    #[test]
    fn names_are_short_whatever_they_are_made_of() {
        assert_eq!(shown_name(b""), "anonymous");
        assert_eq!(shown_name(b"\0\x01 \n"), "anonymous");
        assert_eq!(shown_name(&[0xff, b'A']), "\u{fffd}A");
        let longest = shown_name("\u{1f600}".repeat(40).as_bytes());
        assert_eq!((longest.chars().count(), longest.len()), (16, 64));
    }
}
