//! Connections over TCP, with TLS and over a proxy.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use longwire_wire::{Head, Peer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::target::Target;
use crate::transport::{Dial, Dialing, Transport};

/// Connects over TCP: to the host of the URL, or through a proxy; with TLS for `wss://`.
///
/// ```
/// use longwire_check::{Dialer, Target};
///
/// let target = Target::new("ws://127.0.0.1:9000/echo").unwrap();
/// let dialer = Dialer::new(&target);
/// ```
#[derive(Debug, Clone)]
pub struct Dialer {
    host: String,
    port: u16,
    proxy: Option<Proxy>,
    tls: Option<Arc<ClientConfig>>,
}

/// An HTTP proxy that connects to others (CONNECT).
#[derive(Debug, Clone)]
struct Proxy {
    host: String,
    port: u16,
    authorization: Option<String>,
}

impl Dialer {
    /// Connects to the host of this endpoint, without TLS.
    #[must_use]
    pub fn new(target: &Target) -> Dialer {
        let host = target.host().trim_matches(['[', ']']).to_owned();
        Dialer { host, port: target.port(), proxy: None, tls: None }
    }

    /// Connects with TLS.
    #[must_use]
    pub fn tls(self, config: Arc<ClientConfig>) -> Dialer {
        Dialer { tls: Some(config), ..self }
    }

    /// Connects through this proxy: `http://HOST:PORT`, with `USER:PASSWORD@` if needed.
    ///
    /// # Errors
    ///
    /// The text is not the URL of such a proxy.
    pub fn proxy(self, url: &str) -> Result<Dialer, String> {
        let wrong = || format!("{url:?} is not the URL of an HTTP proxy, such as http://proxy.example:3128");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let proxy = Proxy {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authorization: user.map(|user| format!("Basic {}", STANDARD.encode(user))),
        };
        Ok(Dialer { proxy: Some(proxy), ..self })
    }

    async fn connect(&self) -> io::Result<Transport> {
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => (self.host.as_str(), self.port),
        };
        let stream = TcpStream::connect((host, port)).await?;
        // Cases that cut frames into writes need each of them to leave at once.
        stream.set_nodelay(true)?;
        let stream = match &self.proxy {
            Some(proxy) => proxy.lead(stream, &self.host, self.port).await?,
            None => stream,
        };
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
            }
        }
    }
}

impl Proxy {
    /// Asks the proxy to connect to the endpoint.
    async fn lead(&self, stream: TcpStream, host: &str, port: u16) -> io::Result<TcpStream> {
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = Head::new(format!("CONNECT {authority} HTTP/1.1")).with("Host", authority);
        if let Some(authorization) = &self.authorization {
            request = request.with("Proxy-Authorization", authorization);
        }
        let mut peer = Peer::client(stream).without_deadline();
        peer.send_head(&request).await.map_err(io::Error::other)?;
        let response = peer.head().await.map_err(io::Error::other)?;
        match response.start.split(' ').nth(1) {
            Some(status) if status.starts_with('2') => Ok(peer.into_inner()),
            _ => Err(io::Error::other(format!("the proxy refuses: {:?}", response.start))),
        }
    }
}

impl Dial for Dialer {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.connect())
    }
}
