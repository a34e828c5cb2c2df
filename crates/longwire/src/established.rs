//! The result of an opening handshake, before it becomes a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Uri};
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::Extension;
use longwire_proto::{Config, Protocol, Role};

/// The results of the opening handshake.
#[derive(Debug, Default)]
pub(crate) struct Negotiated {
    pub(crate) uri: Uri,
    pub(crate) subprotocol: Option<String>,
    /// The extensions that were agreed on, as the response lists them.
    pub(crate) agreed: String,
    pub(crate) peer_addr: Option<SocketAddr>,
    /// The headers of the response that a client received; a server's request hook knows its own. Boxed, because a
    /// server's connections do not use it.
    pub(crate) response_headers: Option<Box<HeaderMap>>,
    /// The value that the application attached when it accepted the connection.
    pub(crate) attached: Extensions,
}

/// What an open connection keeps of the results of its handshake.
#[derive(Debug)]
pub(crate) struct OpeningResults {
    pub(crate) uri: Uri,
    pub(crate) peer_addr: Option<SocketAddr>,
    /// Boxed, because most connections of a server have none of it.
    terms: Option<Box<Terms>>,
}

/// What two ends have agreed on, or the application has attached.
#[derive(Debug)]
struct Terms {
    subprotocol: Option<String>,
    agreed: String,
    response_headers: Option<Box<HeaderMap>>,
    attached: Extensions,
}

impl OpeningResults {
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.terms.as_ref()?.subprotocol.as_deref()
    }

    /// The extensions that were agreed on, as the response lists them.
    pub(crate) fn extensions(&self) -> &str {
        self.terms.as_ref().map_or("", |terms| &terms.agreed)
    }

    /// The headers of the response that a client received.
    pub(crate) fn response_headers(&self) -> Option<&HeaderMap> {
        self.terms.as_ref()?.response_headers.as_deref()
    }

    /// The value that the application attached when it accepted the connection.
    pub(crate) fn attached<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.terms.as_ref()?.attached.get()
    }
}

impl From<Negotiated> for OpeningResults {
    fn from(negotiated: Negotiated) -> OpeningResults {
        let Negotiated { uri, subprotocol, agreed, peer_addr, response_headers, attached } = negotiated;
        let has_none =
            subprotocol.is_none() && agreed.is_empty() && response_headers.is_none() && attached.is_empty();
        let terms = (!has_none).then(|| Box::new(Terms { subprotocol, agreed, response_headers, attached }));
        OpeningResults { uri, peer_addr, terms }
    }
}

/// The result of an opening handshake over any version of HTTP, for
/// [`WebSocket::established`](crate::WebSocket::established). The crate `longwire-proto` has the building blocks of a
/// handshake.
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
#[must_use = "this is not a connection yet"]
pub struct Established {
    role: Role,
    config: Arc<Config>,
    pub(crate) deflate: Option<Agreement>,
    read_ahead: Vec<u8>,
    /// The response, if it has to be written before the first frame.
    preface: Vec<u8>,
    pub(crate) negotiated: Negotiated,
}

impl Established {
    /// A connection without a subprotocol, extensions, or bytes read after the handshake.
    pub fn new(role: Role, config: Arc<Config>) -> Established {
        let negotiated = Negotiated::default();
        Established { role, config, deflate: None, read_ahead: Vec::new(), preface: Vec::new(), negotiated }
    }

    /// Sets the compression that both ends agreed on. On a client, [`Deflate::confirm`](crate::Deflate::confirm)
    /// returns it; on a server, [`Deflate::answer`](crate::Deflate::answer) does.
    pub fn deflate(mut self, agreement: impl Into<Option<Agreement>>) -> Established {
        self.deflate = agreement.into();
        self
    }

    /// Sets the subprotocol that both ends agreed on, for [`WebSocket::subprotocol`](crate::WebSocket::subprotocol).
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Established {
        self.negotiated.subprotocol = Some(subprotocol.into());
        self
    }

    /// Sets the extensions that both ends agreed on, for [`WebSocket::extensions`](crate::WebSocket::extensions). This
    /// does not switch on compression; [`deflate`](Established::deflate) does.
    pub fn extensions(mut self, extensions: &[Extension]) -> Established {
        let names: Vec<_> = extensions.iter().map(Extension::to_string).collect();
        self.negotiated.agreed = names.join(", ");
        self
    }

    /// Sets the bytes that were read from the transport after the handshake: the peer's first frames.
    pub fn read_ahead(mut self, bytes: impl Into<Vec<u8>>) -> Established {
        self.read_ahead = bytes.into();
        self
    }

    /// Sets the response if it was not written yet: it leaves in one write with the first messages.
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

    /// Splits it into the protocol, the bytes that it has to parse, and the results of the handshake.
    pub(crate) fn into_parts(self) -> (Protocol, Vec<u8>, Negotiated) {
        let protocol = Protocol::new(self.role, self.config).with_preface(&self.preface);
        let protocol = match &self.deflate {
            Some(agreement) => protocol.with_deflate(agreement),
            None => protocol,
        };
        (protocol, self.read_ahead, self.negotiated)
    }
}

/// The extensions that a response lists.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn extensions_header(headers: &HeaderMap) -> String {
    let lines =
        headers.get_all(http::header::SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(", ")
}
