//! From compressed payloads to messages, RFC 7692 §7.2.2.

use std::error::Error;
use std::fmt;

use super::agreement::{Agreement, Takeover};
use super::pool;
use super::window::Window;
use super::zlib::{self, Ended};

/// What a payload is short of (RFC 7692 §7.2.2), and behind it an empty stored block with BFINAL. A payload that was
/// whole ends exactly there, and nothing comes out; one that was cut off in the middle of a block does not.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

/// How many bytes are inflated at a time, and so by how much a message can be over its limit before it is noticed: they
/// are on the stack, and gone by then.
const CHUNK: usize = 8 << 10;

/// Inflates the compressed messages that one end of a connection receives, piece by piece as they arrive.
///
/// A peer that refers further back than was agreed on is [`Corrupt`] where the bytes are not there any more. Where they
/// are, in the same message, they are lent: nothing would be saved by refusing.
pub struct Inflater {
    /// What the next message may refer to; `None` without context takeover.
    window: Option<Window>,
    /// The message that is arriving.
    message: Option<PartialMessage>,
}

/// A message that is not whole.
struct PartialMessage {
    inflate: zlib_rs::Inflate,
    /// How many bytes came out so far.
    inflated: usize,
    /// Whether the last block so far was the last of its DEFLATE data.
    ended: Ended,
}

/// Why a piece of a message was not inflated to its end. The connection has to be failed; the rest of the message must
/// not be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateFailure<E> {
    /// The message is longer than its limit: close code 1009.
    TooBig,
    /// See [`Corrupt`]: close code 1007.
    Corrupt,
    /// Whoever takes the inflated bytes does not want them.
    Sink(E),
}

/// The payload is not, or not whole, DEFLATE data: close code 1007.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl Inflater {
    /// Takes no memory until the first compressed message.
    #[must_use]
    pub fn new(agreement: &Agreement) -> Inflater {
        let window = match agreement.inflate.takeover {
            Takeover::Yes => Some(Window::new(agreement.inflate.window)),
            Takeover::No => None,
        };
        Inflater { window, message: None }
    }

    /// Inflates the next piece of a message, unmasked, and hands out what comes of it in chunks. Of a message that is
    /// longer than `limit` bytes, inflated, nothing is handed out beyond the limit, and at most 8 KiB more are inflated.
    ///
    /// # Errors
    ///
    /// [`InflateFailure`]. The message is lost, and with it what later ones may refer to.
    pub fn push<E>(
        &mut self,
        piece: &[u8],
        limit: usize,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), InflateFailure<E>> {
        if piece.is_empty() {
            return Ok(());
        }
        let mut message = match self.message.take() {
            Some(message) => message,
            None => PartialMessage::begin(self.window.as_ref())?,
        };
        message.inflate(piece, &mut self.window, |chunk, inflated| {
            if inflated > limit {
                return Err(InflateFailure::TooBig);
            }
            sink(chunk).map_err(InflateFailure::Sink)
        })?;
        self.message = Some(message);
        Ok(())
    }

    /// Ends a message: its last frame is whole.
    ///
    /// # Errors
    ///
    /// The message ends in the middle of a block, or has no bytes at all: an empty one has one (RFC 7692 §7.2.3.6).
    pub fn finish(&mut self) -> Result<(), Corrupt> {
        let mut message = self.message.take().ok_or(Corrupt)?;
        if message.ended == Ended::Yes {
            // RFC 7692 §7.2.3.4 wants the first byte of an empty block behind a block with BFINAL. Not all peers know,
            // `ws` lets them have their way, and there is nothing to be misunderstood.
            if let Some(window) = &mut self.window {
                window.clear();
            }
        } else {
            message.inflate(&END, &mut None, |_, _| Err(Corrupt))?;
            if message.ended == Ended::No {
                return Err(Corrupt);
            }
        }
        pool::give_inflate(message.inflate);
        Ok(())
    }
}

impl PartialMessage {
    fn begin(window: Option<&Window>) -> Result<PartialMessage, Corrupt> {
        let mut inflate = pool::take_inflate();
        for half in window.into_iter().flat_map(Window::halves) {
            inflate.set_dictionary(half).map_err(|_| Corrupt)?;
        }
        Ok(PartialMessage { inflate, inflated: 0, ended: Ended::No })
    }

    /// Inflates `input` to its end. `sink` gets each chunk, and how many bytes came out with it so far.
    fn inflate<F: From<Corrupt>>(
        &mut self,
        mut input: &[u8],
        window: &mut Option<Window>,
        mut sink: impl FnMut(&[u8], usize) -> Result<(), F>,
    ) -> Result<(), F> {
        let mut room = [0; CHUNK];
        loop {
            if self.ended == Ended::Yes && !input.is_empty() {
                self.begin_anew(window);
            }
            let progress;
            (progress, self.ended) = zlib::inflate(&mut self.inflate, input, &mut room).ok_or(Corrupt)?;
            let chunk = room.get(..progress.written).unwrap_or_default();
            input = input.get(progress.read..).unwrap_or_default();
            if !chunk.is_empty() {
                self.inflated = self.inflated.saturating_add(chunk.len());
                sink(chunk, self.inflated)?;
                if let Some(window) = window {
                    window.push(chunk);
                }
            }
            let is_dry = self.ended == Ended::Yes || chunk.len() < CHUNK;
            if input.is_empty() && is_dry {
                return Ok(());
            }
            if progress.read == 0 && chunk.is_empty() && self.ended == Ended::No {
                // There was input, there was room, and nothing happened: it would be so for ever.
                return Err(Corrupt.into());
            }
        }
    }

    /// Goes on behind a block with BFINAL, the last one of its DEFLATE data (RFC 1951 §3.2.3). What follows is data of
    /// its own, which refers to nothing before it; so do the browsers read what RFC 7692 §7.2.3.4 allows.
    fn begin_anew(&mut self, window: &mut Option<Window>) {
        self.inflate.reset(false);
        self.ended = Ended::No;
        if let Some(window) = window {
            window.clear();
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("takeover", &self.window.is_some())
            .field("is_inside_message", &self.message.is_some())
            .finish()
    }
}

impl<E> From<Corrupt> for InflateFailure<E> {
    fn from(_: Corrupt) -> InflateFailure<E> {
        InflateFailure::Corrupt
    }
}

impl<E: fmt::Display> fmt::Display for InflateFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InflateFailure::TooBig => f.write_str("a compressed message is longer than its limit"),
            InflateFailure::Corrupt => Corrupt.fmt(f),
            InflateFailure::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for InflateFailure<E> {}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compressed message cannot be inflated")
    }
}

impl Error for Corrupt {}

#[cfg(test)]
mod tests;
