//! What was read of a connection and not yet parsed.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use tokio::io::AsyncReadExt;

use crate::read_buffers;
use crate::transport::Transport;

/// The longest header of a frame (RFC 6455 §5.2).
const HEADER: usize = 14;

/// The least and the largest payload for which a connection expects more of its size.
const LEAST: usize = 8 << 10;
const LARGEST: usize = 64 << 10;

/// How many bytes a glimpse reads, and how many a read for the sake of what comes behind.
const GLIMPSE: usize = 64;
const BEHIND: usize = 16 << 10;

/// How many bytes may be unparsed for more to be read behind them: twice what a read brings.
const MOST_UNPARSED: usize = 256 << 10;

/// Bytes that were read and not yet parsed. It holds a buffer only while there are some.
///
/// Small messages are read into a buffer that all connections of the thread share, and copied out of it. A connection
/// whose last read was one large message reads into a buffer of that size, which then belongs to the next message.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    parsed: usize,
    /// How far pongs have been looked for: at the beginning of a frame, which may not have arrived. 0: not at all.
    searched: usize,
    /// The length of the payload that the next read is expected to bring, if that is large.
    expected: Option<usize>,
}

impl Inbox {
    /// Begins with what was read before.
    pub(crate) fn new(bytes: Vec<u8>) -> Inbox {
        Inbox { bytes, parsed: 0, searched: 0, expected: None }
    }

    pub(crate) fn unparsed_len(&self) -> usize {
        self.bytes.len() - self.parsed
    }

    pub(crate) fn unparsed(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.parsed..).unwrap_or_default()
    }

    /// Notes that this many bytes have been parsed.
    pub(crate) fn parsed(&mut self, count: usize) {
        self.parsed = self.bytes.len().min(self.parsed + count);
    }

    /// Notes that this many bytes have been parsed, and gives the payload that was the end of them: with the buffer, if
    /// it fills most of that, else as a copy.
    pub(crate) fn parsed_payload(&mut self, count: usize, len: usize) -> Bytes {
        let was_alone = self.parsed == 0 && count == self.bytes.len();
        self.parsed(count);
        if len < LEAST {
            return Bytes::copy_from_slice(self.last_parsed(len));
        }
        self.expected = (was_alone && len <= LARGEST).then_some(len);
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

    /// Reads once. A shared buffer goes back at once if nothing has arrived.
    pub(crate) fn poll_fill(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.clear();
        let mut buffer = match self.expected {
            // A byte more than is expected, to see whether there is more.
            Some(len) => Vec::with_capacity(HEADER + len + 1),
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

    /// Whether so little is unparsed that more may be read behind it.
    pub(crate) fn has_room_behind(&self) -> bool {
        self.unparsed_len() < MOST_UNPARSED
    }

    /// Reads a few bytes behind those that are there, only to see whether something has arrived.
    pub(crate) fn poll_glimpse(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = (&mut self.bytes).limit(GLIMPSE);
        pin!(transport.read_buf(&mut room)).poll(cx)
    }

    /// Reads once behind what is there.
    pub(crate) fn poll_behind(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = (&mut self.bytes).limit(BEHIND);
        pin!(transport.read_buf(&mut room)).poll(cx)
    }

    /// How far pongs have been looked for in what is unparsed; 0: not at all.
    pub(crate) fn searched(&self) -> usize {
        self.searched.saturating_sub(self.parsed)
    }

    pub(crate) fn set_searched(&mut self, count: usize) {
        self.searched = self.parsed.saturating_add(count);
    }

    /// Gives the buffer up.
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

    #[test]
    fn a_payload_that_fills_most_of_its_buffer_takes_it_along() {
        let mut inbox = Inbox::new(vec![7; LEAST + 4]);
        let address = inbox.unparsed().as_ptr() as usize;
        let payload = inbox.parsed_payload(LEAST + 4, LEAST);
        assert_eq!((payload.as_ptr() as usize, payload.len()), (address + 4, LEAST));
        assert_eq!((inbox.unparsed_len(), inbox.expected), (0, Some(LEAST)));
    }

    #[test]
    fn a_payload_that_is_small_beside_its_buffer_or_not_alone_is_copied() {
        let mut bytes = Vec::with_capacity(4 * LEAST);
        bytes.extend_from_slice(&[7; LEAST + 4]);
        let mut roomy = Inbox::new(bytes);
        let address = roomy.unparsed().as_ptr() as usize;
        assert_ne!(roomy.parsed_payload(LEAST + 4, LEAST).as_ptr() as usize, address + 4);
        assert_eq!(roomy.expected, Some(LEAST), "the next one may have a buffer of its size");

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
        for (arrives, expected) in [(LEAST + 4, Some(LEAST)), (LEAST + 100, None), (100, None)] {
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
