//! Finding out where the servers are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dial::{Dialer, Purpose, exchange, text};
use crate::failure::ConnectError;
use crate::options::{Deployment, SentinelServer};
use crate::routing::{Owners, Routing, SLOTS};
use crate::servers::Servers;
use crate::url::RedisUrl;

/// How often it is asked where the servers are.
const INTERVAL: Duration = Duration::from_secs(5);

/// The least time between two such questions.
const GAP: Duration = Duration::from_millis(250);

/// Connects to the servers for the first time, and finds out that they can be used.
pub(crate) async fn begin(servers: &Servers) -> Result<(), ConnectError> {
    servers.install(find(servers).await?);
    for link in &servers.routing().links {
        let timed_out =
            || ConnectError::Timeout { server: link.server().clone(), after: servers.options.timeout };
        // A subscriber may be waiting after its first failure; commands report theirs.
        timeout(servers.options.timeout, link.check())
            .await
            .map_err(|_| timed_out())?
            .map_err(|failure| failure.unwrap_or_else(timed_out))?;
    }
    Ok(())
}

/// Follows the servers for as long as the store lives.
pub(crate) async fn follow(servers: std::sync::Weak<Servers>, look_around: Arc<tokio::sync::Notify>) {
    let mut is_reported = false;
    loop {
        let _rung = timeout(INTERVAL, look_around.notified()).await;
        let Some(servers) = servers.upgrade() else { return };
        if !matches!(servers.options.deployment, Deployment::Servers(_)) {
            match find(&servers).await {
                Ok(routing) => {
                    servers.install(routing);
                    is_reported = false;
                }
                Err(failure) if !std::mem::replace(&mut is_reported, true) => {
                    tracing::warn!(%failure, "the servers of Redis cannot be found");
                }
                Err(failure) => tracing::debug!(%failure, "the servers of Redis cannot be found"),
            }
        }
        drop(servers);
        sleep(GAP).await;
    }
}

async fn find(servers: &Servers) -> Result<Routing, ConnectError> {
    match &servers.options.deployment {
        Deployment::Servers(urls) => {
            let links = urls.iter().map(|url| servers.link_to(url, Purpose::Server)).collect();
            Ok(Routing { links, owners: Owners::Weighed })
        }
        Deployment::Sentinel { sentinels, master, server } => {
            let url = ask_sentinels(&servers.dialer, sentinels, master, *server).await?;
            let links = vec![servers.link_to(&url, Purpose::Server)];
            Ok(Routing { links, owners: Owners::Weighed })
        }
        Deployment::Cluster(seeds) => cluster_map(servers, seeds).await,
    }
}

/// Asks all Sentinels at once: one that was cut off still names the old master, with a lower epoch.
async fn ask_sentinels(
    dialer: &Arc<Dialer>,
    sentinels: &[RedisUrl],
    master: &str,
    reached: SentinelServer,
) -> Result<RedisUrl, ConnectError> {
    let mut questions = JoinSet::new();
    for sentinel in sentinels {
        let (dialer, sentinel, master) = (dialer.clone(), sentinel.clone(), master.to_owned());
        questions.spawn(async move { ask_sentinel(&dialer, &sentinel, &master).await });
    }
    let mut newest: Option<(u64, String, u16)> = None;
    let mut failure = None;
    while let Some(answer) = questions.join_next().await {
        match answer {
            Ok(Ok(Some(found))) if newest.as_ref().is_none_or(|newest| newest.0 < found.0) => {
                newest = Some(found);
            }
            Ok(Err(other)) => failure = Some(other),
            _ => {}
        }
    }
    match newest {
        Some((_, host, port)) => {
            let SentinelServer { tls, database } = reached;
            // Not with the credentials of the Sentinels, which are others.
            Ok(RedisUrl { host, port, tls, database, user: None, password: None })
        }
        None => Err(failure.unwrap_or_else(|| ConnectError::UnknownMaster { name: master.to_owned() })),
    }
}

/// The master's configuration epoch and address, if the Sentinel knows it.
async fn ask_sentinel(
    dialer: &Dialer,
    sentinel: &RedisUrl,
    master: &str,
) -> Result<Option<(u64, String, u16)>, ConnectError> {
    let mut question = redis::cmd("SENTINEL");
    question.arg("MASTER").arg(master);
    let Value::Map(fields) = ask(dialer, sentinel, Purpose::Sentinel, &question).await? else {
        return Ok(None);
    };
    let fields: HashMap<&str, &str> =
        fields.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let found = || {
        let epoch = fields.get("config-epoch")?.parse().ok()?;
        Some((epoch, (*fields.get("ip")?).to_owned(), fields.get("port")?.parse().ok()?))
    };
    Ok(found())
}

async fn ask(
    dialer: &Dialer,
    server: &RedisUrl,
    purpose: Purpose,
    question: &redis::Cmd,
) -> Result<Value, ConnectError> {
    let mut stream = dialer.connect(server, purpose).await?;
    let answer = timeout(dialer.timeout(), exchange(&mut stream, question)).await;
    let answer = answer
        .map_err(|_| ConnectError::Timeout { server: server.clone(), after: dialer.timeout() })?
        .map_err(|source| ConnectError::Unreachable { server: server.clone(), source })?;
    Ok(answer)
}

/// Asks nodes until one answers, those first that are in use.
async fn cluster_map(servers: &Servers, seeds: &[RedisUrl]) -> Result<Routing, ConnectError> {
    let mut known: Vec<RedisUrl> = servers.routing().links.iter().map(|link| link.server().clone()).collect();
    // One of them may have fallen behind the others.
    let first = rand::random_range(0..=known.len());
    known.rotate_left(first);
    known.extend(seeds.iter().cloned());
    let mut failure = ConnectError::Options("no server is named");
    let mut question = redis::cmd("CLUSTER");
    question.arg("SLOTS");
    for server in known {
        match ask(&servers.dialer, &server, Purpose::ClusterMap, &question).await {
            Ok(answer) => match read_slots(servers, &server, &answer) {
                Some(routing) => return Ok(routing),
                None => {
                    let message = "CLUSTER SLOTS names no master".to_owned();
                    failure = ConnectError::Refused { server, message };
                }
            },
            Err(other) => failure = other,
        }
    }
    Err(failure)
}

/// Reads an answer to `CLUSTER SLOTS`: ranges, each with its first and last slot and the master's host and port.
fn read_slots(servers: &Servers, asked: &RedisUrl, answer: &Value) -> Option<Routing> {
    let Value::Array(ranges) = answer else { return None };
    let mut routing = Routing { links: Vec::new(), owners: Owners::Weighed };
    let mut owners = vec![None; SLOTS];
    for range in ranges {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = &**range else { return None };
        let [host, Value::Int(port), ..] = &**master else { return None };
        // A node that does not know its own address leaves it out.
        let host = text(host).filter(|host| !host.is_empty() && *host != "?").unwrap_or(&asked.host);
        let url = asked.with_address(host, u16::try_from(*port).ok()?);
        let index = match routing.links.iter().position(|known| *known.server() == url) {
            Some(index) => index,
            None => {
                routing.links.push(servers.link_to(&url, Purpose::ClusterMaster));
                routing.links.len() - 1
            }
        };
        let slots = usize::try_from(*first).ok()?..=usize::try_from(*last).ok()?;
        owners.get_mut(slots)?.fill(Some(u16::try_from(index).ok()?));
    }
    routing.owners = Owners::Slots(owners);
    (!routing.links.is_empty()).then_some(routing)
}
