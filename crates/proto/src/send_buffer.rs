//! What waits to be written.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::header::Header;
use crate::mask::Mask;

/// A payload from this length on is not copied behind its header but written beside it.
const LARGE: usize = 64 << 10;

/// What was written is dropped from the front once it is this long and at least half of all.
const COMPACT: usize = 16 << 10;

/// Frames that wait to be written: one contiguous buffer, with large payloads beside it.
#[derive(Debug, Default)]
pub(crate) struct SendBuffer {
    /// Headers and small payloads, one after the other.
    encoded: Vec<u8>,
    /// How much of `encoded` has been written.
    written: usize,
    /// Payloads that are written between two bytes of `encoded`, in order.
    large: VecDeque<LargePayload>,
    /// The sum of the lengths of `large`.
    large_len: usize,
}

#[derive(Debug)]
struct LargePayload {
    /// Its place: behind this many bytes of `encoded`.
    at: usize,
    payload: Bytes,
}

impl SendBuffer {
    /// How many bytes wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.encoded.len() - self.written + self.large_len
    }

    /// Appends bytes that are not a frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.encoded.extend_from_slice(bytes);
    }

    /// Appends a frame with a copy of its payload.
    #[inline]
    pub(crate) fn frame(&mut self, header: &Header, payload: &[u8]) {
        header.encode(&mut self.encoded);
        let start = self.encoded.len();
        self.encoded.extend_from_slice(payload);
        if let Some(key) = header.masking_key {
            Mask::new(key).apply(self.encoded.get_mut(start..).unwrap_or_default());
        }
    }

    /// Appends a frame; a large payload is not copied, unless it has to be masked and others hold it too.
    pub(crate) fn frame_bytes(&mut self, header: &Header, payload: Bytes) {
        if payload.len() < LARGE {
            return self.frame(header, &payload);
        }
        header.encode(&mut self.encoded);
        let payload = match header.masking_key {
            None => payload,
            Some(key) => {
                let mut payload = payload.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
                Mask::new(key).apply(&mut payload);
                payload.freeze()
            }
        };
        self.large_len += payload.len();
        self.large.push_back(LargePayload { at: self.encoded.len(), payload });
    }

    /// Fills `slices` with what has to be written next; gives how many it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut from = self.written;
        let mut pieces = self.large.iter().flat_map(|large| {
            let before = self.encoded.get(from..large.at).unwrap_or_default();
            from = large.at;
            [before, &large.payload]
        });
        let mut filled = 0;
        let mut slots = slices.iter_mut();
        let mut put = |piece: &'a [u8]| {
            if piece.is_empty() {
                return true;
            }
            let Some(slot) = slots.next() else { return false };
            *slot = IoSlice::new(piece);
            filled += 1;
            true
        };
        let room_left = pieces.all(&mut put);
        drop(pieces);
        if room_left {
            put(self.encoded.get(from..).unwrap_or_default());
        }
        filled
    }

    /// Notes that the first `count` bytes have been written.
    pub(crate) fn advance(&mut self, mut count: usize) {
        while let Some(large) = self.large.front_mut() {
            let before = count.min(large.at - self.written);
            self.written += before;
            count -= before;
            let of_payload = count.min(large.payload.len());
            large.payload.advance(of_payload);
            self.large_len -= of_payload;
            count -= of_payload;
            if !large.payload.is_empty() {
                break;
            }
            self.large.pop_front();
        }
        self.written += count.min(self.encoded.len() - self.written);
        self.forget_written();
    }

    fn forget_written(&mut self) {
        if self.len() == 0 {
            // An idle connection holds no buffer.
            *self = SendBuffer::default();
        } else if self.written >= COMPACT && self.written * 2 >= self.encoded.len() {
            self.encoded.drain(..self.written);
            for large in &mut self.large {
                large.at -= self.written;
            }
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests;
