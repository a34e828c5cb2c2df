//! Connections over TCP, with or without TLS.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::target::Target;
use crate::transport::{Dial, Dialing, Transport};

/// Connects to the host of the URL over TCP, with TLS for `wss://`.
///
/// For another route, such as a proxy, implement [`Dial`].
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
    tls: Option<Arc<ClientConfig>>,
}

impl Dialer {
    /// Connects to the host of this endpoint, without TLS.
    #[must_use]
    pub fn new(target: &Target) -> Dialer {
        let host = target.host().trim_matches(['[', ']']).to_owned();
        Dialer { host, port: target.port(), tls: None }
    }

    /// Connects with TLS.
    #[must_use]
    pub fn tls(self, config: Arc<ClientConfig>) -> Dialer {
        Dialer { tls: Some(config), ..self }
    }

    async fn connect(&self) -> io::Result<Transport> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Cases that cut frames into writes need each of them to leave at once.
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
            }
        }
    }
}

impl Dial for Dialer {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.connect())
    }
}
