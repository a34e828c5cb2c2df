//! From a transport to one that is encrypted.

use std::io;

use super::destination::Destination;
use crate::error::{Error, Result};
use crate::tls::ClientTls;
use crate::tls::fault::TlsFault;
use crate::transport::Transport;

/// At whose end a connection is encrypted, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    Server,
    Proxy,
}

/// Encrypts the transport by TLS, if the other end can prove to be `destination`.
pub(super) async fn secure(
    transport: Transport,
    destination: &Destination,
    tls: &ClientTls,
    whom: Whom,
) -> Result<Transport> {
    let failed = |error| Error::io(doing(destination, whom), error);
    let name = destination.tls_name().map_err(failed)?;
    if tls.trusts_anyone() {
        tracing::warn!(%destination, "the certificate is not checked: anybody on the way can read and change everything");
    }
    let connector = tokio_rustls::TlsConnector::from(tls.config().await?);
    let secured = connector.connect(name, transport).await;
    let stream = secured.map_err(|error| failed(explained(error, whom)))?;
    Ok(Transport::ClientTls(Box::new(stream)))
}

/// What is done here, for errors.
pub(super) fn doing(destination: &Destination, whom: Whom) -> String {
    let what = match whom {
        Whom::Server => "",
        Whom::Proxy => "the proxy ",
    };
    format!("secure the connection to {what}{destination} by TLS")
}

/// An error of TLS, in words that say what to do about it where that is known.
fn explained(error: io::Error, whom: Whom) -> io::Error {
    let no_tls = match whom {
        Whom::Server => "the server does not speak TLS there; connect with ws:// if it is meant to be so",
        Whom::Proxy => {
            "it does not speak TLS; write http:// in the address of the proxy if it is meant to be so"
        }
    };
    let Some(tls_error) = error.get_ref().and_then(|error| error.downcast_ref()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the other end closed the connection amid the handshake")
            }
            _ => error,
        };
    };
    match tls_error {
        rustls::Error::InvalidMessage(_) => io::Error::new(io::ErrorKind::InvalidData, no_tls),
        other => TlsFault::of(other).map_or(error, |fault| io::Error::new(io::ErrorKind::InvalidData, fault)),
    }
}
