//! A client for threads and scripts without async.
//!
//! ```no_run
//! use longwire::blocking;
//!
//! fn main() -> longwire::Result<()> {
//!     let mut socket = blocking::connect("wss://example.com/socket")?;
//!     socket.send("Hello, Server!")?;
//!     for message in &mut socket {
//!         println!("{}", message?);
//!     }
//!     println!("{}", socket.closed()); // closed by peer: 1000 (normal closure)
//!     Ok(())
//! }
//! ```
//!
//! Each connection has a background thread with its own tokio runtime. The thread answers pings and keeps the
//! [keepalive](crate::Limits::keepalive) going while the program is busy, as long as at most 16 messages, or 1 MiB of
//! them, wait to be received. Beyond that, the connection is not read until a message is received. A Close frame is
//! answered when it arrives, even if messages before it still wait: they can be received, but not answered.
//!
//! Application code that runs on that thread, such as an [observer](Client::observer) or a custom transport, must not
//! panic. If it does, the connection is lost: `recv` returns `None`, and `send` and `close` fail with [`Error::Other`].
//!
//! Sent messages are written at once, or in the background. A program that exits neither waits for that nor closes its
//! connections; [`close`](WebSocket::close) does both.
//!
//! Every call that waits fails inside an async runtime, because it would block other tasks. That includes
//! `spawn_blocking`, which cannot be distinguished; use the async API and `Handle::block_on` there.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock, mpsc as std_mpsc};
use std::thread;
use std::time::Duration;

use http::HeaderMap;
use longwire_proto::{CloseCode, CloseFrame, Closed};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::halves;
use crate::message::{Message, Outgoing};
use crate::websocket;

/// How many messages are received in advance.
const READ_AHEAD: usize = 16;

/// How many bytes of messages are received in advance. A larger message waits until no other message does.
const READ_AHEAD_BYTES: u32 = 1 << 20;

/// Connects to a WebSocket server with the defaults of [`Client`].
///
/// # Errors
///
/// As for [`Client::connect`]; [`Error::Io`] if the system cannot start a thread; [`Error::Other`] inside an async
/// runtime.
pub fn connect(url: impl AsRef<str>) -> Result<WebSocket> {
    connect_with(&Client::new(), url)
}

/// Connects to a WebSocket server with the settings of `client`.
///
/// ```no_run
/// use longwire::{Client, Keepalive, blocking};
/// # use std::time::Duration;
///
/// # fn main() -> longwire::Result<()> {
/// let client = Client::new().keepalive(Keepalive::every(Duration::from_secs(20)));
/// let mut news = blocking::connect_with(&client, "wss://example.com/news")?;
/// let mut chat = blocking::connect_with(&client, "wss://example.com/chat")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As for [`connect`].
pub fn connect_with(client: &Client, url: impl AsRef<str>) -> Result<WebSocket> {
    outside_of_async()?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
    let handle = runtime.handle().clone();
    let (client, url) = (client.clone(), url.as_ref().to_owned());
    let (connected, outcome) = std_mpsc::channel();
    thread::Builder::new()
        .name("longwire".to_owned())
        .spawn(move || run(&runtime, &client, &url, &connected))
        .map_err(no_thread)?;
    let Connected { sender, messages, held, ended, opening } =
        outcome.recv().map_err(|_| thread_panicked())??;
    let sender = Sender { sender, background: Background { handle, held } };
    Ok(WebSocket { sender, messages, ended, opening })
}

/// One end of a WebSocket connection, for threads that may block.
///
/// It is also an iterator over the messages. When it and all of its [`Sender`]s are dropped while the connection is
/// open, the connection is closed with 1001 in the background.
///
/// ```no_run
/// # fn main() -> longwire::Result<()> {
/// let mut socket = longwire::blocking::connect("wss://example.com/socket")?;
/// socket.send("Hello")?;
/// println!("{:?}", socket.recv()?);
/// socket.close(1000, "")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    messages: mpsc::Receiver<Ahead>,
    ended: Arc<OnceLock<Closed>>,
    opening: Opening,
}

/// A message that was received in advance, with its permit for the room that it takes.
type Ahead = (Result<Message>, Option<OwnedSemaphorePermit>);

/// Sends on a connection, from any thread; cheap to clone.
///
/// ```no_run
/// # fn main() -> longwire::Result<()> {
/// let mut socket = longwire::blocking::connect("wss://example.com/socket")?;
/// let sender = socket.sender();
/// std::thread::spawn(move || sender.send("from another thread"));
/// for message in &mut socket {
///     println!("{}", message?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sender {
    sender: halves::Sender,
    background: Background,
}

/// A handle to the thread of a connection. The thread ends when the last handle is dropped.
#[derive(Clone)]
struct Background {
    handle: Handle,
    held: mpsc::Sender<Nothing>,
}

/// No value of this type exists: the channel only shows whether its other end is still there.
enum Nothing {}

/// What the thread of a connection returns to the connecting thread.
struct Connected {
    sender: halves::Sender,
    messages: mpsc::Receiver<Ahead>,
    held: mpsc::Sender<Nothing>,
    ended: Arc<OnceLock<Closed>>,
    opening: Opening,
}

/// The results of the opening handshake.
#[derive(Debug)]
struct Opening {
    subprotocol: Option<String>,
    extensions: String,
    response_headers: HeaderMap,
}

impl WebSocket {
    /// Waits for the next message. `None` means that the connection has ended; [`closed`](WebSocket::closed) says how.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol, or the transport failed. The error is returned once; later calls return `None`. A
    /// peer that only vanished is not an error. [`Error::Other`] inside an async runtime.
    pub fn recv(&mut self) -> Result<Option<Message>> {
        self.sender.background.wait(self.messages.recv())?.map(|(received, _room)| received).transpose()
    }

    /// Waits for the next message like [`recv`](WebSocket::recv), but no longer than `time`. A timeout loses nothing.
    ///
    /// # Errors
    ///
    /// As for [`recv`](WebSocket::recv), and [`Error::Timeout`] after `time`.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<Option<Message>> {
        let messages = &mut self.messages;
        let received = self.sender.background.wait(async { timeout(time, messages.recv()).await })?;
        let received = received.map_err(|_| Error::timeout("receive a message", time))?;
        received.map(|(received, _room)| received).transpose()
    }

    /// Sends a message. It is queued, and written as soon as the transport takes it. Waits while more than
    /// [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended; [`Error::Other`] inside an async runtime.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.send(message)
    }

    /// Sends a ping, waits for its pong, and returns the round-trip time, measured from the moment the ping was
    /// written. Messages that arrive in the meantime are kept for `recv`, as far as there is room for them.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing, or ends before the pong arrives; [`Error::Other`] inside an
    /// async runtime.
    pub fn ping(&mut self) -> Result<Duration> {
        self.sender.ping()
    }

    /// Closes the connection: sends the queued messages and a Close frame, discards what still arrives, and waits for
    /// the peer's Close frame and the end of the transport, at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time). Calling it again is harmless.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes. The connection then stays
    /// open. [`Error::Other`] inside an async runtime.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        let WebSocket { sender, messages, ended, .. } = self;
        let code = code.into();
        sender.background.wait(async {
            sender.sender.shared().begin_close(Some(CloseFrame::new(code, reason)?));
            // Messages that are not taken would block the ones behind them.
            while messages.recv().await.is_some() {}
            ended.get().cloned().ok_or_else(thread_panicked)
        })?
    }

    /// How the connection ended. While it is open: how it would end if the transport vanished now (1006, closed by
    /// neither end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.ended.get().cloned().unwrap_or_else(Closed::lost)
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// Creates another sender, for other threads.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The subprotocol that both ends agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.opening.subprotocol.as_deref()
    }

    /// The extensions that both ends agreed on, as the server's response lists them. Empty without extensions.
    #[must_use]
    pub fn extensions(&self) -> &str {
        &self.opening.extensions
    }

    /// The headers of the server's response.
    #[must_use]
    pub fn response_headers(&self) -> &HeaderMap {
        &self.opening.response_headers
    }
}

/// The iterator ends with the connection.
impl Iterator for WebSocket {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Result<Message>> {
        self.recv().transpose()
    }
}

impl Sender {
    /// Sends a message, like [`WebSocket::send`].
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended; [`Error::Other`] inside an async runtime.
    pub fn send(&self, message: impl Into<Outgoing>) -> Result<()> {
        if self.background.has_panicked() {
            return Err(thread_panicked());
        }
        self.background.wait(self.sender.send(message))?
    }

    /// Sends a ping and waits for its pong, like [`WebSocket::ping`].
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing, or ends before the pong arrives; [`Error::Other`] inside an
    /// async runtime.
    pub fn ping(&self) -> Result<Duration> {
        if self.background.has_panicked() {
            return Err(thread_panicked());
        }
        self.background.wait(self.sender.ping())?
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open() && !self.background.has_panicked()
    }
}

impl Background {
    /// Waits on the caller's thread while the thread of the connection drives the runtime.
    fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        outside_of_async()?;
        self.handle.block_on(async {
            tokio::select! {
                biased;
                outcome = future => Ok(outcome),
                // Without the thread, nothing drives the future.
                () = self.held.closed() => Err(thread_panicked()),
            }
        })
    }

    /// Whether the thread has ended. While this handle exists, only a panic can end it.
    fn has_panicked(&self) -> bool {
        self.held.is_closed()
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

fn outside_of_async() -> Result<()> {
    match Handle::try_current() {
        Err(_) => Ok(()),
        Ok(_) => Err(Error::other(
            "longwire::blocking was called inside an async runtime, which must not block: use longwire::connect there",
        )),
    }
}

fn thread_panicked() -> Error {
    Error::other("the thread of the connection has panicked")
}

fn no_thread(error: io::Error) -> Error {
    Error::io("start a thread for the connection", error)
}

/// Runs the thread of a connection.
fn run(runtime: &Runtime, client: &Client, url: &str, connected: &std_mpsc::Sender<Result<Connected>>) {
    runtime.block_on(async {
        let mut socket = match client.connect(url).await {
            Ok(socket) => socket,
            Err(error) => {
                let _gone = connected.send(Err(error));
                return;
            }
        };
        let (deliver, messages) = mpsc::channel(READ_AHEAD);
        let (held, mut holders) = mpsc::channel(1);
        let ended = Arc::new(OnceLock::new());
        let opening = Opening {
            subprotocol: socket.subprotocol().map(str::to_owned),
            extensions: socket.extensions().to_owned(),
            response_headers: socket.response_headers().clone(),
        };
        let sender = socket.sender();
        let connection = Connected { sender, messages, held, ended: Arc::clone(&ended), opening };
        let _gone = connected.send(Ok(connection));
        tokio::select! {
            () = receive(&mut socket, deliver, &ended) => {
                // The remaining handles of the connection wait on this runtime.
                let _nobody = holders.recv().await;
            }
            _ = holders.recv() => {
                let _closed = socket.close(CloseCode::GOING_AWAY, "").await;
            }
        }
    });
}

/// Receives until the connection ends. Messages that no handle receives are discarded, so that senders can go on.
async fn receive(socket: &mut websocket::WebSocket, deliver: mpsc::Sender<Ahead>, ended: &OnceLock<Closed>) {
    let room = Arc::new(Semaphore::new(READ_AHEAD_BYTES as usize));
    loop {
        let received = match socket.recv().await {
            Ok(Some(message)) => Ok(message),
            Err(error) => Err(error),
            Ok(None) => break,
        };
        let bytes = received.as_ref().map_or(0, Message::len);
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(READ_AHEAD_BYTES);
        // The semaphore is never closed. Discarded messages return their permits.
        let permit = Arc::clone(&room).acquire_many_owned(wanted).await.ok();
        let _nobody = deliver.send((received, permit)).await;
    }
    let _first = ended.set(socket.closed());
}
