//! Encrypts a transport with TLS.

use std::io;

use super::destination::Destination;
use crate::error::{Error, Result};
use crate::tls::ClientTls;
use crate::tls::fault::TlsFault;
use crate::transport::Transport;

/// The other end of an encrypted connection, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    Server,
    Proxy,
}

/// Encrypts the transport with TLS, if the other end can prove that it is `destination`.
pub(super) async fn secure(
    transport: Transport,
    destination: &Destination,
    tls: &ClientTls,
    whom: Whom,
) -> Result<Transport> {
    let failed = |error| Error::io(doing(destination, whom), error);
    let name = destination.tls_name().map_err(failed)?;
    if tls.trusts_anyone() {
        tracing::warn!(
            %destination,
            "the certificate is not checked: an attacker on the network can read and change everything"
        );
    }
    let connector = tokio_rustls::TlsConnector::from(tls.config().await?);
    let secured = connector.connect(name, transport).await;
    let stream = secured.map_err(|error| failed(explained(error, whom)))?;
    Ok(Transport::ClientTls(Box::new(stream)))
}

/// Names this operation, for errors.
pub(super) fn doing(destination: &Destination, whom: Whom) -> String {
    let what = match whom {
        Whom::Server => "",
        Whom::Proxy => "the proxy ",
    };
    format!("secure the connection to {what}{destination} with TLS")
}

/// Explains a TLS error, and what to do about it if that is known.
fn explained(error: io::Error, whom: Whom) -> io::Error {
    let no_tls = match whom {
        Whom::Server => "the server does not speak TLS on this port; connect with ws:// if that is intended",
        Whom::Proxy => "it does not speak TLS; write http:// in the proxy's address if that is intended",
    };
    let Some(tls_error) = error.get_ref().and_then(|error| error.downcast_ref()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the other end closed the connection during the handshake")
            }
            _ => error,
        };
    };
    match tls_error {
        rustls::Error::InvalidMessage(_) => io::Error::new(io::ErrorKind::InvalidData, no_tls),
        other => TlsFault::of(other).map_or(error, |fault| io::Error::new(io::ErrorKind::InvalidData, fault)),
    }
}
