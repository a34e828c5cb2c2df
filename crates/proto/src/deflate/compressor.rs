//! Compresses messages (RFC 7692 §7.2.1).

use std::fmt;

use bytes::Bytes;

use super::agreement::{Agreement, Takeover};
use super::config::{Deflate, Retain};
use super::once::OncePerWindow;
use super::pool::{self, Shape};
use super::window::Window;
use super::zlib;

/// The end of a flush, which is not sent: an empty stored block without its first byte (RFC 7692 §7.2.1).
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The payload of an empty message: the first byte of an empty stored block (RFC 7692 §7.2.3.6).
const EMPTY: u8 = 0x00;

/// Least and most room for output at a time. With less than 7 bytes of room, zlib repeats the flush marker.
const MIN_ROOM: usize = 256;
const MAX_ROOM: usize = 32 << 10;

/// How much of the window is loaded into a pooled compressor before a message: this many times the message's length,
/// and at least this many bytes. Loading a byte costs as much as compressing it, and distant data helps little. For 1
/// KiB of JSON, loading 4 KiB instead of 2 KiB saves 3 % and takes 4 µs more; loading 32 KiB takes 90 µs.
const HISTORY_TIMES: usize = 2;
const MIN_HISTORY: usize = 2 << 10;

/// Compresses the messages that one end of a connection sends.
pub struct Compressor {
    shape: Shape,
    threshold: usize,
    state: BetweenMessages,
}

/// The state between two messages.
enum BetweenMessages {
    /// Never compresses: see [`Agreement::compress`].
    Unable,
    /// Each message stands alone.
    NoTakeover,
    /// The data that the next message may refer to.
    Window(Window),
    /// A compressor that has processed all earlier messages; `None` before the first.
    Compressor(Option<zlib_rs::Deflate>),
}

/// Whether a message was compressed. It decides the frame's RSV1 bit (RFC 7692 §6).
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// The payload is in the buffer and must be sent, with RSV1.
    Applied,
    /// Nothing was added to the buffer; the message must be sent uncompressed.
    Skipped,
}

/// zlib stopped before the end of a message.
struct Stopped;

impl Compressor {
    /// Allocates nothing until the first message is compressed.
    #[must_use]
    pub fn new(agreement: &Agreement, config: &Deflate) -> Compressor {
        let window = agreement.compress.map_or(config.window, |context| context.window);
        let state = match agreement.compress.map(|context| (context.takeover, config.retain)) {
            None => BetweenMessages::Unable,
            Some((Takeover::No, _) | (_, Retain::Nothing)) => BetweenMessages::NoTakeover,
            Some((Takeover::Yes, Retain::Window)) => BetweenMessages::Window(Window::new(window)),
            Some((Takeover::Yes, Retain::Compressor)) => BetweenMessages::Compressor(None),
        };
        Compressor { shape: config.shape(window), threshold: config.threshold, state }
    }

    /// Appends the compressed payload of a message to `out`, or skips it and leaves `out` unchanged.
    ///
    /// The length decides whether to compress, before anything is compressed. A compressed payload must be sent even if
    /// it is longer than the message. Under context takeover, the next message may refer to it, and a peer that
    /// received the message uncompressed could not resolve that. Incompressible bytes grow by a fraction of a percent,
    /// at level 1 by up to an eighth.
    pub fn compress(&mut self, message: &[u8], out: &mut Vec<u8>) -> Compression {
        if message.len() < self.threshold || matches!(self.state, BetweenMessages::Unable) {
            return Compression::Skipped;
        }
        let start = out.len();
        let mut deflate = self.begin(message.len());
        if deflate_message(&mut deflate, message, out).is_err() {
            // This should not happen. A compressor that starts afresh with the next message is always understood.
            out.truncate(start);
            return Compression::Skipped;
        }
        self.end(deflate, message);
        Compression::Applied
    }

    /// The compressed payload of a message that goes to several connections: taken from `once`, or compressed and
    /// stored there. `None`: the message must be sent uncompressed.
    ///
    /// The payload refers to no earlier data. But the peer counts the distances of later messages across it (RFC 7692
    /// §7.2.2), and this compressor has not seen it. Therefore the compressor forgets its context, and the next message
    /// starts afresh.
    pub(crate) fn compress_once<'o>(&mut self, message: &[u8], once: &'o OncePerWindow) -> Option<&'o Bytes> {
        if message.len() < self.threshold || matches!(self.state, BetweenMessages::Unable) {
            return None;
        }
        let payload = once.get(self.shape.window, || compress_alone(self.shape, message))?;
        self.forget();
        Some(payload)
    }

    /// Frees the context kept between messages. The next message starts with an empty window and shrinks less. The peer
    /// does not notice, because no message is obliged to refer to earlier ones.
    pub(super) fn forget(&mut self) {
        match &mut self.state {
            BetweenMessages::Unable | BetweenMessages::NoTakeover => {}
            BetweenMessages::Window(window) => window.clear(),
            BetweenMessages::Compressor(kept) => {
                if let Some(deflate) = kept.take() {
                    pool::give_deflate(self.shape, deflate);
                }
            }
        }
    }

    /// The compressor for a message of `len` bytes.
    fn begin(&mut self, len: usize) -> zlib_rs::Deflate {
        match &mut self.state {
            BetweenMessages::Unable | BetweenMessages::NoTakeover => pool::take_deflate(self.shape),
            BetweenMessages::Window(window) => {
                let history = window.newest(len.saturating_mul(HISTORY_TIMES).max(MIN_HISTORY));
                with_history(pool::take_deflate(self.shape), history)
            }
            BetweenMessages::Compressor(kept) => {
                kept.take().unwrap_or_else(|| pool::take_deflate(self.shape))
            }
        }
    }

    /// Keeps the context of `deflate` after it compressed `message`.
    fn end(&mut self, deflate: zlib_rs::Deflate, message: &[u8]) {
        match &mut self.state {
            BetweenMessages::Unable | BetweenMessages::NoTakeover => pool::give_deflate(self.shape, deflate),
            BetweenMessages::Window(window) => {
                window.push(message);
                pool::give_deflate(self.shape, deflate);
            }
            BetweenMessages::Compressor(kept) => *kept = Some(deflate),
        }
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            BetweenMessages::Unable => "unable",
            BetweenMessages::NoTakeover => "no takeover",
            BetweenMessages::Window(_) => "window",
            BetweenMessages::Compressor(_) => "compressor",
        };
        f.debug_struct("Compressor")
            .field("shape", &self.shape)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// `deflate`, in a state as if it had compressed `history`.
fn with_history(mut deflate: zlib_rs::Deflate, history: [&[u8]; 2]) -> zlib_rs::Deflate {
    for half in history {
        if !half.is_empty() && deflate.set_dictionary(half).is_err() {
            // Never load one half only: distances would count from the wrong end.
            deflate.reset();
            break;
        }
    }
    deflate
}

/// Compresses a message that refers to no earlier data.
fn compress_alone(shape: Shape, message: &[u8]) -> Option<Bytes> {
    let mut payload = Vec::new();
    let mut deflate = pool::take_deflate(shape);
    deflate_message(&mut deflate, message, &mut payload).ok()?;
    pool::give_deflate(shape, deflate);
    payload.shrink_to_fit();
    Some(payload.into())
}

/// Compresses one message with a flush, and removes the flush marker.
fn deflate_message(
    deflate: &mut zlib_rs::Deflate,
    mut message: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Stopped> {
    if message.is_empty() {
        // After a flush, zlib outputs nothing for an empty message.
        out.push(EMPTY);
        return Ok(());
    }
    loop {
        let start = out.len();
        let room = (message.len() / 2).clamp(MIN_ROOM, MAX_ROOM);
        out.resize(start + room, 0);
        let free = out.get_mut(start..).unwrap_or_default();
        let progress = zlib::compress(deflate, message, free).ok_or(Stopped)?;
        out.truncate(start + progress.written);
        message = message.get(progress.read..).unwrap_or_default();
        if progress.written < room {
            // If room is left, all output has been written.
            break;
        }
    }
    if !message.is_empty() || !out.ends_with(&FLUSHED) {
        return Err(Stopped);
    }
    out.truncate(out.len() - FLUSHED.len());
    Ok(())
}

#[cfg(test)]
mod tests;
