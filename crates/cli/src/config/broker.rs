//! `[broker]`: where channels are kept, and what carries them between nodes.

#[cfg(any(feature = "nats", feature = "redis"))]
use std::path::Path;
use std::path::PathBuf;
#[cfg(any(feature = "nats", feature = "redis"))]
use std::time::Duration;

use serde::Deserialize;

use super::problem::Problem;
use super::secret::Secret;
use crate::terminal;
use crate::values::{Period, Size};

/// `[broker]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BrokerSection {
    #[serde(rename = "type")]
    pub(crate) kind: BrokerKind,
    /// Where Redis or NATS is.
    pub(crate) urls: Vec<Secret>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// Of NATS.
    pub(crate) token: Option<Secret>,
    /// Of NATS: the seed of an nkey.
    pub(crate) nkey: Option<Secret>,
    /// Of NATS: a file as `nsc` writes it.
    pub(crate) credentials: Option<PathBuf>,
    /// Of Redis: the URLs are nodes of a Redis Cluster.
    pub(crate) cluster: bool,
    /// Of Redis: the URLs are Sentinels, which know a master by this name.
    pub(crate) sentinel_master: Option<String>,
    /// A PEM file with the authorities of the servers.
    pub(crate) ca: Option<PathBuf>,
    /// PEM files of this node, for servers that ask for a certificate.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// Of NATS.
    pub(crate) storage: Option<StorageKind>,
    /// Of NATS: the length of each stream.
    pub(crate) stream_bytes: Option<Size>,
    /// For how long a connection is silent before it is tried.
    pub(crate) ping_interval: Option<Period>,
    /// How long a channel is silent before its position is compared.
    pub(crate) check_interval: Period,
    /// The same for nodes that share channels.
    pub(crate) prefix: String,
    pub(crate) replicas: Option<usize>,
    pub(crate) timeout: Period,
    pub(crate) connect_timeout: Period,
    /// How long the start waits for the engine.
    pub(crate) start_timeout: Period,
    pub(crate) when_down: WhenDown,
    /// For how long the engine cannot be reached before the node goes on alone.
    pub(crate) alone_after: Option<Period>,
}

/// Where channels are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BrokerKind {
    /// In this process, which is the only node.
    #[default]
    Memory,
    Redis,
    Nats,
}

/// Where NATS stores messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StorageKind {
    File,
    Memory,
}

/// What a node does while it does not reach the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WhenDown {
    /// Subscriptions stay, and calls fail.
    #[default]
    Wait,
    /// It goes on with channels of its own.
    Alone,
}

impl Default for BrokerSection {
    fn default() -> BrokerSection {
        BrokerSection {
            kind: BrokerKind::Memory,
            urls: Vec::new(),
            user: None,
            password: None,
            token: None,
            nkey: None,
            credentials: None,
            cluster: false,
            sentinel_master: None,
            ca: None,
            certificate: None,
            key: None,
            storage: None,
            stream_bytes: None,
            ping_interval: None,
            check_interval: Period::seconds(45),
            prefix: "longwire".to_owned(),
            replicas: None,
            timeout: Period::seconds(5),
            connect_timeout: Period::seconds(2),
            start_timeout: Period::seconds(10),
            when_down: WhenDown::Wait,
            alone_after: None,
        }
    }
}

impl BrokerKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            BrokerKind::Memory => "memory",
            BrokerKind::Redis => "redis",
            BrokerKind::Nats => "nats",
        }
    }

    /// Whether this program was built with it.
    fn is_built(self) -> bool {
        match self {
            BrokerKind::Memory => true,
            BrokerKind::Redis => cfg!(feature = "redis"),
            BrokerKind::Nats => cfg!(feature = "nats"),
        }
    }

    fn schemes(self) -> &'static [&'static str] {
        match self {
            BrokerKind::Memory => &[],
            BrokerKind::Redis => &["redis://", "rediss://"],
            BrokerKind::Nats => &["nats://", "tls://"],
        }
    }
}

impl BrokerSection {
    /// After which time without the engine the node goes on alone, if it does.
    #[cfg(any(feature = "nats", feature = "redis"))]
    pub(crate) fn goes_alone_after(&self) -> Option<Duration> {
        let after = self.alone_after.unwrap_or(Period::seconds(10));
        (self.when_down == WhenDown::Alone).then_some(after.0)
    }

    /// The certificate of this node and its key. Files are named from `folder`.
    #[cfg(any(feature = "nats", feature = "redis"))]
    pub(crate) fn client_certificate(&self, folder: &Path) -> Option<(PathBuf, PathBuf)> {
        Some((folder.join(self.certificate.as_ref()?), folder.join(self.key.as_ref()?)))
    }

    /// Which one it is and where, without passwords.
    pub(crate) fn shown(&self) -> String {
        if self.kind == BrokerKind::Memory {
            return "memory: this is the only node".to_owned();
        }
        let server = |url: &Secret| -> Option<String> {
            let (_, rest) = url.as_str().split_once("://")?;
            let (_, authority) = rest.rsplit_once('@').unwrap_or(("", rest));
            authority.split(['/', '?']).next().map(terminal::escape)
        };
        let servers: Vec<String> = self.urls.iter().filter_map(server).collect();
        format!("{} at {}", self.kind.name(), servers.join(", "))
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut problem =
            |key: &str, message: String| found.push(Problem::new(format!("broker.{key}"), message));
        let name = self.kind.name();
        if !self.kind.is_built() {
            problem(
                "type",
                format!("this program was built without {name}: build it with --features {name}"),
            );
        }
        let schemes = self.kind.schemes();
        if self.kind != BrokerKind::Memory && self.urls.is_empty() {
            problem("urls", format!("name a server, such as {}127.0.0.1", schemes.first().unwrap_or(&"")));
        }
        // A URL may have a password, so it is not shown.
        let is_of_another =
            |url: &Secret| !schemes.iter().any(|scheme| url.as_bytes().starts_with(scheme.as_bytes()));
        if let Some(index) = self.urls.iter().position(is_of_another) {
            let begins = if schemes.is_empty() {
                "needs type = \"redis\" or \"nats\"".to_owned()
            } else {
                format!("begins with {}", schemes.join(" or "))
            };
            problem(&format!("urls.{index}"), begins);
        }
        for (key, is_set, of) in [
            ("token", self.token.is_some(), BrokerKind::Nats),
            ("nkey", self.nkey.is_some(), BrokerKind::Nats),
            ("credentials", self.credentials.is_some(), BrokerKind::Nats),
            ("storage", self.storage.is_some(), BrokerKind::Nats),
            ("stream_bytes", self.stream_bytes.is_some(), BrokerKind::Nats),
            ("cluster", self.cluster, BrokerKind::Redis),
            ("sentinel_master", self.sentinel_master.is_some(), BrokerKind::Redis),
        ] {
            if is_set && self.kind != of {
                problem(key, format!("has no effect without type = {:?}", of.name()));
            }
        }
        if self.cluster && self.sentinel_master.is_some() {
            problem("cluster", "not together with sentinel_master: a Cluster needs no Sentinels".to_owned());
        }
        let ways = [
            ("password", self.password.is_some()),
            ("token", self.token.is_some()),
            ("nkey", self.nkey.is_some()),
            ("credentials", self.credentials.is_some()),
        ];
        let mut ways = ways.iter().filter(|(_, is_set)| *is_set);
        if let (Some((key, _)), Some(_)) = (ways.next(), ways.next()) {
            problem(key, "only one of password, token, nkey and credentials".to_owned());
        }
        if self.stream_bytes.is_some_and(|bytes| bytes.0 == 0) {
            problem("stream_bytes", "must be above 0".to_owned());
        }
        for (key, message) in self.tls_problems() {
            problem(key, message);
        }
        if self.when_down == WhenDown::Alone && self.kind == BrokerKind::Memory {
            problem("when_down", "has no effect without type = \"redis\" or \"nats\"".to_owned());
        }
        if self.when_down == WhenDown::Wait && self.alone_after.is_some() {
            problem("alone_after", "has no effect without when_down = \"alone\"".to_owned());
        }
        let times = [
            ("timeout", Some(self.timeout)),
            ("connect_timeout", Some(self.connect_timeout)),
            ("alone_after", self.alone_after),
            ("ping_interval", self.ping_interval),
            ("check_interval", Some(self.check_interval)),
        ];
        for (key, time) in times {
            if time.is_some_and(|time| time.0.is_zero()) {
                problem(key, "must be above 0".to_owned());
            }
        }
        found
    }

    /// What is wrong with the files for TLS.
    fn tls_problems(&self) -> Vec<(&'static str, String)> {
        let files = [
            ("ca", self.ca.is_some()),
            ("certificate", self.certificate.is_some()),
            ("key", self.key.is_some()),
        ];
        let set = files.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| *key);
        let is_redis_without_tls = self.kind == BrokerKind::Redis
            && !self.urls.iter().any(|url| url.as_str().starts_with("rediss://"));
        let why = match self.kind {
            BrokerKind::Memory => Some("has no effect without type = \"redis\" or \"nats\""),
            // A server of NATS may ask for TLS whatever the URL says.
            _ => is_redis_without_tls.then_some("has no effect without rediss:// in urls"),
        };
        if let Some(why) = why {
            return set.map(|key| (key, why.to_owned())).collect();
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => vec![("certificate", "needs broker.key".to_owned())],
            (None, Some(_)) => vec![("key", "needs broker.certificate".to_owned())],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_without_passwords() {
        let urls = ["redis://ann:pa@ss/word?@10.0.0.5:6379/0", "redis://b?x=1", "redis://[::1]:6379"];
        let urls = urls.map(|url| Secret::from(url.to_owned())).to_vec();
        let section = BrokerSection { kind: BrokerKind::Redis, urls, ..BrokerSection::default() };
        assert_eq!(section.shown(), "redis at 10.0.0.5:6379, b, [::1]:6379");
        assert_eq!(BrokerSection::default().shown(), "memory: this is the only node");
    }
}
