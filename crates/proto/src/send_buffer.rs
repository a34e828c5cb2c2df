//! Bytes that wait to be written.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::header::{Header, MAX_HEADER_LEN};
use crate::mask::Mask;

/// From this length in bytes, a payload given as [`Bytes`] is not copied after its header, but written separately.
pub const LARGE_PAYLOAD: usize = 64 << 10;

/// The same without a lent buffer: the connection would have to allocate one for the copy, and free it again.
const LARGE_WITHOUT_BUFFER: usize = 8 << 10;

/// The least that a connection allocates without a lent buffer, to leave room for more frames. It is below 1 KiB, because from
/// there on glibc merges and sorts its free memory before it allocates. That doubles the time of an allocation when a message goes
/// to many connections.
const MIN_ROOM: usize = 960;

/// Written bytes are dropped from the front once there are this many and they are at least half of the buffer.
const COMPACT: usize = 16 << 10;

/// A buffer that a driver [lends](crate::Protocol::lend_buffer) to its connections, one after the other, so that an idle
/// connection has none.
///
/// ```
/// use longwire_proto::SendBuffer;
///
/// let buffer = SendBuffer::from(Vec::with_capacity(4096));
/// assert_eq!(buffer.capacity(), 4096);
/// ```
#[derive(Debug, Default)]
pub struct SendBuffer(Box<Outbound>);

impl SendBuffer {
    /// How many bytes it has allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.encoded.capacity()
    }

    pub(crate) fn into_outbound(self) -> Box<Outbound> {
        self.0
    }

    /// The driver's buffer. It is empty.
    pub(crate) fn from_outbound(outbound: Box<Outbound>) -> SendBuffer {
        SendBuffer(outbound)
    }

    /// Replaces the allocated memory. The content of `memory` is discarded.
    pub fn refill(&mut self, mut memory: Vec<u8>) {
        memory.clear();
        self.0.encoded = memory;
    }
}

/// The content of the vector is discarded.
impl From<Vec<u8>> for SendBuffer {
    fn from(memory: Vec<u8>) -> SendBuffer {
        let mut buffer = SendBuffer::default();
        buffer.refill(memory);
        buffer
    }
}

/// Frames that wait to be written: one contiguous buffer, and large payloads beside it.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// Headers and small payloads, one after the other.
    encoded: Vec<u8>,
    /// How many bytes of `encoded` have been written.
    written: usize,
    /// How many bytes the driver has taken but not yet written. They come before everything else.
    pub(crate) taken: usize,
    /// The capacity of the memory that the driver has taken last.
    taken_capacity: usize,
    /// The rest of a frame that other connections send, too. It comes before `encoded`.
    shared: Bytes,
    /// `None` most of the time: few messages are that large.
    beside: Option<Box<Beside>>,
    /// The payload of the newest ping that could not be answered because too much waited to be written.
    pub(crate) unanswered_ping: Option<Vec<u8>>,
    owner: Owner,
}

/// The owner of the buffer, and of its memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The connection, which frees it once all is written.
    #[default]
    Connection,
    /// The driver, which reclaims it.
    Driver,
    /// The driver, which has taken the memory that it lent with it.
    DriverWithoutMemory,
}

/// Payloads that are written between two bytes of `encoded`, in order.
#[derive(Debug, Default)]
struct Beside {
    payloads: VecDeque<LargePayload>,
    /// The sum of their lengths.
    len: usize,
}

#[derive(Debug)]
struct LargePayload {
    /// Its place: after this many bytes of `encoded`.
    at: usize,
    payload: Bytes,
}

impl Outbound {
    /// How many bytes wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let beside = self.beside.as_ref().map_or(0, |beside| beside.len);
        self.taken + self.shared.len() + self.encoded.len() - self.written + beside
    }

    /// How many bytes are allocated for what waits, with the room that is left. An empty buffer counts nothing: it is reclaimed
    /// or freed.
    pub(crate) fn held(&self) -> usize {
        if self.len() == 0 {
            return 0;
        }
        let taken = if self.taken > 0 { self.taken_capacity } else { 0 };
        let beside = self.beside.as_ref().map_or(0, |beside| beside.len);
        taken + self.shared.len() + self.encoded.capacity() + beside
    }

    /// Whether the driver lent it, and it is empty.
    pub(crate) fn is_reclaimable(&self) -> bool {
        self.owner != Owner::Connection && self.len() == 0
    }

    /// Whether the connection made it, and it is empty.
    pub(crate) fn is_used_up(&self) -> bool {
        self.owner == Owner::Connection && self.len() == 0
    }

    /// Marks it as the driver's.
    pub(crate) fn lent(&mut self) {
        self.owner = Owner::Driver;
    }

    /// Encodes into the memory of `lent` from now on, unless it has memory already.
    pub(crate) fn borrow_memory(&mut self, lent: &mut SendBuffer) {
        if self.encoded.capacity() == 0 {
            std::mem::swap(&mut self.encoded, &mut lent.0.encoded);
            self.owner = Owner::Driver;
        }
    }

    /// All waiting bytes in one piece, which the driver owns until it is written. `None`: nothing waits, a large
    /// payload waits, or bytes taken before are not all written.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        if self.taken > 0 || self.beside.is_some() {
            return None;
        }
        self.copy_shared();
        if self.encoded.is_empty() {
            return None;
        }
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.drain(..std::mem::take(&mut self.written));
        self.taken = encoded.len();
        self.taken_capacity = encoded.capacity();
        if self.owner == Owner::Driver {
            self.owner = Owner::DriverWithoutMemory;
        }
        Some(encoded)
    }

    /// Appends bytes that are not a frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.encoded.extend_from_slice(bytes);
    }

    /// Appends a frame whose header is encoded already.
    #[inline]
    pub(crate) fn short_frame(&mut self, header: [u8; 2], payload: &[u8]) {
        self.make_room(header.len() + payload.len());
        self.encoded.reserve(header.len() + payload.len());
        self.encoded.extend_from_slice(&header);
        self.encoded.extend_from_slice(payload);
    }

    /// Appends a frame with a copy of its payload.
    #[inline]
    pub(crate) fn frame(&mut self, header: &Header, payload: &[u8]) {
        self.make_room(MAX_HEADER_LEN + payload.len());
        header.encode(&mut self.encoded);
        let start = self.encoded.len();
        self.encoded.extend_from_slice(payload);
        if let Some(key) = header.masking_key {
            Mask::new(key).apply(self.encoded.get_mut(start..).unwrap_or_default());
        }
    }

    /// Appends a frame. A large payload is not copied, unless it must be masked and is shared.
    pub(crate) fn frame_bytes(&mut self, header: &Header, payload: Bytes) {
        let large = match self.owner {
            Owner::Connection | Owner::DriverWithoutMemory => LARGE_WITHOUT_BUFFER,
            Owner::Driver => LARGE_PAYLOAD,
        };
        if payload.len() < large {
            return self.frame(header, &payload);
        }
        self.frame_beside(header, payload);
    }

    fn frame_beside(&mut self, header: &Header, payload: Bytes) {
        header.encode(&mut self.encoded);
        let payload = match header.masking_key {
            None => payload,
            Some(key) => {
                let mut payload = payload.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
                Mask::new(key).apply(&mut payload);
                payload.freeze()
            }
        };
        let beside = self.beside.get_or_insert_default();
        beside.len += payload.len();
        beside.payloads.push_back(LargePayload { at: self.encoded.len(), payload });
    }

    /// Appends a frame whose payload is shared with other connections, perhaps on other threads. A small payload is
    /// copied without touching the shared reference count.
    pub(crate) fn frame_shared(&mut self, header: &Header, payload: &Bytes) {
        if payload.len() < LARGE_PAYLOAD {
            self.frame(header, payload);
        } else {
            self.frame_beside(header, payload.clone());
        }
    }

    /// Appends a whole frame that other connections send, too, if nothing waits. Returns `false` otherwise.
    #[inline]
    pub(crate) fn share(&mut self, frame: &Bytes) -> bool {
        let is_first = self.len() == 0;
        if is_first {
            self.shared = frame.clone();
        }
        is_first
    }

    /// Whether a shared frame waits.
    pub(crate) fn is_sharing(&self) -> bool {
        !self.shared.is_empty()
    }

    /// Copies what is left of a shared frame to `encoded`, of which nothing has been written.
    fn copy_shared(&mut self) {
        if self.shared.is_empty() {
            return;
        }
        let shared = std::mem::take(&mut self.shared);
        self.make_room(shared.len());
        if self.encoded.is_empty() {
            self.encoded.extend_from_slice(&shared);
        } else {
            self.encoded.splice(..0, shared);
        }
    }

    #[inline]
    fn make_room(&mut self, count: usize) {
        if self.encoded.capacity() == 0 {
            self.encoded.reserve(count.max(MIN_ROOM));
        }
    }

    /// Fills `slices` with the bytes to write next, and returns how many slices it filled: 0 while bytes are taken,
    /// because those come first.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        if self.taken > 0 {
            return 0;
        }
        let mut from = self.written;
        let payloads = self.beside.iter().flat_map(|beside| &beside.payloads);
        let mut pieces = payloads.flat_map(|large| {
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
        let room_left = put(&self.shared) && pieces.all(&mut put);
        drop(pieces);
        if room_left {
            put(self.encoded.get(from..).unwrap_or_default());
        }
        filled
    }

    /// Records that the first `count` bytes have been written.
    #[inline]
    pub(crate) fn advance(&mut self, mut count: usize) {
        let of_taken = count.min(self.taken);
        self.taken -= of_taken;
        count -= of_taken;
        if !self.shared.is_empty() {
            count = self.advance_shared(count);
        }
        if self.beside.is_some() {
            count = self.advance_beside(count);
        }
        self.written += count.min(self.encoded.len() - self.written);
        self.forget_written();
    }

    /// Records written bytes of the shared frame. Returns how many are left over.
    fn advance_shared(&mut self, count: usize) -> usize {
        let of_shared = count.min(self.shared.len());
        self.shared.advance(of_shared);
        if self.shared.is_empty() {
            self.shared = Bytes::new();
        }
        count - of_shared
    }

    /// Records written bytes up to the last large payload. Returns how many are left over.
    fn advance_beside(&mut self, mut count: usize) -> usize {
        let Some(beside) = &mut self.beside else { return count };
        while let Some(large) = beside.payloads.front_mut() {
            let before = count.min(large.at - self.written);
            self.written += before;
            count -= before;
            let of_payload = count.min(large.payload.len());
            large.payload.advance(of_payload);
            beside.len -= of_payload;
            count -= of_payload;
            if !large.payload.is_empty() {
                return count;
            }
            beside.payloads.pop_front();
        }
        self.beside = None;
        count
    }

    #[inline]
    fn forget_written(&mut self) {
        if self.written == self.encoded.len() && self.beside.is_none() {
            self.written = 0;
            match self.owner {
                // An idle connection holds no buffer.
                Owner::Connection | Owner::DriverWithoutMemory => self.encoded = Vec::new(),
                Owner::Driver => self.encoded.clear(),
            }
        } else if self.written >= COMPACT && self.written * 2 >= self.encoded.len() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        self.encoded.drain(..self.written);
        for large in self.beside.iter_mut().flat_map(|beside| &mut beside.payloads) {
            large.at -= self.written;
        }
        self.written = 0;
    }
}

#[cfg(test)]
mod tests;
