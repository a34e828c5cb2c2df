//! A client with the interface of the browser's `WebSocket`.
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
//! As in the browser, you can add several listeners for a kind of event, and remove them:
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
//! Events and their order follow the [WHATWG WebSockets Standard](https://websockets.spec.whatwg.org) (`docs/whatwg.md`
//! in the repository lists the tests of each paragraph):
//!
//! - `open` occurs at most once. `message` occurs only while the socket is open. `close` occurs once, as the last
//!   event. It directly follows `error` if the connection failed: it could not be opened, was lost, or was closed
//!   before it was open. The code is 1006 in all of these cases.
//! - `send` never waits. `buffered_amount` returns how much waits to be written; if it exceeds
//!   [`set_max_buffered_amount`](EventSocket::set_max_buffered_amount), the connection fails.
//! - A socket without handles stays alive while it has listeners; after `close` its listeners are dropped. A socket
//!   ends with its runtime, as a page's socket ends with its document: the connection is closed with 1001, and no event
//!   occurs.
//!
//! # Where listeners run
//!
//! [`new`](EventSocket::new) spawns a task on the current tokio runtime, and this task calls the listeners one after
//! the other. A slow listener blocks that task (and its runtime thread); move slow work to `spawn` or `spawn_blocking`.
//! A listener may call every method of the socket that it receives. A panic in a listener is reported by the panic hook
//! and as a `tracing` event; the other listeners and the socket continue. The application's resolver, connector and
//! transport run on the task, too: if one of them panics, the connection fails.
//!
//! The constructors take a closure that adds listeners before anything happens. These listeners miss no event, on any
//! runtime. A listener that is added later receives only later events.
//!
//! # Differences from the browser
//!
//! - Errors contain their cause. A browser must hide it, because a page could use it to explore the user's network.
//! - Exceptions are errors: [`Error::Url`] and [`Error::Handshake`] instead of `SyntaxError`, [`Error::Close`] instead
//!   of the exceptions of `close`, [`SendStatus::Connecting`](crate::SendStatus::Connecting) instead of that of `send`.
//! - There is no `binaryType`: it selects one of a browser's two types for binary data, but here there is only one.
//! - A closure of the constructor adds the first listeners. A page can add them after `new`, because its thread runs no
//!   event before the script returns; a runtime with several threads does not guarantee that.
//! - URLs cannot be relative, because there is no page.

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
    /// Starts connecting to a URL that begins with `ws://`, `wss://`, `http://` or `https://`. Calls `add_listeners`
    /// before anything happens.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is not a WebSocket URL, or it has a fragment (`#…`).
    /// - [`Error::Other`]: called outside of a tokio runtime.
    ///
    /// In these cases `add_listeners` is not called. Every later failure is an event.
    pub fn new(url: impl AsRef<str>, add_listeners: impl FnOnce(&EventSocket)) -> Result<EventSocket> {
        EventSocket::with_protocols(url, &[], add_listeners)
    }

    /// Starts connecting and offers these subprotocols, the preferred one first. The connection fails unless the server
    /// chooses one of them.
    ///
    /// # Errors
    ///
    /// As for [`new`](EventSocket::new), and [`Error::Handshake`] if a subprotocol is repeated or is not a token (RFC
    /// 6455 §4.1).
    pub fn with_protocols(
        url: impl AsRef<str>,
        protocols: &[&str],
        add_listeners: impl FnOnce(&EventSocket),
    ) -> Result<EventSocket> {
        EventSocket::from_client(&Client::new(), url, protocols, add_listeners)
    }

    /// Starts connecting with the settings of `client`, such as its headers, limits and TLS. `protocols`, if not empty,
    /// replaces [`Client::subprotocols`]. With the client's own subprotocols, the connection opens even if the server
    /// chooses none of them, as in RFC 6455.
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
    /// As for [`with_protocols`](EventSocket::with_protocols), and [`Error::Handshake`] or [`Error::Setting`] if the
    /// client has an invalid header or another invalid setting.
    pub fn from_client(
        client: &Client,
        url: impl AsRef<str>,
        protocols: &[&str],
        add_listeners: impl FnOnce(&EventSocket),
    ) -> Result<EventSocket> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::other("an EventSocket must be created inside a tokio runtime"))?;
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
        // WHATWG WebSockets, "Opening handshake": if the client requests subprotocols, the server must choose one.
        if asked_for_some && socket.subprotocol().is_none() {
            return Err(Error::other("the server chose none of the requested subprotocols"));
        }
        Ok(socket)
    })
}

/// Starts connecting. [`Client::connect`] reports invalid arguments before it waits for anything, so polling once finds
/// them. Any other immediate failure or panic becomes an event.
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

/// The URL in the form of the standard's attribute `url`.
fn websocket_url(text: &str) -> Result<Url, UrlError> {
    let mut url = Url::parse(text)
        .map_err(|error| UrlError::Invalid { url: text.to_owned(), reason: error.to_string() })?;
    url.scheme = match url.scheme {
        Scheme::Http | Scheme::Ws => Scheme::Ws,
        _ => Scheme::Wss,
    };
    Ok(url)
}
