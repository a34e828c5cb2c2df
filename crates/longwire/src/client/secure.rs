//! From a transport to one that is encrypted.

use std::io;

use super::destination::Destination;
use crate::error::{Error, Result};
use crate::tls::ClientTls;
use crate::transport::Transport;

/// Encrypts the transport by TLS, if the server can prove to be `destination`.
pub(super) async fn secure(
    transport: Transport,
    destination: &Destination,
    tls: &ClientTls,
) -> Result<Transport> {
    let failed = |error| Error::io(doing(destination), error);
    let name = destination.tls_name().map_err(failed)?;
    let connector = tokio_rustls::TlsConnector::from(tls.config()?);
    let secured = connector.connect(name, transport).await;
    let stream = secured.map_err(|error| failed(explained(error)))?;
    Ok(Transport::ClientTls(Box::new(stream)))
}

/// What is done here, for errors.
pub(super) fn doing(destination: &Destination) -> String {
    format!("secure the connection to {destination} by TLS")
}

/// An error of TLS, with what to do about it where that is known.
fn explained(error: io::Error) -> io::Error {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidMessage(_)) => io::Error::new(
            io::ErrorKind::InvalidData,
            "the server does not speak TLS there; connect with ws:// if it is meant to be so",
        ),
        _ => error,
    }
}
