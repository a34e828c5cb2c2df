//! Connections to servers, up to the point at which they take commands.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::{Cmd, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::failure::ConnectError;
use crate::monitored::Monitored;
use crate::options::RedisOptions;
use crate::tls::TlsFiles;
use crate::url::RedisUrl;

/// The oldest major version that has what is needed: sharded pub/sub, and scripts that run while memory is full.
const OLDEST: u64 = 7;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Questions to a Sentinel.
    Sentinel,
    /// A server that is not part of a Cluster.
    Server,
    /// A server of a Cluster. Also its replicas answer where the masters are.
    ClusterMap,
    /// A master of a Cluster.
    ClusterMaster,
}

/// Connects to servers.
pub(crate) struct Dialer {
    user: Option<String>,
    password: Option<String>,
    tls: OnceLock<Arc<ClientConfig>>,
    timeout: Duration,
}

impl Dialer {
    pub(crate) fn new(options: &RedisOptions) -> Dialer {
        let tls = options.tls.clone().map_or_else(OnceLock::new, OnceLock::from);
        let RedisOptions { user, password, connect_timeout, .. } = options.clone();
        Dialer { user, password, tls, timeout: connect_timeout }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection that takes commands.
    pub(crate) async fn connect(
        &self,
        server: &RedisUrl,
        purpose: Purpose,
    ) -> Result<Monitored, ConnectError> {
        let ready = async {
            let unreachable = |source| ConnectError::Unreachable { server: server.clone(), source };
            let mut stream = self.open(server).await.map_err(unreachable)?;
            let greeting = exchange(&mut stream, &self.hello(server, purpose)).await.map_err(unreachable)?;
            check_greeting(server, purpose, greeting)?;
            if server.database != 0 {
                let mut select = redis::cmd("SELECT");
                select.arg(server.database);
                let answer = exchange(&mut stream, &select).await.map_err(unreachable)?;
                if let Value::ServerError(refusal) = answer {
                    let message = refusal.to_string();
                    return Err(ConnectError::Refused { server: server.clone(), message });
                }
            }
            Ok(stream)
        };
        tokio::time::timeout(self.timeout, ready)
            .await
            .unwrap_or_else(|_| Err(ConnectError::Timeout { server: server.clone(), after: self.timeout }))
    }

    async fn open(&self, server: &RedisUrl) -> io::Result<Monitored> {
        let tcp = TcpStream::connect((&*server.host, server.port)).await?;
        tcp.set_nodelay(true)?;
        if !server.tls {
            return Ok(Monitored::new(Box::new(tcp)));
        }
        let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(self.tls_config()?);
        Ok(Monitored::new(Box::new(connector.connect(name, tcp).await?)))
    }

    fn tls_config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let config = TlsFiles::default().config().map_err(io::Error::other)?;
        Ok(self.tls.get_or_init(|| config).clone())
    }

    fn hello(&self, server: &RedisUrl, purpose: Purpose) -> Cmd {
        let mut hello = redis::cmd("HELLO");
        hello.arg(3);
        // Sentinels have passwords of their own, or none.
        let (user, password) = match purpose {
            Purpose::Sentinel => (None, None),
            _ => (self.user.as_ref(), self.password.as_ref()),
        };
        if let Some(password) = server.password.as_ref().or(password) {
            let user = server.user.as_ref().or(user).map_or("default", |user| user);
            hello.arg("AUTH").arg(user).arg(password);
        }
        hello.arg("SETNAME").arg("longwire");
        hello
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Sends one command and reads its answer. Nothing else may be under way.
pub(crate) async fn exchange(stream: &mut Monitored, command: &Cmd) -> io::Result<Value> {
    stream.write_all(&command.get_packed_command()).await?;
    stream.flush().await?;
    let mut decoder = combine::stream::Decoder::new();
    redis::parse_redis_value_async(&mut decoder, stream).await.map_err(io::Error::other)
}

fn check_greeting(server: &RedisUrl, purpose: Purpose, greeting: Value) -> Result<(), ConnectError> {
    let server = server.clone();
    let fields = match greeting {
        Value::Map(fields) => fields,
        Value::ServerError(refusal) => {
            let message = refusal.to_string();
            return Err(match refusal.code() {
                "WRONGPASS" | "NOAUTH" => ConnectError::Authentication { server, message },
                // Redis 5 does not know the command.
                "ERR" if message.contains("unknown command") => {
                    ConnectError::Version { server, version: "5 or older".to_owned() }
                }
                _ => ConnectError::Refused { server, message },
            });
        }
        _ => {
            let source = io::Error::other("the answer to HELLO is not that of Redis");
            return Err(ConnectError::Unreachable { server, source });
        }
    };
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| text(name) == Some(wanted));
        found.and_then(|(_, value)| text(value)).unwrap_or_default().to_owned()
    };
    let version = field("version");
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major.is_none_or(|major| major < OLDEST) {
        return Err(ConnectError::Version { server, version });
    }
    let mode = field("mode");
    let wanted = match purpose {
        Purpose::Sentinel => "sentinel",
        Purpose::Server => "standalone",
        Purpose::ClusterMap | Purpose::ClusterMaster => "cluster",
    };
    if mode != wanted {
        return Err(ConnectError::Deployment { server, mode });
    }
    let is_replica = field("role") != "master";
    if is_replica && matches!(purpose, Purpose::Server | Purpose::ClusterMaster) {
        return Err(ConnectError::Replica { server });
    }
    Ok(())
}

/// The text of a string.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}
