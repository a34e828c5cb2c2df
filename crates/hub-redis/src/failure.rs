//! Why a connection to Redis does not come about.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::url::RedisUrl;

/// Why a store could not be connected. The messages name the server and what to change; they never hold a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The options contradict themselves, or lack something.
    Options(&'static str),
    /// The server cannot be reached, or ends the connection.
    Unreachable {
        /// The server.
        server: RedisUrl,
        /// What the operating system or TLS says.
        source: io::Error,
    },
    /// The server does not answer in time.
    Timeout {
        /// The server.
        server: RedisUrl,
        /// The time that was waited.
        after: Duration,
    },
    /// The server refuses the user or the password, or wants one.
    Authentication {
        /// The server.
        server: RedisUrl,
        /// The server's message.
        message: String,
    },
    /// The server is older than Redis 7.
    Version {
        /// The server.
        server: RedisUrl,
        /// The version that it names.
        version: String,
    },
    /// The server is a replica, to which nothing can be published.
    Replica {
        /// The server.
        server: RedisUrl,
    },
    /// The server is not of the kind that the options name: a Cluster, a Sentinel, or neither.
    Deployment {
        /// The server.
        server: RedisUrl,
        /// The mode that the server reports, such as `cluster`.
        mode: String,
    },
    /// No Sentinel that can be reached knows a master of this name.
    UnknownMaster {
        /// The name.
        name: String,
    },
    /// The server refuses a command.
    Refused {
        /// The server.
        server: RedisUrl,
        /// The server's message.
        message: String,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Options(fault) => f.write_str(fault),
            ConnectError::Unreachable { server, source } => write!(f, "{server} cannot be reached: {source}"),
            ConnectError::Timeout { server, after } => {
                write!(f, "{server} does not answer within {} ms", after.as_millis())
            }
            ConnectError::Authentication { server, message } => {
                write!(f, "{server} refuses the user or the password: {message}")
            }
            ConnectError::Version { server, version } => {
                write!(f, "{server} has version {version}, but version 7.0 is needed at least")
            }
            ConnectError::Replica { server } => {
                write!(f, "{server} is a replica: name its master, or use Sentinel")
            }
            ConnectError::Deployment { server, mode } => {
                write!(f, "{server} runs in the mode `{mode}`, which is not the one that is configured")
            }
            ConnectError::UnknownMaster { name } => {
                write!(f, "no Sentinel that can be reached knows a master named `{name}`")
            }
            ConnectError::Refused { server, message } => write!(f, "{server} refuses a command: {message}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConnectError::Unreachable { source, .. } => Some(source),
            _ => None,
        }
    }
}
