//! Reports the steps of connecting.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};

use super::destination::Destination;
#[cfg(feature = "tls")]
use crate::transport::Transport;

/// A step of connecting, as [`Client::on_step`](super::Client::on_step) reports it.
///
/// ```
/// use longwire::{Client, ConnectStep};
///
/// let client = Client::new().on_step(|step| {
///     if let ConnectStep::Request(request) = step {
///         println!("{} {}", request.method(), request.uri());
///     }
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectStep<'a> {
    /// A TCP connection to the server or to its proxy is open.
    #[non_exhaustive]
    Connected {
        /// The server or the proxy.
        to: &'a Destination,
        /// The address that answered.
        address: SocketAddr,
    },
    /// The proxy has connected to the server.
    #[non_exhaustive]
    Tunnelled {
        /// The server.
        to: &'a Destination,
    },
    /// The connection to the server is encrypted.
    #[cfg(feature = "tls")]
    Secured(Secured<'a>),
    /// The request of the opening handshake was sent. Credentials are marked as
    /// [sensitive](http::HeaderValue::is_sensitive).
    Request(&'a Request<()>),
    /// The response has arrived: it opens the connection, redirects or refuses.
    Response(&'a Response<()>),
}

/// The results of the TLS handshake.
///
/// ```
/// use longwire::{Client, ConnectStep};
///
/// let client = Client::new().on_step(|step| {
///     if let ConnectStep::Secured(by) = step {
///         println!("{} with {}, {} bytes of certificate", by.version, by.cipher_suite, by.certificate.len());
///     }
/// });
/// ```
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured<'a> {
    /// The version, such as `TLS 1.3`.
    pub version: &'a str,
    /// The registered name of the cipher suite, such as `TLS13_AES_128_GCM_SHA256`.
    pub cipher_suite: &'a str,
    /// The server's certificate in DER (X.509). It was verified as the client's [`ClientTls`](crate::ClientTls)
    /// requires.
    pub certificate: &'a [u8],
}

type Observe = dyn Fn(&ConnectStep<'_>) + Send + Sync;

/// The receiver of steps.
#[derive(Clone, Default)]
pub(super) struct Steps(Option<Arc<Observe>>);

impl Steps {
    pub(super) fn to(observe: impl Fn(&ConnectStep<'_>) + Send + Sync + 'static) -> Steps {
        Steps(Some(Arc::new(observe)))
    }

    pub(super) fn report(&self, step: &ConnectStep<'_>) {
        if let Some(observe) = &self.0 {
            observe(step);
        }
    }

    /// Reports the TLS parameters of a transport to the server.
    #[cfg(feature = "tls")]
    pub(super) fn report_secured(&self, transport: &Transport) {
        let Transport::ClientTls(stream) = transport else { return };
        let (_, session) = stream.get_ref();
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS",
        };
        let suite = session.negotiated_cipher_suite().and_then(|agreed| agreed.suite().as_str());
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        self.report(&ConnectStep::Secured(Secured {
            version,
            cipher_suite: suite.unwrap_or_default(),
            certificate: certificate.map(|certificate| &**certificate).unwrap_or_default(),
        }));
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(reported)" } else { "Steps" })
    }
}
