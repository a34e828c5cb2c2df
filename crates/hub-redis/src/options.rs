//! What a store needs to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::failure::ConnectError;
use crate::url::RedisUrl;

/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 64;

/// How to reach Redis, and how to use it. All nodes need the same deployment, prefix, clock and continuity.
///
/// ```
/// use longwire_hub_redis::{Deployment, RedisOptions};
///
/// let mut options = RedisOptions::new(Deployment::Servers(vec!["redis://localhost".parse()?]));
/// options.prefix = "chat".to_owned();
/// options.replicas = 1;
/// # Ok::<(), longwire_hub_redis::InvalidRedisUrl>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Where Redis is.
    pub deployment: Deployment,
    /// The user of servers whose URL has none. A server without users has the user `default`.
    pub user: Option<String>,
    /// The password of servers whose URL has none.
    pub password: Option<String>,
    /// TLS for URLs with the scheme `rediss`, such as of [`TlsFiles`](crate::TlsFiles). `None` trusts the certificates that the
    /// operating system trusts.
    pub tls: Option<Arc<ClientConfig>>,
    /// The beginning of all keys and of the names that are subscribed to, followed by `:`. `longwire` by default; at
    /// most 64 bytes of printable ASCII without braces and spaces.
    pub prefix: String,
    /// How long a connection may take to be ready. 2 seconds by default.
    pub connect_timeout: Duration,
    /// How long a call may take in all. 5 seconds by default.
    pub timeout: Duration,
    /// A connection is renewed if nothing arrives on it for this time after a `PING`, which is sent as often. So a dead
    /// line is noticed within twice this time. 2 seconds by default.
    pub silence: Duration,
    /// How many connections to each server commands are divided among. Each carries many commands at once. 1 by default.
    pub connections: usize,
    /// The calls that may be under way. Others fail at once. 10,000 by default.
    pub calls: usize,
    /// How many replicas must have a publication before it is answered with success. They have half of
    /// [`silence`](Self::silence) for it. 0 by default: what was published is lost if the master is lost before it has
    /// reached a replica.
    pub replicas: usize,
    /// Whose clock decides what has expired.
    pub clock: Clock,
    /// What a server that was restarted or replaced means for positions.
    pub continuity: Continuity,
    /// The clients in the presence of one channel. 100,000 by default.
    pub presences_per_channel: usize,
}

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deployment {
    /// Independent servers. Each channel belongs to one, chosen by its name such that another server takes over only its
    /// share of the channels. The order does not matter.
    Servers(Vec<RedisUrl>),
    /// A master that Sentinels watch.
    Sentinel {
        /// The Sentinels, which need not be all there are. Their passwords are only in their URLs; those of the options
        /// are for the master.
        sentinels: Vec<RedisUrl>,
        /// The name of the master.
        master: String,
        /// How the master and its replicas are reached: whether by TLS, and which database.
        server: SentinelServer,
    },
    /// A Redis Cluster, with some of its nodes.
    Cluster(Vec<RedisUrl>),
}

/// How servers are reached whose addresses Sentinels tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SentinelServer {
    /// Whether by TLS.
    pub tls: bool,
    /// The number of the database.
    pub database: u32,
}

/// Whose clock decides what has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// That of the Redis server: nodes whose clocks differ agree on what has expired.
    #[default]
    Server,
    /// The time that calls pass, for simulations. Nodes with different clocks let one another's clients expire.
    Caller,
}

/// What a server that was restarted or replaced means for positions.
///
/// Such a server may have lost the newest publications, which clients have seen. New ones would get their offsets, and
/// clients would take them for known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Continuity {
    /// Streams get a new epoch: history is kept, but no older position can be continued.
    #[default]
    Verified,
    /// Streams keep their epoch. This is right only if a server never loses what it has answered: one without replicas to
    /// fail over to, and with `appendfsync always`.
    Assumed,
}

impl RedisOptions {
    /// The defaults, for this deployment.
    #[must_use]
    pub fn new(deployment: Deployment) -> RedisOptions {
        RedisOptions {
            deployment,
            user: None,
            password: None,
            tls: None,
            prefix: "longwire".to_owned(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            silence: Duration::from_secs(2),
            connections: 1,
            calls: 10_000,
            replicas: 0,
            clock: Clock::Server,
            continuity: Continuity::Verified,
            presences_per_channel: 100_000,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let urls = match &self.deployment {
            Deployment::Servers(urls) | Deployment::Cluster(urls) => urls,
            Deployment::Sentinel { sentinels, .. } => sentinels,
        };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'{' && byte != b'}';
        let has_twins = || {
            let mut names: Vec<String> = urls.iter().map(ToString::to_string).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
        };
        let fault = if urls.is_empty() {
            "no server is named"
        } else if has_twins() {
            "a server is named twice"
        } else if self.prefix.is_empty()
            || self.prefix.len() > MAX_PREFIX
            || !self.prefix.bytes().all(is_plain)
        {
            "the prefix is not 1 to 64 bytes of printable ASCII without braces and spaces"
        } else if self.connections == 0 || self.calls == 0 {
            "the number of connections or of calls is 0"
        } else if [self.connect_timeout, self.timeout, self.silence].iter().any(Duration::is_zero) {
            "a timeout is 0"
        } else if matches!(&self.deployment, Deployment::Cluster(_))
            && urls.iter().any(|url| url.database != 0)
        {
            "a Redis Cluster has no database but 0"
        } else {
            return Ok(());
        };
        Err(ConnectError::Options(fault))
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RedisOptions");
        debug.field("deployment", &self.deployment).field("user", &self.user);
        debug.field("prefix", &self.prefix).field("replicas", &self.replicas).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: impl FnOnce(&mut RedisOptions)) -> Option<String> {
        let mut options = RedisOptions::new(Deployment::Servers(vec!["redis://localhost".parse().unwrap()]));
        change(&mut options);
        options.check().err().map(|fault| fault.to_string())
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        assert_eq!(fault(|_| ()), None);
        let faults: [fn(&mut RedisOptions); 6] = [
            |options| options.deployment = Deployment::Cluster(Vec::new()),
            |options| {
                let url: RedisUrl = "redis://localhost".parse().unwrap();
                options.deployment = Deployment::Servers(vec![url.clone(), url]);
            },
            |options| options.prefix = "a{b}".to_owned(),
            |options| options.connections = 0,
            |options| options.timeout = Duration::ZERO,
            |options| {
                options.deployment = Deployment::Cluster(vec!["redis://localhost/1".parse().unwrap()]);
            },
        ];
        for change in faults {
            assert!(fault(change).is_some());
        }
    }
}
