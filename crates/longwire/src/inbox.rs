//! Bytes that were read from a connection and not yet parsed.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use tokio::io::AsyncReadExt;

use crate::read_buffers;
use crate::transport::Transport;

/// The length of the longest frame header (RFC 6455 §5.2).
const HEADER: usize = 14;

/// The range of payload lengths for which a connection expects the next payload to have the same length.
const LEAST: usize = 8 << 10;
const LARGEST: usize = 64 << 10;

/// How many bytes a glimpse reads, and how many a read behind unparsed bytes.
const GLIMPSE: usize = 64;
const BEHIND: usize = 16 << 10;

/// The most unparsed bytes behind which another read may append: twice the size of a read.
const MOST_UNPARSED: usize = 256 << 10;

/// Bytes that were read and not yet parsed. It holds a buffer only while it holds bytes.
///
/// Small messages are read into a buffer that all connections of the thread share, and are copied out of it. A
/// connection whose last read was one large message reads into a buffer of that size; the next message then takes over
/// the buffer.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    parsed: usize,
    /// The position up to which pongs were searched for: the beginning of a frame that may not have arrived yet. 0 if
    /// there was no search.
    searched: usize,
    /// The expected payload length of the next read, if it is large.
    expected: Option<u32>,
}

impl Inbox {
    /// Starts with bytes that were read earlier.
    pub(crate) fn new(bytes: Vec<u8>) -> Inbox {
        Inbox { bytes, parsed: 0, searched: 0, expected: None }
    }

    pub(crate) fn unparsed_len(&self) -> usize {
        self.bytes.len() - self.parsed
    }

    pub(crate) fn unparsed(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.parsed..).unwrap_or_default()
    }

    /// Marks this many bytes as parsed.
    pub(crate) fn parsed(&mut self, count: usize) {
        self.parsed = self.bytes.len().min(self.parsed + count);
    }

    /// Marks `count` bytes as parsed and returns the payload at their end. The payload takes over the buffer if it
    /// fills most of it; otherwise it is copied.
    pub(crate) fn parsed_payload(&mut self, count: usize, len: usize) -> Bytes {
        let was_alone = self.parsed == 0 && count == self.bytes.len();
        self.parsed(count);
        if len < LEAST {
            return Bytes::copy_from_slice(self.last_parsed(len));
        }
        self.expected = u32::try_from(len).ok().filter(|_| was_alone && len <= LARGEST);
        if was_alone && len >= self.bytes.capacity() / 2 {
            let start = self.parsed - len;
            self.parsed = 0;
            self.searched = 0;
            let mut payload = Bytes::from(std::mem::take(&mut self.bytes));
            payload.advance(start);
            return payload;
        }
        Bytes::copy_from_slice(self.last_parsed(len))
    }

    fn last_parsed(&self, len: usize) -> &[u8] {
        self.bytes.get(self.parsed.saturating_sub(len)..self.parsed).unwrap_or_default()
    }

    /// Reads once. If nothing has arrived, the shared buffer is returned at once.
    pub(crate) fn poll_fill(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.clear();
        let mut buffer = match self.expected {
            // One byte more than expected, to detect further data.
            Some(len) => Vec::with_capacity(usize::try_from(len).unwrap_or(LARGEST) + HEADER + 1),
            None => read_buffers::take(),
        };
        let read = pin!(transport.read_buf(&mut buffer)).poll(cx);
        if let Poll::Ready(Ok(count @ 1..)) = read {
            if count == buffer.capacity() || count < LEAST {
                self.expected = None;
            }
            self.bytes = buffer;
        } else {
            read_buffers::give_back(buffer);
        }
        read
    }

    /// Whether few enough bytes are unparsed to read more behind them.
    pub(crate) fn has_room_behind(&self) -> bool {
        self.unparsed_len() < MOST_UNPARSED
    }

    /// Appends a few bytes to the unparsed ones, only to see whether data has arrived.
    pub(crate) fn poll_glimpse(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = (&mut self.bytes).limit(GLIMPSE);
        pin!(transport.read_buf(&mut room)).poll(cx)
    }

    /// Appends one read to the unparsed bytes.
    pub(crate) fn poll_behind(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = (&mut self.bytes).limit(BEHIND);
        pin!(transport.read_buf(&mut room)).poll(cx)
    }

    /// How far the unparsed bytes were searched for pongs; 0 if not at all.
    pub(crate) fn searched(&self) -> usize {
        self.searched.saturating_sub(self.parsed)
    }

    pub(crate) fn set_searched(&mut self, count: usize) {
        self.searched = self.parsed.saturating_add(count);
    }

    /// Releases the buffer.
    pub(crate) fn clear(&mut self) {
        if self.bytes.capacity() > 0 {
            read_buffers::give_back(std::mem::take(&mut self.bytes));
        }
        self.parsed = 0;
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: u32 = 8 << 10;

    #[test]
    fn a_payload_that_fills_most_of_its_buffer_takes_it_along() {
        let mut inbox = Inbox::new(vec![7; LEAST + 4]);
        let address = inbox.unparsed().as_ptr() as usize;
        let payload = inbox.parsed_payload(LEAST + 4, LEAST);
        assert_eq!((payload.as_ptr() as usize, payload.len()), (address + 4, LEAST));
        assert_eq!((inbox.unparsed_len(), inbox.expected), (0, Some(EXPECTED)));
    }

    #[test]
    fn a_payload_that_is_small_beside_its_buffer_or_not_alone_is_copied() {
        let mut bytes = Vec::with_capacity(4 * LEAST);
        bytes.extend_from_slice(&[7; LEAST + 4]);
        let mut roomy = Inbox::new(bytes);
        let address = roomy.unparsed().as_ptr() as usize;
        assert_ne!(roomy.parsed_payload(LEAST + 4, LEAST).as_ptr() as usize, address + 4);
        assert_eq!(roomy.expected, Some(EXPECTED), "the next one may have a buffer of its size");

        let mut full = Inbox::new(vec![7; LEAST + 6]);
        assert_eq!(full.parsed_payload(LEAST + 4, LEAST), vec![7; LEAST]);
        assert_eq!((full.unparsed_len(), full.expected), (2, None));
    }

    #[tokio::test]
    async fn a_connection_expects_what_it_had_until_something_else_comes() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut transport = Transport::Other(Box::new(near));
        let mut inbox = Inbox::new(vec![7; LEAST + 4]);
        inbox.parsed_payload(LEAST + 4, LEAST);
        for (arrives, expected) in [(LEAST + 4, Some(EXPECTED)), (LEAST + 100, None), (100, None)] {
            tokio::io::AsyncWriteExt::write_all(&mut far, &vec![7; arrives]).await.unwrap();
            let mut arrived = 0;
            while arrived < arrives {
                arrived += std::future::poll_fn(|cx| inbox.poll_fill(&mut transport, cx)).await.unwrap();
                assert!(inbox.bytes.capacity() >= arrived.min(LEAST));
            }
            assert_eq!(inbox.expected, expected, "after {arrives} bytes");
        }
    }
}
