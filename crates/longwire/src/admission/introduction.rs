//! The first step of a connection that comes from a proxy: finding out whose it is.

use std::net::SocketAddr;

use tracing::Span;

use super::census::{Full, Place};
use super::policy::AdmissionPolicy;
use super::proxy_header::{self, NoHeader};
use crate::telemetry::{self, NotLetIn};
use crate::transport::Transport;

/// Why a connection cannot go on.
pub(crate) enum NotIntroduced {
    /// It has ended, or did not begin with a PROXY header. It is counted.
    Closed,
    /// The client that the header names has as many connections as it may.
    Full { why: Full, client: SocketAddr },
}

/// Reads the PROXY header of a connection, if it must begin with one, and counts the connection for the client. Returns
/// the address of the client.
///
/// # Errors
///
/// If the connection cannot go on.
pub(crate) async fn introduce(
    policy: &AdmissionPolicy,
    transport: &mut Transport,
    peer: Option<SocketAddr>,
    place: &mut Place,
) -> Result<Option<SocketAddr>, NotIntroduced> {
    if !policy.expects_proxy_header(peer) {
        return Ok(peer);
    }
    // Boxed, because most connections begin without the header.
    let named = Box::pin(proxy_header::read(transport)).await.map_err(|why| {
        match why {
            NoHeader::Malformed => policy.refusals().no_proxy_header(peer),
            NoHeader::Ended(error) => telemetry::refused(NotLetIn::of_end(Some(&error))),
        }
        NotIntroduced::Closed
    })?;
    let Some(client) = named else { return Ok(peer) };
    Span::current().record("client", tracing::field::display(client));
    place.count_for(policy.counted_ip(named)).map_err(|why| NotIntroduced::Full { why, client })?;
    Ok(named)
}
