//! A room of the audio and video demo, without sockets and clock: one sends, the others view.
//!
//! The room keeps the newest pieces. Each viewer has its own place in them, and only so many bytes are under way to it:
//! it gets more when it says that it has got some. A viewer on a slow network therefore has no queue in which pieces grow
//! old. When the piece at its place is too old, the viewer skips to the newest one at which it can start.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::message::{MediaFormat, Notice, PieceKind, SenderIs, numbered, piece_kind};

#[cfg(test)]
mod tests;

/// Who may be in a room, with its sender.
pub(super) const MOST_GUESTS: usize = 24;

/// What a room keeps.
const KEPT_BYTES: usize = 1 << 20;
const KEPT_PIECES: usize = 600;

/// What may be under way to a viewer: half a second of pictures and sound, so a viewer may be as far away as that.
const WINDOW_BYTES: usize = 32 << 10;
const WINDOW_PIECES: usize = 64;

/// A viewer skips what is older than this.
const TOO_OLD: Duration = Duration::from_millis(400);

/// A sender that is silent for so long can be replaced: its connection is dead.
const SILENCE: Duration = Duration::from_secs(2);

/// What a sender may send in a second; as much again at once.
const BYTES_PER_SECOND: u64 = 512 << 10;

/// A time, since the server began.
pub(super) type Moment = Duration;

/// Somebody in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GuestId(pub(super) u64);

#[derive(Debug, Default)]
pub(super) struct Room {
    broadcast: Option<Broadcast>,
    guests: usize,
    /// Counts the changes of what `Notice::State` says.
    version: u64,
    kept: VecDeque<KeptPiece>,
    kept_bytes: usize,
    next_number: u64,
    /// The number of the first piece of the broadcast.
    first_number: u64,
    /// The number of the newest piece at which a viewer can start.
    newest_start: Option<u64>,
}

/// What somebody sends.
#[derive(Debug)]
struct Broadcast {
    sender: GuestId,
    format: MediaFormat,
    last_piece: Moment,
    /// How many bytes it may send now, and since when it has been counted.
    allowed: u64,
    counted: Moment,
}

#[derive(Debug)]
struct KeptPiece {
    number: u64,
    arrived: Moment,
    /// As viewers get it.
    message: Bytes,
}

/// The place of a guest in what the room sends.
#[derive(Debug, Default)]
pub(super) struct PieceReader {
    version: u64,
    /// The piece that comes next; `None`: the newest at which a viewer can start.
    next: Option<u64>,
    /// Numbers and sizes of what is under way.
    under_way: VecDeque<(u64, usize)>,
    bytes_under_way: usize,
}

/// What a guest is to get next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Delivery {
    State { version: u64, notice: Notice },
    Piece { number: u64, message: Bytes },
}

/// Why a piece is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadPiece {
    Malformed,
    TooMuch,
}

/// Somebody else sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// An acknowledgement of what was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotSent;

impl Room {
    /// Whether there was room for one more.
    pub(super) fn enter(&mut self) -> bool {
        let has_room = self.guests < MOST_GUESTS;
        if has_room {
            self.guests += 1;
            self.version += 1;
        }
        has_room
    }

    pub(super) fn leave(&mut self, guest: GuestId) {
        self.guests = self.guests.saturating_sub(1);
        self.version += 1;
        self.stop(guest);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.guests == 0
    }

    /// # Errors
    ///
    /// If another guest sends.
    pub(super) fn start(&mut self, guest: GuestId, format: MediaFormat, now: Moment) -> Result<(), Busy> {
        if let Some(current) = &self.broadcast
            && current.sender != guest
            && now.saturating_sub(current.last_piece) < SILENCE
        {
            return Err(Busy);
        }
        self.forget_pieces();
        self.version += 1;
        self.broadcast = Some(Broadcast {
            sender: guest,
            format,
            last_piece: now,
            allowed: BYTES_PER_SECOND,
            counted: now,
        });
        Ok(())
    }

    pub(super) fn stop(&mut self, guest: GuestId) {
        if self.broadcast.as_ref().is_some_and(|broadcast| broadcast.sender == guest) {
            self.broadcast = None;
            self.version += 1;
            self.forget_pieces();
        }
    }

    /// Takes a piece of the sender. Those of somebody who sends no more are ignored.
    ///
    /// # Errors
    ///
    /// If the piece has another layout, or the sender sends too much.
    pub(super) fn push(&mut self, guest: GuestId, piece: &[u8], now: Moment) -> Result<(), BadPiece> {
        let kind = piece_kind(piece).ok_or(BadPiece::Malformed)?;
        let Some(broadcast) = self.broadcast.as_mut().filter(|broadcast| broadcast.sender == guest) else {
            return Ok(());
        };
        broadcast.spend(piece.len(), now).ok_or(BadPiece::TooMuch)?;
        broadcast.last_piece = now;
        let number = self.next_number;
        self.next_number += 1;
        if kind == PieceKind::Start {
            self.newest_start = Some(number);
        }
        let message = numbered(number, piece);
        self.kept_bytes += message.len();
        self.kept.push_back(KeptPiece { number, arrived: now, message });
        while self.kept_bytes > KEPT_BYTES || self.kept.len() > KEPT_PIECES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.message.len();
        }
        Ok(())
    }

    /// What the guest is to get now, if anything. It gets it once [`PieceReader::take`] is called.
    pub(super) fn next(&self, guest: GuestId, reader: &PieceReader, now: Moment) -> Option<Delivery> {
        if reader.version != self.version {
            return Some(Delivery::State { version: self.version, notice: self.state(guest) });
        }
        let is_sender = self.broadcast.as_ref()?.sender == guest;
        if is_sender || !reader.has_room() {
            return None;
        }
        let piece = self.piece_for(reader, now)?;
        Some(Delivery::Piece { number: piece.number, message: piece.message.clone() })
    }

    /// The piece at the reader's place, or the newest start if that place is too old or gone.
    fn piece_for(&self, reader: &PieceReader, now: Moment) -> Option<&KeptPiece> {
        let start = || self.newest_start.and_then(|number| self.kept(number));
        // A reader of an earlier broadcast starts anew.
        let Some(next) = reader.next.filter(|next| *next > self.first_number) else { return start() };
        match self.kept(next) {
            Some(piece) if now.saturating_sub(piece.arrived) <= TOO_OLD => Some(piece),
            Some(piece) => start().filter(|start| start.number > next).or(Some(piece)),
            // The next one is not here yet, or is not kept any more.
            None if next >= self.next_number => None,
            None => start(),
        }
    }

    fn kept(&self, number: u64) -> Option<&KeptPiece> {
        let oldest = self.kept.front()?.number;
        self.kept.get(usize::try_from(number.checked_sub(oldest)?).ok()?)
    }

    fn state(&self, guest: GuestId) -> Notice {
        let sender = match &self.broadcast {
            None => SenderIs::Nobody,
            Some(broadcast) if broadcast.sender == guest => SenderIs::You,
            Some(_) => SenderIs::Another,
        };
        let viewers = self.guests - usize::from(self.broadcast.is_some() && self.guests > 0);
        let format = self.broadcast.as_ref().map(|broadcast| broadcast.format);
        Notice::State { sender, viewers, format }
    }

    fn forget_pieces(&mut self) {
        self.kept.clear();
        self.kept_bytes = 0;
        self.first_number = self.next_number;
        self.newest_start = None;
    }
}

impl Broadcast {
    /// `None` if that is more than the sender may send.
    fn spend(&mut self, bytes: usize, now: Moment) -> Option<()> {
        let passed = u64::try_from(now.saturating_sub(self.counted).as_millis()).unwrap_or(u64::MAX);
        let more = passed.saturating_mul(BYTES_PER_SECOND) / 1_000;
        self.allowed = self.allowed.saturating_add(more).min(2 * BYTES_PER_SECOND);
        self.counted = now;
        self.allowed = self.allowed.checked_sub(u64::try_from(bytes).ok()?)?;
        Some(())
    }
}

impl PieceReader {
    /// The delivery is queued for the guest.
    pub(super) fn take(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::State { version, .. } => self.version = *version,
            Delivery::Piece { number, message } => {
                self.next = Some(number + 1);
                self.under_way.push_back((*number, message.len()));
                self.bytes_under_way += message.len();
            }
        }
    }

    /// The guest has got all pieces up to this one.
    ///
    /// # Errors
    ///
    /// If the piece was not sent.
    pub(super) fn acknowledge(&mut self, number: u64) -> Result<(), NotSent> {
        if self.next.is_none_or(|next| number >= next) {
            return Err(NotSent);
        }
        while let Some(&(oldest, bytes)) = self.under_way.front()
            && oldest <= number
        {
            self.under_way.pop_front();
            self.bytes_under_way -= bytes;
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.bytes_under_way < WINDOW_BYTES && self.under_way.len() < WINDOW_PIECES
    }
}
