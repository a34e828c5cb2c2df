//! How a client connects to a stage.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Uri};
use longwire_proto::handshake::ClientHandshake;

use super::client::StageClient;
use super::client_end::ClientEnd;
use super::handle::Stage;
use super::stage_loop::Until;
use crate::error::{Error, HandshakeError, InvalidSetting, Result, header};

/// How long a request waits for the response, in real time.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The default address of clients.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

/// The request with which a client connects to a [`Stage`].
///
/// ```
/// use longwire::{Handler, Stage};
///
/// fn lets_friends_in(chat: impl Handler) -> longwire::Result<()> {
///     let mut stage = Stage::builder(chat).origins(["https://example.com"]).subprotocols(["chat.v2"]).start()?;
///     let ann = stage
///         .request("/chat?name=ann")
///         .origin("https://example.com")
///         .header("cookie", "session=1234")
///         .subprotocols(["chat.v1", "chat.v2"])
///         .connect()?;
///     assert_eq!(ann.subprotocol(), Some("chat.v2"));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a client connects when `connect` is called"]
pub struct StageRequest<'a> {
    stage: &'a Stage,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    subprotocols: Vec<String>,
    peer_addr: SocketAddr,
    /// The last header that could not be parsed.
    invalid: Option<InvalidSetting>,
}

impl Stage {
    /// A client's request for this path, which may have a query. The `Host` is `localhost`. The client's address is
    /// `127.0.0.1:40000` by default.
    pub fn request(&mut self, path: &str) -> StageRequest<'_> {
        StageRequest {
            stage: self,
            path: path.to_owned(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            peer_addr: CLIENT,
            invalid: None,
        }
    }
}

impl StageRequest<'_> {
    /// Adds a header. If it is invalid, [`connect`](StageRequest::connect) fails.
    pub fn header<V: TryInto<HeaderValue>>(mut self, name: &str, value: V) -> Self {
        match header("StageRequest::header", name, value) {
            Ok(header) => self.headers.push(header),
            Err(invalid) => self.invalid = Some(invalid),
        }
        self
    }

    /// Sets the origin of the page that a browser connects from, such as `https://example.com`.
    pub fn origin(self, origin: &str) -> Self {
        self.header(ORIGIN.as_str(), origin)
    }

    /// Adds subprotocols that the client offers, the preferred one first.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols.extend(subprotocols.into_iter().map(Into::into));
        self
    }

    /// Sets the address of the client.
    pub fn peer_addr(mut self, address: SocketAddr) -> Self {
        self.peer_addr = address;
        self
    }

    /// Connects. If [`Handler::on_upgrade`](crate::Handler::on_upgrade) waits for a task or another thread, this waits with
    /// it, in real time and at most 5 s; the time of the stage does not move.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the handler or the server refuses. [`Error::Timeout`] if the handler has not decided in
    /// time. [`Error::Setting`] if a header is invalid, [`Error::Handshake`] if a client may not set a subprotocol or a
    /// header like this, [`Error::Other`] if the path is not a request target.
    pub fn connect(self) -> Result<StageClient> {
        let client = ClientEnd::new(self.handshake()?);
        let shared = self.stage.shared.clone();
        let mut driver = shared.driver();
        let number = driver.connect(client, Some(self.peer_addr));
        driver.wait(ANSWER_TIME, Until::Opened(number));
        let opened = driver.client(number).and_then(ClientEnd::opened);
        let opened = opened.unwrap_or_else(|| {
            Err(Error::Timeout {
                doing: format!("open a WebSocket at {}", self.path).into(),
                after: ANSWER_TIME,
            })
        });
        if opened.is_err() {
            driver.lose(number);
        }
        drop(driver);
        Ok(StageClient::new(shared, number, opened?))
    }

    fn handshake(&self) -> Result<ClientHandshake> {
        if let Some(invalid) = &self.invalid {
            return Err(invalid.clone().into());
        }
        let target = Uri::try_from(self.path.as_str()).map_err(Error::other)?;
        let request = |error| Error::from(HandshakeError::Request(error));
        let mut handshake = ClientHandshake::new(HeaderValue::from_static("localhost"), &target)
            .subprotocols(self.subprotocols.iter().map(String::as_str))
            .map_err(request)?;
        for (name, value) in &self.headers {
            handshake = handshake.header(name.clone(), value.clone()).map_err(request)?;
        }
        Ok(handshake)
    }
}
