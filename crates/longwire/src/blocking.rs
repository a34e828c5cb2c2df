//! The client for threads and scripts without async.
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
//! Each connection has a thread in the background, with a tokio runtime of its own. So pings are answered and the
//! [keepalive](crate::Limits::keepalive) goes on while the program is busy with something else, as long as no more than 16
//! messages, or 1 MiB of them, wait to be received: then the connection is not read from until one is.
//!
//! What the application has run on that thread, such as an [observer](Client::observer) or a transport of its own, must not
//! panic: the connection is gone then, `recv` gives `None`, and `send` and `close` fail with [`Error::Other`].
//!
//! What is sent is written at once, or in the background. A program that ends does not wait for it, nor does it close its
//! connections: [`close`](WebSocket::close) does both.
//!
//! Everything that waits fails when it is called inside of an async runtime, where it would keep other tasks from going
//! on. That includes `spawn_blocking`, which cannot be told apart: the async API and `Handle::block_on` do there.

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

/// How many messages are received before they are asked for.
const READ_AHEAD: usize = 16;

/// How many bytes of them; one that is larger waits until there is no other.
const READ_AHEAD_BYTES: u32 = 1 << 20;

/// Connects to a WebSocket server with the defaults of [`Client`].
///
/// # Errors
///
/// As for [`Client::connect`]; [`Error::Io`] if the system has no thread to give; [`Error::Other`] inside of an async
/// runtime.
pub fn connect(url: impl AsRef<str>) -> Result<WebSocket> {
    connect_with(&Client::new(), url)
}

/// Connects to a WebSocket server as `client` is set up to.
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

/// One end of a WebSocket connection, for a thread that may wait.
///
/// It is also an iterator over the messages. When it and all of its [`Sender`]s are dropped while it is open, the
/// connection is closed with 1001 in the background.
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

/// What was received before it was asked for, with the room that it takes.
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

/// The thread of a connection, which ends when nobody holds this any more.
#[derive(Clone)]
struct Background {
    handle: Handle,
    held: mpsc::Sender<Nothing>,
}

/// What is never sent: only whether somebody could is of interest.
enum Nothing {}

/// What the thread of a connection tells whoever connects.
struct Connected {
    sender: halves::Sender,
    messages: mpsc::Receiver<Ahead>,
    held: mpsc::Sender<Nothing>,
    ended: Arc<OnceLock<Closed>>,
    opening: Opening,
}

/// What the opening handshake settled.
#[derive(Debug)]
struct Opening {
    subprotocol: Option<String>,
    extensions: String,
    response_headers: HeaderMap,
}

impl WebSocket {
    /// Waits for the next message. `None`: the connection has ended, as [`closed`](WebSocket::closed) tells.
    ///
    /// # Errors
    ///
    /// Something went wrong: the peer broke the protocol, or the transport failed. It is told once; what follows is
    /// `None`. A peer that only vanished is no error. [`Error::Other`] inside of an async runtime.
    pub fn recv(&mut self) -> Result<Option<Message>> {
        self.sender.background.wait(self.messages.recv())?.map(|(received, _room)| received).transpose()
    }

    /// Waits for the next message as [`recv`](WebSocket::recv) does, but no longer than `time`. Nothing is lost by it.
    ///
    /// # Errors
    ///
    /// As for [`recv`](WebSocket::recv), and [`Error::Timeout`] when the time has passed.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<Option<Message>> {
        let messages = &mut self.messages;
        let received = self.sender.background.wait(async { timeout(time, messages.recv()).await })?;
        let received = received.map_err(|_| Error::timeout("receive a message", time))?;
        received.map(|(received, _room)| received).transpose()
    }

    /// Sends a message: it is queued and written as soon as the transport takes it. Waits while more than
    /// [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended; [`Error::Other`] inside of an async runtime.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.send(message)
    }

    /// Sends a ping and waits for its pong: how long the round trip took, from when the ping was written. Messages that
    /// arrive meanwhile wait to be received, as far as there is room for them.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing, or ends before the pong has come; [`Error::Other`] inside of an async
    /// runtime.
    pub fn ping(&mut self) -> Result<Duration> {
        self.sender.ping()
    }

    /// Closes the connection: sends what is queued and a Close frame, discards what still arrives, and waits for the
    /// peer's answer and the end of the transport, at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time). To call it again does no harm.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes; nothing happens then.
    /// [`Error::Other`] inside of an async runtime.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        let WebSocket { sender, messages, ended, .. } = self;
        let code = code.into();
        sender.background.wait(async {
            sender.sender.shared().begin_close(Some(CloseFrame::new(code, reason)?));
            // What is not taken keeps what comes behind it from being read.
            while messages.recv().await.is_some() {}
            ended.get().cloned().ok_or_else(thread_panicked)
        })?
    }

    /// How the connection ended; before that, how it would end if the transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.ended.get().cloned().unwrap_or_else(Closed::lost)
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// A further sender, for other threads.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The subprotocol that both ends agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.opening.subprotocol.as_deref()
    }

    /// The extensions that both ends agreed on, as the server's response names them; empty if there are none.
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

/// The messages; it ends with the connection.
impl Iterator for WebSocket {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Result<Message>> {
        self.recv().transpose()
    }
}

impl Sender {
    /// Sends a message, as [`WebSocket::send`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended; [`Error::Other`] inside of an async runtime.
    pub fn send(&self, message: impl Into<Outgoing>) -> Result<()> {
        if self.background.has_panicked() {
            return Err(thread_panicked());
        }
        self.background.wait(self.sender.send(message))?
    }

    /// Sends a ping and waits for its pong, as [`WebSocket::ping`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing, or ends before the pong has come; [`Error::Other`] inside of an async
    /// runtime.
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
    /// Waits on the caller's thread; the thread of the connection turns the runtime meanwhile.
    fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        outside_of_async()?;
        self.handle.block_on(async {
            tokio::select! {
                biased;
                outcome = future => Ok(outcome),
                // Nothing goes on without the thread.
                () = self.held.closed() => Err(thread_panicked()),
            }
        })
    }

    /// Whether the thread is gone: while this is held, it ends only in a panic.
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
            "longwire::blocking is called inside of an async runtime, where nothing may wait: use longwire::connect there",
        )),
    }
}

fn thread_panicked() -> Error {
    Error::other("the thread of the connection has panicked")
}

fn no_thread(error: io::Error) -> Error {
    Error::io("start a thread for the connection", error)
}

/// The thread of a connection.
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
                // Whoever still holds the connection needs the runtime to wait on.
                let _nobody = holders.recv().await;
            }
            _ = holders.recv() => {
                let _closed = socket.close(CloseCode::GOING_AWAY, "").await;
            }
        }
    });
}

/// Receives until the connection ends. Messages that nobody takes are discarded, for the sake of those who send.
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
        // It is never closed, and gives back what nobody takes any more.
        let permit = Arc::clone(&room).acquire_many_owned(wanted).await.ok();
        let _nobody = deliver.send((received, permit)).await;
    }
    let _first = ended.set(socket.closed());
}
