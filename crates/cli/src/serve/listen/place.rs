//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::terminal;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Address(SocketAddr),
    Unix(PathBuf),
    /// A socket without an address.
    Unnamed,
}

/// The address; for a wildcard address, a local one that can be clicked on.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Address(SocketAddr::V4(v4)) if v4.ip().is_unspecified() => {
                write!(f, "127.0.0.1:{}", v4.port())
            }
            Place::Address(SocketAddr::V6(v6)) if v6.ip().is_unspecified() => {
                write!(f, "[::1]:{}", v6.port())
            }
            Place::Address(address) => address.fmt(f),
            Place::Unix(path) => f.write_str(&terminal::escape(&format!("unix:{}", path.display()))),
            Place::Unnamed => f.write_str("a socket without a name"),
        }
    }
}
