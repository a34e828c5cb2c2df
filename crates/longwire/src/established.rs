//! A connection whose opening handshake is done, before it is a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Uri};
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::Extension;
use longwire_proto::{Config, Protocol, Role};

/// What the opening handshake settled.
#[derive(Debug, Default)]
pub(crate) struct Negotiated {
    pub(crate) uri: Uri,
    pub(crate) subprotocol: Option<String>,
    /// The extensions that were agreed on, as the response names them.
    pub(crate) agreed: String,
    pub(crate) peer_addr: Option<SocketAddr>,
    /// The headers of the response that a client got; a server has its own in the request hook. Boxed, because a server's
    /// connections have room for them.
    pub(crate) response_headers: Option<Box<HeaderMap>>,
    /// What the application attached when it accepted the connection.
    pub(crate) attached: Extensions,
}

/// What an opening handshake has established, whoever did it and over whichever version of HTTP, for
/// [`WebSocket::established`](crate::WebSocket::established). What makes a handshake is in the crate `longwire-proto`.
///
/// ```
/// use std::sync::Arc;
///
/// use longwire_proto::handshake::{ClientHandshake, Offer};
/// use longwire::{Config, Established, Role, WebSocket};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // One stream of HTTP/2, on which a client asks by extended CONNECT (RFC 8441).
/// let (server, client) = tokio::io::duplex(1 << 10);
/// let asked = ClientHandshake::extended_connect(&"wss://example.com/chat".parse()?)?.subprotocols(["chat.v2"])?;
/// let (response, agreed) = Offer::read(&asked.request())?.accept(Some("chat.v2"), &[])?;
/// assert_eq!((response.status(), asked.verify(&response)?), (http::StatusCode::OK, agreed));
///
/// let established = |role| Established::new(role, Arc::new(Config::default())).subprotocol("chat.v2");
/// let mut server = WebSocket::established(server, established(Role::Server));
/// let mut client = WebSocket::established(client, established(Role::Client));
/// client.send("Hello").await?;
/// assert_eq!(server.recv().await?, Some("Hello".into()));
/// assert_eq!(server.subprotocol(), Some("chat.v2"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it is not a connection yet"]
pub struct Established {
    role: Role,
    config: Arc<Config>,
    pub(crate) deflate: Option<Agreement>,
    read_ahead: Vec<u8>,
    /// The response that has to be written before the first frame.
    preface: Vec<u8>,
    pub(crate) negotiated: Negotiated,
}

impl Established {
    /// A connection without a subprotocol and without extensions, of which nothing was read behind the handshake.
    pub fn new(role: Role, config: Arc<Config>) -> Established {
        let negotiated = Negotiated::default();
        Established { role, config, deflate: None, read_ahead: Vec::new(), preface: Vec::new(), negotiated }
    }

    /// How messages are compressed, if both ends agreed on it; at a client
    /// [`Deflate::confirm`](crate::Deflate::confirm) gives it, at a server [`Deflate::answer`](crate::Deflate::answer).
    pub fn deflate(mut self, agreement: impl Into<Option<Agreement>>) -> Established {
        self.deflate = agreement.into();
        self
    }

    /// The subprotocol that both ends agreed on, for [`WebSocket::subprotocol`](crate::WebSocket::subprotocol).
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Established {
        self.negotiated.subprotocol = Some(subprotocol.into());
        self
    }

    /// The extensions that both ends agreed on, for [`WebSocket::extensions`](crate::WebSocket::extensions). How messages
    /// are compressed, [`deflate`](Established::deflate) says.
    pub fn extensions(mut self, extensions: &[Extension]) -> Established {
        let names: Vec<_> = extensions.iter().map(Extension::to_string).collect();
        self.negotiated.agreed = names.join(", ");
        self
    }

    /// What was read from the transport behind the handshake: the peer's first frames.
    pub fn read_ahead(mut self, bytes: impl Into<Vec<u8>>) -> Established {
        self.read_ahead = bytes.into();
        self
    }

    /// The response that was not written yet: it shares a write with the first messages.
    #[cfg(feature = "server")]
    pub(crate) fn preface(mut self, response: Vec<u8>) -> Established {
        self.preface = response;
        self
    }

    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) fn negotiated(mut self, negotiated: Negotiated) -> Established {
        self.negotiated = negotiated;
        self
    }

    /// The connection's protocol, what was read and is to be parsed by it, and what the handshake settled.
    pub(crate) fn into_parts(self) -> (Protocol, Vec<u8>, Negotiated) {
        let protocol = Protocol::new(self.role, self.config).with_preface(&self.preface);
        let protocol = match &self.deflate {
            Some(agreement) => protocol.with_deflate(agreement),
            None => protocol,
        };
        (protocol, self.read_ahead, self.negotiated)
    }
}

/// The extensions that a response names.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn extensions_header(headers: &HeaderMap) -> String {
    let lines =
        headers.get_all(http::header::SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(", ")
}
