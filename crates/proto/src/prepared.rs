//! Messages for many receivers.

use std::fmt;

use bytes::Bytes;

use crate::assembler::MessageKind;
use crate::deflate::OncePerWindow;

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

    pub(crate) fn compressed(&self) -> &OncePerWindow {
        &self.compressed
    }
}

/// Shows the length, not the content.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("kind", &self.kind).field("len", &self.len()).finish_non_exhaustive()
    }
}
