//! Messages for many receivers.

use std::cell::OnceCell;
use std::fmt;

use bytes::Bytes;

use crate::assembler::MessageKind;
use crate::deflate::OncePerWindow;
use crate::header::{FrameKind, Header, MAX_HEADER_LEN, ReservedBits};
use crate::opcode::DataOpcode;
use crate::send_buffer::LARGE_PAYLOAD;

/// A message that is sent to many receivers, by [`Protocol::send_prepared`](crate::Protocol::send_prepared).
///
/// It is compressed once for each window size that connections have agreed on, with the compression level of the first
/// connection that needs it. A large payload (64 KiB) is shared by all receivers, not copied. In an `Arc`, the message
/// serves connections on all threads:
///
/// ```
/// use std::sync::Arc;
/// use longwire_proto::{Config, MessageKind, Prepared, Protocol, Role};
///
/// # fn main() -> Result<(), longwire_proto::SendError> {
/// let config = Arc::new(Config::default());
/// let mut receivers = [(); 3].map(|()| Protocol::new(Role::Server, Arc::clone(&config)));
///
/// let news = Prepared::new(MessageKind::Text, "It rains.".into());
/// for receiver in &mut receivers {
///     receiver.send_prepared(&news)?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct Prepared {
    kind: MessageKind,
    payload: Bytes,
    compressed: OncePerWindow,
}

impl Prepared {
    /// A message with this payload. The caller must make sure that a text message is valid UTF-8: otherwise the peers
    /// fail their connections.
    #[must_use]
    pub fn new(kind: MessageKind, payload: Bytes) -> Prepared {
        Prepared { kind, payload, compressed: OncePerWindow::default() }
    }

    /// Text or binary.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The content, uncompressed.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The length of the content in bytes, uncompressed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether the content is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// This message for the connections of one thread; see [`PreparedFrame`].
    #[must_use]
    pub fn frame(&self) -> PreparedFrame<'_> {
        PreparedFrame { message: self, encoded: OnceCell::new() }
    }

    pub(crate) fn compressed(&self) -> &OncePerWindow {
        &self.compressed
    }
}

/// A [`Prepared`] message for the connections of one thread, sent by
/// [`Protocol::send_prepared_frame`](crate::Protocol::send_prepared_frame). Connections of a server that have nothing else
/// to write share its frame instead of copying it, so they allocate nothing. The frame is encoded when the first one needs
/// it. Other threads have their own, because counting the owners of one frame would cost more than the copies.
///
/// ```
/// use std::sync::Arc;
/// use longwire_proto::{Config, MessageKind, Prepared, Protocol, Role};
///
/// # fn main() -> Result<(), longwire_proto::SendError> {
/// let config = Arc::new(Config::default());
/// let mut receivers = [(); 3].map(|()| Protocol::new(Role::Server, Arc::clone(&config)));
///
/// let news = Prepared::new(MessageKind::Text, "It rains.".into());
/// let frame = news.frame();
/// for receiver in &mut receivers {
///     receiver.send_prepared_frame(&frame)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PreparedFrame<'m> {
    message: &'m Prepared,
    encoded: OnceCell<Bytes>,
}

impl<'m> PreparedFrame<'m> {
    pub(crate) fn message(&self) -> &'m Prepared {
        self.message
    }

    /// The frame of a server, uncompressed; `None` if the payload is large, and shared anyway.
    pub(crate) fn encoded(&self) -> Option<&Bytes> {
        let payload = self.message.payload();
        (payload.len() < LARGE_PAYLOAD)
            .then(|| self.encoded.get_or_init(|| encode(self.message.kind(), payload)))
    }
}

fn encode(kind: MessageKind, payload: &Bytes) -> Bytes {
    let mut frame = Vec::with_capacity(MAX_HEADER_LEN + payload.len());
    let opcode = match kind {
        MessageKind::Text => DataOpcode::Text,
        MessageKind::Binary => DataOpcode::Binary,
    };
    let kind = FrameKind::Data { opcode, fin: true, len: payload.len() as u64 };
    Header { kind, reserved: ReservedBits::NONE, masking_key: None }.encode(&mut frame);
    frame.extend_from_slice(payload);
    frame.into()
}

/// Shows the length, not the content.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("kind", &self.kind).field("len", &self.len()).finish_non_exhaustive()
    }
}
