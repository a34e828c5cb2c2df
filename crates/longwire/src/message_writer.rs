//! A message that is sent in pieces.

use longwire_proto::{CloseCode, CloseFrame, Last, MessageKind};

use crate::connection::Connection;
use crate::error::Result;
use crate::halves::Sender;
use crate::shared::state::{Frames, Write};
use crate::websocket::WebSocket;

/// A binary message that is sent piece by piece, so that it need not be in memory as a whole.
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
/// Each piece is a fragment of the message (RFC 6455 §5.4); they are not compressed. Until the message is finished, other
/// messages of the connection wait (`try_send` finds it full); pings and Close frames go between the pieces.
///
/// A message that has begun cannot be taken back: if it is dropped unfinished, the connection is closed with 1011, and
/// the peer discards what it got of the message.
#[derive(Debug)]
#[must_use = "dropped before it is finished, it closes the connection"]
pub struct BinaryWriter(Fragments);

/// A text message that is sent piece by piece, as a [`BinaryWriter`] sends a binary one.
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
#[must_use = "dropped before it is finished, it closes the connection"]
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
    /// Begins a binary message that is sent piece by piece, when it is its turn.
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

    /// Begins a text message that is sent piece by piece, when it is its turn.
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
    /// Begins a binary message that is sent piece by piece, as [`Sender::stream_binary`] does.
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

    /// Begins a text message that is sent piece by piece, as [`Sender::stream_text`] does.
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
    /// If the future is dropped before it is ready, the piece was not queued, and the message can go on.
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
    /// If the future is dropped before it is ready, the message was dropped unfinished.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn finish(mut self) -> Result<()> {
        self.0.finish().await
    }
}

impl TextWriter {
    /// Sends the next piece, as [`BinaryWriter::write`] does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the piece was not queued, and the message can go on.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn write(&mut self, piece: impl AsRef<str>) -> Result<()> {
        self.0.send(piece.as_ref().as_bytes(), Last::No).await
    }

    /// Ends the message, as [`BinaryWriter::finish`] does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was dropped unfinished.
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
        // The first fragment is empty: from when it is queued on, the connection knows that the message has begun.
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
