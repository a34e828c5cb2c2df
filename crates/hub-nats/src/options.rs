//! How to reach NATS, and how it keeps channels.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::NatsError;

/// How to reach NATS, and how it keeps channels. Secrets are not shown by `Debug`.
///
/// ```
/// use longwire_hub_nats::{NatsCredentials, NatsOptions, NatsStorage};
///
/// let mut options = NatsOptions::new("nats://10.0.0.1:4222");
/// options.servers.push("nats://10.0.0.2:4222".to_owned());
/// options.credentials = NatsCredentials::Token("secret".to_owned());
/// options.replicas = 3;
/// assert_eq!(options.storage, NatsStorage::File);
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct NatsOptions {
    /// URLs of servers of one cluster: `nats://host:4222`, or `tls://host:4222` for TLS. The others of the cluster are
    /// found by themselves. A user and a password in a URL are used if there are no [`credentials`](Self::credentials).
    pub servers: Vec<String>,
    /// Who this node is.
    pub credentials: NatsCredentials,
    /// How servers are checked over TLS. A server that asks for TLS gets it, whatever the URL says.
    pub tls: NatsTls,
    /// Precedes the names of subjects (`prefix.…`) and streams (`prefix-…`): 1 to 32 letters, digits, hyphens and
    /// underscores; `longwire` by default. Nodes with one prefix share their channels.
    pub prefix: String,
    /// On how many servers each message is stored: 1, 3 or 5; 1 by default. With 3, nothing is lost when one server dies.
    pub replicas: usize,
    /// Where messages are stored.
    pub storage: NatsStorage,
    /// The length at which each stream refuses publications, in bytes. There are up to three streams for each
    /// namespace. `None` leaves it to the limits of the account and the server.
    pub stream_bytes: Option<u64>,
    /// After this time, a call fails: 5 s by default.
    pub call_timeout: Duration,
    /// After this time, an attempt to connect fails: 5 s by default.
    pub connect_timeout: Duration,
    /// A connection on which nothing has come for so long is tried with a ping: 5 s by default. It is given up when the
    /// second ping is not answered, after three times as long.
    pub ping_interval: Duration,
}

/// Who a node is, as NATS checks it.
///
/// ```
/// use longwire_hub_nats::NatsCredentials;
///
/// let credentials = NatsCredentials::Password { user: "hub".to_owned(), password: "secret".to_owned() };
/// assert_eq!(format!("{credentials:?}"), "Password { user: \"hub\", .. }");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NatsCredentials {
    /// Nobody in particular.
    None,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
    /// The seed of an nkey (`SU…`).
    NkeySeed(String),
    /// A file with a JWT and the seed of its nkey, as `nsc` writes it.
    File(PathBuf),
}

/// How servers are checked over TLS.
///
/// ```
/// assert!(longwire_hub_nats::NatsTls::default().ca_file.is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatsTls {
    /// Whether a connection without TLS is refused.
    pub is_required: bool,
    /// A PEM file with the authorities of the servers. `None` takes those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM files with the node's certificate and its key, for servers that ask for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

/// Where NATS stores messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NatsStorage {
    /// In files: a server that starts again still has them.
    #[default]
    File,
    /// In memory. Without replicas, history ends with the server, and clients learn it.
    Memory,
}

impl NatsOptions {
    /// The options for one server, with defaults for all else.
    #[must_use]
    pub fn new(server: impl Into<String>) -> NatsOptions {
        NatsOptions {
            servers: vec![server.into()],
            credentials: NatsCredentials::None,
            tls: NatsTls::default(),
            prefix: "longwire".to_owned(),
            replicas: 1,
            storage: NatsStorage::File,
            stream_bytes: None,
            call_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(5),
        }
    }

    pub(crate) fn check(&self) -> Result<(), NatsError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(is_plain) {
            return Err(NatsError::Prefix(self.prefix.clone()));
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(NatsError::Replicas(self.replicas));
        }
        if self.servers.is_empty() {
            return Err(NatsError::Address("there is none".to_owned()));
        }
        Ok(())
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may have a password.
        let servers: Vec<String> = self.servers.iter().map(|url| without_secrets(url)).collect();
        f.debug_struct("NatsOptions")
            .field("servers", &servers)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .field("replicas", &self.replicas)
            .field("storage", &self.storage)
            .field("stream_bytes", &self.stream_bytes)
            .finish_non_exhaustive()
    }
}

/// A URL without its user and its password.
pub(crate) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

impl fmt::Debug for NatsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NatsCredentials::None => f.write_str("None"),
            NatsCredentials::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            NatsCredentials::Token(_) => f.write_str("Token(..)"),
            NatsCredentials::NkeySeed(_) => f.write_str("NkeySeed(..)"),
            NatsCredentials::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut options = NatsOptions::new("nats://hub:secret@host:4222");
        options.credentials = NatsCredentials::Password { user: "hub".into(), password: "secret".into() };
        let shown = format!("{options:?}");
        assert!(shown.contains("host:4222") && !shown.contains("secret"), "{shown}");
        let seed = NatsCredentials::NkeySeed("secret".into());
        assert!(!format!("{seed:?}").contains("secret"));
    }

    #[test]
    fn options_that_nats_would_refuse_are_refused_with_their_names() {
        let refused = |change: &dyn Fn(&mut NatsOptions)| {
            let mut options = NatsOptions::new("nats://host");
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(refused(&|options| options.prefix = "a.b".into()).contains("a.b"));
        assert!(refused(&|options| options.prefix.clear()).contains("prefix"));
        assert!(refused(&|options| options.replicas = 2).contains("replicas"));
        assert!(refused(&|options| options.servers.clear()).contains("address"));
    }
}
