//! A message that is sent in pieces.

use longwire_proto::{CloseCode, CloseFrame, Last, MessageKind};

use crate::connection::Connection;
use crate::error::Result;
use crate::halves::Sender;
use crate::shared::state::{Frames, Write};
use crate::websocket::WebSocket;

/// A binary message that is sent piece by piece, and is never in memory as a whole.
///
/// ```
/// use tokio::io::AsyncReadExt;
///
/// # async fn send(socket: &longwire::WebSocket, mut file: tokio::fs::File) -> Result<(), Box<dyn std::error::Error>> {
/// let mut message = socket.stream_binary().await?;
/// let mut piece = vec![0; 64 << 10];
/// loop {
///     let count = file.read(&mut piece).await?;
///     if count == 0 {
///         break;
///     }
///     message.write(&piece[..count]).await?;
/// }
/// message.finish().await?;
/// # Ok(())
/// # }
/// ```
///
/// Each piece is a fragment of the message (RFC 6455 §5.4) and is not compressed. Other messages of the connection wait
/// until this one is finished (`try_send` returns `Full`). Pings and Close frames are sent between the pieces.
///
/// A message cannot be taken back once it has begun. If the writer is dropped before `finish`, the connection is closed
/// with 1011, and the peer discards the part of the message that it received.
#[derive(Debug)]
#[must_use = "dropping the message before it is finished closes the connection"]
pub struct BinaryWriter(Fragments);

/// A text message that is sent piece by piece, like a binary one with [`BinaryWriter`].
///
/// ```no_run
/// # async fn list(socket: &longwire::WebSocket) -> longwire::Result<()> {
/// let mut message = socket.stream_text().await?;
/// for number in 0..1_000_000 {
///     message.write(format!("{number}\n")).await?;
/// }
/// message.finish().await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the message before it is finished closes the connection"]
pub struct TextWriter(Fragments);

/// A message that has begun.
#[derive(Debug)]
struct Fragments {
    sender: Sender,
    kind: MessageKind,
    stage: WriterState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriterState {
    Begun,
    Finished,
}

impl Sender {
    /// Begins a binary message that is sent piece by piece. Waits for messages that were queued before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn stream_binary(&self) -> Result<BinaryWriter> {
        Fragments::begin(self, MessageKind::Binary).await.map(BinaryWriter)
    }

    /// Begins a text message that is sent piece by piece. Waits for messages that were queued before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn stream_text(&self) -> Result<TextWriter> {
        Fragments::begin(self, MessageKind::Text).await.map(TextWriter)
    }
}

impl WebSocket {
    /// Begins a binary message that is sent piece by piece, like [`Sender::stream_binary`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn stream_binary(&self) -> Result<BinaryWriter> {
        self.sender().stream_binary().await
    }

    /// Begins a text message that is sent piece by piece, like [`Sender::stream_text`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn stream_text(&self) -> Result<TextWriter> {
        self.sender().stream_text().await
    }
}

impl BinaryWriter {
    /// Sends the next piece, of any length. Waits while more than
    /// [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the piece is not queued, and the message can continue.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn write(&mut self, piece: impl AsRef<[u8]>) -> Result<()> {
        self.0.send(piece.as_ref(), Last::No).await
    }

    /// Ends the message.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message counts as dropped before it was finished.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn finish(mut self) -> Result<()> {
        self.0.finish().await
    }
}

impl TextWriter {
    /// Sends the next piece, like [`BinaryWriter::write`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the piece is not queued, and the message can continue.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn write(&mut self, piece: impl AsRef<str>) -> Result<()> {
        self.0.send(piece.as_ref().as_bytes(), Last::No).await
    }

    /// Ends the message, like [`BinaryWriter::finish`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message counts as dropped before it was finished.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn finish(mut self) -> Result<()> {
        self.0.finish().await
    }
}

impl Fragments {
    async fn begin(sender: &Sender, kind: MessageKind) -> Result<Fragments> {
        // An empty first fragment marks the message as begun: from now on, the connection queues no other message.
        let first = |connection: &mut Connection| connection.queue_fragment(kind, &[], Last::No);
        sender.shared().when_there_is_room(Frames::Message, first, Write::Later).await?;
        Ok(Fragments { sender: sender.clone(), kind, stage: WriterState::Begun })
    }

    async fn send(&self, piece: &[u8], last: Last) -> Result<()> {
        let queue = |connection: &mut Connection| connection.queue_fragment(self.kind, piece, last);
        self.sender.shared().when_there_is_room(Frames::Within, queue, Write::Soon).await
    }

    async fn finish(&mut self) -> Result<()> {
        self.send(&[], Last::Yes).await?;
        self.stage = WriterState::Finished;
        Ok(())
    }
}

impl Drop for Fragments {
    fn drop(&mut self) {
        if self.stage == WriterState::Begun && self.sender.is_open() {
            let unfinished = CloseFrame::new(CloseCode::INTERNAL_ERROR, "a message was left unfinished");
            self.sender.shared().begin_close(unfinished.ok());
        }
    }
}
