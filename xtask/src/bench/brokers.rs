//! What connects the nodes of a hub.

use std::net::SocketAddr;
use std::path::Path;

/// A program that carries publications from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broker {
    Redis,
    Nats,
}

impl Broker {
    /// Its name in a configuration and in a URL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Broker::Redis => "redis",
            Broker::Nats => "nats",
        }
    }

    /// The program, and the package that contains it.
    pub(super) fn program(self) -> &'static str {
        match self {
            Broker::Redis => "redis-server",
            Broker::Nats => "nats-server",
        }
    }

    /// The arguments of a server that keeps nothing after its end. NATS has its streams in `dir` meanwhile.
    pub(super) fn arguments(self, address: SocketAddr, dir: &Path) -> Vec<String> {
        let (host, port, dir) = (address.ip(), address.port(), dir.display());
        let line = match self {
            Broker::Redis => format!("--bind {host} --port {port} --save  --appendonly no"),
            Broker::Nats => format!("--addr {host} --port {port} --jetstream --store_dir {dir}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// What scripts in `bench/` read to find it.
    pub(super) fn environment(self, address: SocketAddr) -> [(&'static str, String); 2] {
        [("BROKER_TYPE", self.name().to_owned()), ("BROKER_URL", format!("{}://{address}", self.name()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_saves_nothing() {
        let arguments = Broker::Redis.arguments(([127, 0, 0, 1], 6379).into(), Path::new("unused"));
        let save = arguments.iter().position(|argument| argument == "--save").unwrap();
        assert_eq!(arguments[save + 1], "", "an empty list of points in time");
    }
}
