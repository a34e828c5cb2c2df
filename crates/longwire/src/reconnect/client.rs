//! A client that reconnects.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::attempts::Attempts;
use super::halves::halves;
use super::policy::Reconnect;
use super::send_path::SendPath;
use super::socket::ReconnectingSocket;
use super::state::State;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::websocket::WebSocket;

impl Client {
    /// Creates connections that are reopened when they break; see [`reconnect`](super).
    ///
    /// ```
    /// # async fn follow() -> longwire::Result<()> {
    /// use longwire::{Client, Reconnect};
    ///
    /// let mut socket = Client::new().reconnecting(Reconnect::default()).connect("wss://example.com/feed")?;
    /// while let Some(message) = socket.recv().await? {
    ///     println!("{message}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn reconnecting(self, policy: Reconnect) -> ReconnectingClient {
        ReconnectingClient { client: self, policy, on_open: None }
    }
}

type Preparation = Pin<Box<dyn Future<Output = Result<WebSocket>> + Send>>;

/// How to connect and reconnect: a [`Client`] with a [`Reconnect`] policy.
///
/// ```no_run
/// use longwire::{Client, Reconnect, WebSocket};
///
/// # async fn follow() -> longwire::Result<()> {
/// let client = Client::new().reconnecting(Reconnect::default()).on_open(async |mut socket: WebSocket| {
///     socket.send("subscribe news").await?;
///     Ok(socket)
/// });
/// let mut socket = client.connect("wss://example.com/feed")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReconnectingClient {
    client: Client,
    policy: Reconnect,
    on_open: Option<Arc<dyn Fn(WebSocket) -> Preparation + Send + Sync>>,
}

impl ReconnectingClient {
    /// Prepares every new connection, including the first, before anything else is sent or received on it: for example,
    /// to log in and subscribe. `prepare` receives the connection and returns it.
    ///
    /// If `prepare` fails or takes longer than [`Reconnect::open_time`], the attempt counts as failed. It is the last
    /// one if `prepare` returns [`Error::Closed`] with one of [`Reconnect::final_codes`], either because the server
    /// closed the connection during a `send`, or because `prepare` closed it:
    ///
    /// ```
    /// use longwire::{Client, CloseCode, Error, Reconnect, WebSocket};
    ///
    /// let client = Client::new().reconnecting(Reconnect::default()).on_open(async |mut socket: WebSocket| {
    ///     socket.send("token 1234").await?;
    ///     match socket.recv().await? {
    ///         Some(answer) if answer.as_text() == Some("welcome") => Ok(socket),
    ///         Some(_unwelcome) => Err(Error::Closed(Box::new(socket.close(CloseCode::NORMAL, "").await?))),
    ///         None => Err(Error::Closed(Box::new(socket.closed()))),
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_open<F, Fut>(mut self, prepare: F) -> ReconnectingClient
    where
        F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<WebSocket>> + Send + 'static,
    {
        self.on_open = Some(Arc::new(move |socket| Box::pin(prepare(socket))));
        self
    }

    /// Creates a socket whose connections go to `url`, as for [`Client::connect`]. This call does not wait:
    /// [`recv`](ReconnectingSocket::recv) opens the first connection, like all later ones. Messages that are sent
    /// before that are treated as sent without a connection.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is not a WebSocket URL.
    /// - [`Error::Setting`]: a setting of the client or of [`Reconnect`] is invalid.
    /// - [`Error::Handshake`]: the request cannot be built.
    pub fn connect(&self, url: impl AsRef<str>) -> Result<ReconnectingSocket> {
        let url: Arc<str> = url.as_ref().into();
        self.policy.check()?;
        self.client.check(&url)?;
        let send_path = Arc::new(SendPath::new(self.policy.clone(), State::Connecting { attempt: 1 }));
        let client = self.clone();
        let attempt = move || -> Preparation {
            let (client, url) = (client.clone(), Arc::clone(&url));
            Box::pin(async move { client.attempt(&url).await })
        };
        let attempts = Attempts::new(Arc::clone(&send_path), Box::new(attempt));
        Ok(ReconnectingSocket::new(halves(send_path, attempts, Handle::current())))
    }

    async fn attempt(&self, url: &str) -> Result<WebSocket> {
        let socket = self.client.connect(url).await?;
        let Some(prepare) = &self.on_open else { return Ok(socket) };
        let limit = self.policy.open_time;
        timeout(limit, prepare(socket))
            .await
            .unwrap_or_else(|_| Err(Error::timeout("prepare the connection", limit)))
    }
}

impl fmt::Debug for ReconnectingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingClient")
            .field("client", &self.client)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
