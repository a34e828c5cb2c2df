use std::num::NonZeroUsize;

/// How to split what is sent into writes.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use longwire_wire::{Peer, Pieces, RawFrame};
///
/// let (ours, theirs) = tokio::io::duplex(1);
/// let (mut client, mut server) = (Peer::client(ours), Peer::server(theirs));
/// client.cut_into(Pieces::Bytes);
/// let (sent, received) = tokio::join!(client.send(RawFrame::text("hi")), server.expect_text("hi"));
/// sent.and(received)?;
/// # Ok::<(), longwire_wire::Failure>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pieces {
    /// One write per frame, head or byte sequence.
    #[default]
    Whole,
    /// Byte by byte, each flushed. Over TCP, the other end sees that only without Nagle's algorithm (`set_nodelay`).
    Bytes,
    /// In pieces of this many bytes, each flushed.
    Of(NonZeroUsize),
}

impl Pieces {
    /// The pieces in order.
    pub(super) fn of(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let len = match self {
            Pieces::Whole => bytes.len().max(1),
            Pieces::Bytes => 1,
            Pieces::Of(len) => len.get(),
        };
        bytes.chunks(len)
    }
}
