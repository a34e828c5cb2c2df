//! Why there is no connection to NATS.

use std::fmt;

/// Why a node could not begin with NATS. The text says what to look at, and shows no secrets.
///
/// ```
/// use longwire_hub_nats::NatsError;
///
/// let error = NatsError::TooOld { version: "2.8.4".to_owned() };
/// assert_eq!(error.to_string(), "the NATS server has version 2.8.4; at least 2.9 is needed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NatsError {
    /// The prefix has characters that no subject can have, or is too long.
    Prefix(String),
    /// NATS does not have this number of replicas.
    Replicas(usize),
    /// The addresses of servers are not valid.
    Address(String),
    /// The file or the seed of the credentials cannot be used.
    Credentials(String),
    /// No server could be reached.
    Unreachable(String),
    /// A server was reached, but TLS failed: its certificate, or ours.
    Tls(String),
    /// The server does not accept the credentials.
    Unauthorized,
    /// The server is too old.
    TooOld {
        /// Its version.
        version: String,
    },
    /// JetStream is not enabled, on the servers or for the account.
    NoJetStream,
    /// The account may not publish and subscribe to the subjects of the prefix.
    NotPermitted {
        /// What it must be allowed to use.
        subjects: String,
    },
}

impl fmt::Display for NatsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NatsError::Prefix(prefix) => write!(
                f,
                "the prefix {prefix:?} is not 1 to 32 letters, digits, hyphens and underscores"
            ),
            NatsError::Replicas(replicas) => write!(f, "{replicas} replicas; NATS keeps 1, 3 or 5"),
            NatsError::Address(problem) => write!(f, "the address of the NATS server is not valid: {problem}"),
            NatsError::Credentials(problem) => write!(f, "the NATS credentials cannot be used: {problem}"),
            NatsError::Unreachable(problem) => write!(f, "no NATS server can be reached: {problem}"),
            NatsError::Tls(problem) => write!(f, "TLS with the NATS server failed: {problem}"),
            NatsError::Unauthorized => f.write_str("the NATS server does not accept the credentials"),
            NatsError::TooOld { version } => {
                write!(f, "the NATS server has version {version}; at least 2.9 is needed")
            }
            NatsError::NoJetStream => f.write_str(
                "JetStream is not enabled: start nats-server with `jetstream {}` in its configuration, and enable it for \
                 the account",
            ),
            NatsError::NotPermitted { subjects } => {
                write!(f, "the NATS account must be allowed to publish and subscribe to {subjects}")
            }
        }
    }
}

impl std::error::Error for NatsError {}
