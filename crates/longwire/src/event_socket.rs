//! A client that is shaped like the browser's `WebSocket`.
//!
//! ```no_run
//! use longwire::EventSocket;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> longwire::Result<()> {
//! let socket = EventSocket::new("ws://example.com/socket", |socket| {
//!     socket.on_open(|socket| { println!("connected"); socket.send("Hello, Server!").or_drop(); });
//!     socket.on_message(|_, event| println!("message from server: {}", event.data()));
//!     socket.on_close(|_, event| println!("closed: {} {}", event.code(), event.reason()));
//!     socket.on_error(|_, error| eprintln!("error: {error}"));
//! })?;
//! # socket.ended().await;
//! # Ok(())
//! # }
//! ```
//!
//! More than one listener for a kind of event is added, and removed, as in the browser:
//!
//! ```no_run
//! use longwire::EventSocket;
//! use longwire::event_socket::{Event, EventKind};
//!
//! # fn listen(socket: &EventSocket) {
//! let counting = socket.add_event_listener(EventKind::Message, |_, event| {
//!     if let Event::Message(message) = event {
//!         println!("{} bytes", message.data().len());
//!     }
//! });
//! socket.remove_event_listener(counting);
//! # }
//! ```
//!
//! What happens when, and in which order, is what the [WHATWG WebSockets Standard](https://websockets.spec.whatwg.org)
//! says (`docs/whatwg.md` in the repository has the tests of each of its paragraphs):
//!
//! - `open` is told once, or not at all. `message` is told only while the socket is open. `close` is told once, as the
//!   last, and right behind `error` if the connection failed: it could not be opened, was lost, or was closed before it
//!   was open. The code is 1006 in all of these cases.
//! - `send` never waits. `buffered_amount` tells what waits to be written; with more than
//!   [`set_max_buffered_amount`](EventSocket::set_max_buffered_amount) allows, the connection fails.
//! - A socket that nobody holds lives on while it has listeners; after `close` they are dropped. It goes with its runtime, as
//!   one of a page does with the document: its connection is closed with 1001, and nobody is told.
//!
//! # Where listeners run
//!
//! On a task of its own, which [`new`](EventSocket::new) spawns on the tokio runtime that it is called in, one after the
//! other. A listener that takes long keeps that task (and its thread of the runtime) from everything else: what takes long
//! belongs in `spawn` or `spawn_blocking`. A listener may call everything on the socket it is given. One that panics is
//! reported (the panic hook, and an event of `tracing`); the other listeners, and the socket, go on. What the application
//! connects by, and its transport, run there too: if they panic, the connection fails.
//!
//! The closure that the constructors take adds listeners before anything happens, so these miss no event, on every
//! runtime. A listener that is added later hears of what happens from then on.
//!
//! # What is different
//!
//! - Errors say what went wrong. A browser must not tell, since a page could explore the network of its reader by it.
//! - What is an exception there is an error here: [`Error::Url`] and
//!   [`Error::Handshake`] for `SyntaxError`, [`Error::Close`] for those of
//!   `close`, [`SendStatus::Connecting`](crate::SendStatus::Connecting) for that of `send`.
//! - There is no `binaryType`: it chooses between two types that binary data can have there, and there is one here.
//! - The first listeners are added by a closure of the constructor. A page adds them after `new`: its thread runs no event
//!   before the script has returned, and a runtime of several threads gives no such promise.
//! - A URL cannot be relative: there is no page that it could be relative to.

mod event;
mod listeners;
mod outbox;
mod run;
mod socket;
mod state;

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use crate::client::Client;
use crate::client::url::{Scheme, Url};
use crate::error::{Error, Result, UrlError};
use run::{ConnectFuture, Running, panicked, run};

pub use event::{CloseEvent, Event, EventKind, MessageEvent};
pub use listeners::ListenerId;
pub use socket::EventSocket;
pub use state::ReadyState;

impl EventSocket {
    /// Begins to connect to a URL that begins with `ws://`, `wss://`, `http://` or `https://`. `add_listeners` is called
    /// before anything happens.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is not a WebSocket URL. One with a fragment (`#…`) is not.
    /// - [`Error::Other`]: this is not called inside of a tokio runtime.
    ///
    /// `add_listeners` is not called then. Every later failure is an event.
    pub fn new(url: impl AsRef<str>, add_listeners: impl FnOnce(&EventSocket)) -> Result<EventSocket> {
        EventSocket::with_protocols(url, &[], add_listeners)
    }

    /// Begins to connect, and asks for one of these subprotocols, the preferred one first. The connection fails unless
    /// the server chooses one of them.
    ///
    /// # Errors
    ///
    /// As for [`new`](EventSocket::new), and [`Error::Handshake`] if a subprotocol is named twice or is no token
    /// (RFC 6455 §4.1).
    pub fn with_protocols(
        url: impl AsRef<str>,
        protocols: &[&str],
        add_listeners: impl FnOnce(&EventSocket),
    ) -> Result<EventSocket> {
        EventSocket::from_client(&Client::new(), url, protocols, add_listeners)
    }

    /// Begins to connect as `client` is set up to: with its headers, limits, TLS. The subprotocols take the place of those
    /// of [`Client::subprotocols`], unless there are none; with those of the client the connection opens even if the
    /// server chooses none of them, as RFC 6455 has it.
    ///
    /// ```no_run
    /// use longwire::{Client, EventSocket, Limits};
    ///
    /// # async fn chat() -> longwire::Result<()> {
    /// let client = Client::new().limits(Limits::default().message(4 << 20));
    /// let socket = EventSocket::from_client(&client, "wss://example.com/chat", &["chat.v2"], |socket| {
    ///     socket.on_message(|_, event| println!("{}", event.data()));
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`with_protocols`](EventSocket::with_protocols), and [`Error::Handshake`] or [`Error::Setting`] if the client
    /// has a header that cannot be sent, or another setting that is impossible.
    pub fn from_client(
        client: &Client,
        url: impl AsRef<str>,
        protocols: &[&str],
        add_listeners: impl FnOnce(&EventSocket),
    ) -> Result<EventSocket> {
        let runtime = Handle::try_current().map_err(|_| {
            Error::other("an EventSocket needs a tokio runtime to run on, and it is made outside of one")
        })?;
        let url = url.as_ref();
        let connecting = begin(connect(client, url, protocols))?;
        let url = websocket_url(url)?;
        let socket = EventSocket::to(url.to_string(), format!("{}://{}", url.scheme.name(), url.authority()));
        add_listeners(&socket);
        runtime.spawn(run(Running(Arc::clone(socket.shared())), connecting));
        Ok(socket)
    }
}

fn connect(client: &Client, url: &str, protocols: &[&str]) -> ConnectFuture {
    let asked_for_some = !protocols.is_empty();
    let client = match asked_for_some {
        true => client.clone().subprotocols(protocols.iter().copied()),
        false => client.clone(),
    };
    let url = url.to_owned();
    Box::pin(async move {
        let socket = client.connect(url).await?;
        // WHATWG WebSockets, "Opening handshake": who asks for subprotocols does not do without.
        if asked_for_some && socket.subprotocol().is_none() {
            return Err(Error::other("the server chose none of the subprotocols that it was asked for"));
        }
        Ok(socket)
    })
}

/// Begins to connect. [`Client::connect`] finds mistakes of the caller before it waits for anything, so they are known
/// here already; what else may fail at once, or panic, is told later.
fn begin(mut connecting: ConnectFuture) -> Result<ConnectFuture> {
    let mut cx = Context::from_waker(Waker::noop());
    match catch_unwind(AssertUnwindSafe(|| connecting.as_mut().poll(&mut cx))) {
        Ok(Poll::Ready(Err(mistake @ (Error::Url(_) | Error::Handshake(_) | Error::Setting(_))))) => {
            Err(mistake)
        }
        Ok(Poll::Ready(outcome)) => Ok(Box::pin(ready(outcome))),
        Ok(Poll::Pending) => Ok(connecting),
        Err(payload) => Ok(Box::pin(ready(Err(panicked(&*payload))))),
    }
}

/// The URL as the standard's `url` shows it.
fn websocket_url(text: &str) -> Result<Url, UrlError> {
    let mut url = Url::parse(text)
        .map_err(|error| UrlError::Invalid { url: text.to_owned(), reason: error.to_string() })?;
    url.scheme = match url.scheme {
        Scheme::Http | Scheme::Ws => Scheme::Ws,
        _ => Scheme::Wss,
    };
    Ok(url)
}
