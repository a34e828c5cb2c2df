//! Inflates messages (RFC 7692 §7.2.2).

use std::error::Error;
use std::fmt;

use super::agreement::{Agreement, Takeover};
use super::pool;
use super::window::Window;
use super::zlib::{self, Ended};

/// The bytes removed from a payload (RFC 7692 §7.2.2), followed by an empty stored block with BFINAL. A complete
/// payload ends exactly there and produces no further output; one cut off inside a block does not.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

/// How many bytes are inflated at a time. A message can exceed its limit by this much before that is noticed; the
/// excess is on the stack and is discarded.
const CHUNK: usize = 8 << 10;

/// Inflates the compressed messages that one end of a connection receives, piece by piece as they arrive.
///
/// A reference beyond the agreed window is [`Corrupt`] if the bytes are gone. If they are still there, in the same
/// message, it is accepted: refusing would save nothing.
pub struct Inflater {
    /// The data that the next message may refer to; `None` without context takeover.
    window: Option<Window>,
    /// The message that is arriving.
    message: Option<PartialMessage>,
}

/// An incomplete message.
struct PartialMessage {
    inflate: zlib_rs::Inflate,
    /// How many bytes have been inflated.
    inflated: usize,
    /// Whether the last block was the final one of its DEFLATE data.
    ended: Ended,
}

/// Why a piece of a message could not be inflated. The connection must fail; do not push the rest of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateFailure<E> {
    /// The message is longer than its limit: close code 1009.
    TooBig,
    /// See [`Corrupt`]: close code 1007.
    Corrupt,
    /// The sink returned an error.
    Sink(E),
}

/// The payload is not valid or not complete DEFLATE data: close code 1007.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl Inflater {
    /// Allocates nothing until the first compressed message.
    #[must_use]
    pub fn new(agreement: &Agreement) -> Inflater {
        let window = match agreement.inflate.takeover {
            Takeover::Yes => Some(Window::new(agreement.inflate.window)),
            Takeover::No => None,
        };
        Inflater { window, message: None }
    }

    /// Inflates the next piece of a message, unmasked, and passes the output to `sink` in chunks. The sink never gets
    /// more than `limit` bytes of a message, and at most 8 KiB are inflated beyond that.
    ///
    /// # Errors
    ///
    /// [`InflateFailure`]. The message is lost, and with it the context of later messages.
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

    /// Ends a message whose last frame is complete.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] when the message ends inside a block, or has no bytes: an empty message has one (RFC 7692 §7.2.3.6).
    pub fn finish(&mut self) -> Result<(), Corrupt> {
        let mut message = self.message.take().ok_or(Corrupt)?;
        if message.ended == Ended::Yes {
            // RFC 7692 §7.2.3.4 requires the first byte of an empty block after a block with BFINAL. Some peers omit
            // it, `ws` accepts that, and it is unambiguous.
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

    /// Inflates all of `input`. `sink` gets each chunk, and the number of bytes inflated up to its end.
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
                // Input and room, but no progress: the loop would never end.
                return Err(Corrupt.into());
            }
        }
    }

    /// Continues after a block with BFINAL, the last one of its DEFLATE data (RFC 1951 §3.2.3). New DEFLATE data
    /// follows, which refers to nothing before it; browsers interpret RFC 7692 §7.2.3.4 in this way.
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
