//! Binding the address to listen on.

use std::io::{self, ErrorKind};

use longwire::{Error, Server};

use crate::args::ListenAddr;
use crate::failure::Failure;
use crate::terminal;

/// Binds the first address that the system supports.
pub(super) async fn listen(address: &ListenAddr) -> Result<Server, Failure> {
    let found = address.resolve().await.map_err(|error| {
        Failure::Other(format!("cannot look up {}: {error}", terminal::escape(&address.to_string())))
    })?;
    let mut failed = None;
    for candidate in found {
        match Server::bind(candidate).await {
            Ok(server) => return Ok(server),
            // The address exists but is taken or forbidden. Listening on the next one would hide that.
            Err(error) if !is_absent(&error) => return Err(explained(&error, address)),
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        Some(error) => explained(&error, address),
        None => Failure::Other(format!("{address} has no address")),
    })
}

/// Whether the system lacks this address, for example an IPv6 address while IPv6 is disabled.
fn is_absent(error: &Error) -> bool {
    !matches!(kind(error), Some(ErrorKind::AddrInUse | ErrorKind::PermissionDenied))
}

fn kind(error: &Error) -> Option<ErrorKind> {
    match error {
        Error::Io { source, .. } => Some(io::Error::kind(source)),
        _ => None,
    }
}

fn explained(error: &Error, address: &ListenAddr) -> Failure {
    Failure::Other(match kind(error) {
        Some(ErrorKind::AddrInUse) => {
            format!("cannot listen on {address}: it is already in use; choose another port with --listen")
        }
        Some(ErrorKind::PermissionDenied) => {
            format!(
                "cannot listen on {address}: ports below 1024 need privileges; choose another with --listen"
            )
        }
        _ => error.to_string(),
    })
}
