//! Which end of the connection this is.

/// Which end of the connection this is. A client masks what it sends and a server does not (RFC 6455 §5.1).
///
/// ```
/// use longwire_proto::{Config, Protocol, Role};
///
/// let server = Protocol::new(Role::Server, Config::default().into());
/// let client = Protocol::new(Role::Client, Config::default().into());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that opens the connection.
    Client,
    /// The end that accepts it.
    Server,
}

impl Role {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}
