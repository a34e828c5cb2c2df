//! The TLS handshake of an accepted connection.

use std::pin::pin;

use tokio_rustls::TlsAcceptor;

use super::census::Place;
use crate::telemetry::NotLetIn;
use crate::telemetry::phase::Phase;
use crate::tls::Tls;
use crate::transport::Transport;

/// Performs the TLS handshake with a client.
///
/// # Errors
///
/// The client left, or could not agree with the server on TLS.
pub(crate) async fn shake_hands(
    tls: &Tls,
    stream: Transport,
    place: Place,
) -> Result<(Place, Transport), NotLetIn> {
    let accepting = pin!(TlsAcceptor::from(tls.config()).accept(stream).into_fallible());
    // Declared after the transport, so that it is dropped first.
    let mut place = place;
    place.show(Phase::Tls);
    match accepting.await {
        Ok(stream) => {
            place.show(Phase::Head);
            Ok((place, Transport::ServerTls(Box::new(stream))))
        }
        Err((error, stream)) => {
            tracing::debug!(%error, "no TLS handshake");
            drop(place);
            drop(stream);
            Err(NotLetIn::of_end(Some(&error)))
        }
    }
}
