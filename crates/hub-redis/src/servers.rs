//! The servers of a deployment, and what is listened to on which.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_hub::{BrokerError, StoreEvents};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::dial::{Dialer, Purpose};
use crate::figures::{Figures, RedisFigures};
use crate::lane::LaneTarget;
use crate::link::Link;
use crate::options::RedisOptions;
use crate::routing::Routing;
use crate::subscriber::{Subscriber, SubscriberTarget};
use crate::topic::Topic;
use crate::url::RedisUrl;

/// How many servers are known that own nothing yet.
const NEWCOMERS: usize = 16;

/// The servers of a deployment.
pub(crate) struct Servers {
    pub(crate) options: RedisOptions,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) figures: Arc<Figures>,
    /// Rung when the servers may have changed.
    pub(crate) look_around: Arc<Notify>,
    events: Arc<dyn StoreEvents>,
    routes: Mutex<Routes>,
}

struct Routes {
    routing: Arc<Routing>,
    /// Servers that others have named and that own nothing yet: slots are on their way to them.
    newcomers: Vec<Arc<Link>>,
    /// Where each topic is listened to.
    wanted: HashMap<Topic, Arc<Link>>,
}

impl Servers {
    pub(crate) fn new(options: RedisOptions, events: Arc<dyn StoreEvents>, routing: Routing) -> Servers {
        Servers {
            dialer: Arc::new(Dialer::new(&options)),
            options,
            figures: Arc::default(),
            look_around: Arc::default(),
            events,
            routes: Mutex::new(Routes {
                routing: Arc::new(routing),
                newcomers: Vec::new(),
                wanted: HashMap::new(),
            }),
        }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn routing(&self) -> Arc<Routing> {
        self.routes().routing.clone()
    }

    /// The link to a server, which begins if there is none.
    pub(crate) fn link_to(&self, server: &RedisUrl, purpose: Purpose) -> Arc<Link> {
        if let Some(link) = self.known(|link| link.server() == server) {
            return link;
        }
        let RedisOptions { silence, connections, .. } = self.options;
        let subscriber = Subscriber::start(SubscriberTarget {
            dialer: self.dialer.clone(),
            server: server.clone(),
            purpose,
            silence,
            figures: self.figures.clone(),
            events: self.events.clone(),
            look_around: self.look_around.clone(),
        });
        let target = LaneTarget {
            dialer: self.dialer.clone(),
            server: server.clone(),
            purpose,
            silence,
            figures: self.figures.clone(),
        };
        Arc::new(Link::new(target, connections, subscriber))
    }

    fn known(&self, is_wanted: impl Fn(&Arc<Link>) -> bool) -> Option<Arc<Link>> {
        let routes = self.routes();
        routes.routing.links.iter().chain(&routes.newcomers).find(|link| is_wanted(link)).cloned()
    }

    /// The server that another one of the Cluster has named.
    pub(crate) fn named_by(&self, other: &RedisUrl, host: &str, port: u16) -> Arc<Link> {
        let is_named = |link: &Arc<Link>| link.server().host == host && link.server().port == port;
        if let Some(link) = self.known(is_named) {
            return link;
        }
        let link = self.link_to(&other.with_address(host, port), Purpose::ClusterMaster);
        let mut routes = self.routes();
        routes.newcomers.truncate(NEWCOMERS - 1);
        routes.newcomers.push(link.clone());
        link
    }

    /// Uses other servers from now on. What is listened to moves along.
    pub(crate) fn install(&self, routing: Routing) {
        let mut routes = self.routes();
        if routes.routing.is_same(&routing) {
            return;
        }
        tracing::info!(servers = routing.links.len(), "the servers of Redis have changed");
        let prefix = &self.options.prefix;
        let mut leaving: Vec<(Arc<Link>, Vec<Vec<u8>>)> = Vec::new();
        let mut arriving = HashMap::new();
        for (topic, link) in &mut routes.wanted {
            let Some(new) = routing.link(topic).filter(|new| !Arc::ptr_eq(new, link)) else { continue };
            let name = topic.name(prefix);
            match leaving.iter_mut().find(|(old, _)| Arc::ptr_eq(old, link)) {
                Some((_, names)) => names.push(name.clone()),
                None => leaving.push((link.clone(), vec![name.clone()])),
            }
            arriving.insert(name, new.clone());
            *link = new.clone();
        }
        for (old, names) in leaving {
            for (name, entry) in old.subscriber.give(names) {
                if let Some(new) = arriving.get(&name) {
                    new.subscriber.receive(name, entry);
                }
            }
        }
        routes.routing = Arc::new(routing);
        routes.newcomers.clear();
    }

    /// Listens to a topic.
    ///
    /// Dropping the future, and a failure, leave no subscription behind that was not there before.
    pub(crate) async fn listen(&self, topic: Topic) -> Result<(), BrokerError> {
        let name = topic.name(&self.options.prefix);
        let receiver = {
            let mut routes = self.routes();
            let known = routes.wanted.get(&topic).or_else(|| routes.routing.link(&topic)).cloned();
            let Some(link) = known else {
                self.look_around.notify_one();
                return Err(BrokerError::Unavailable);
            };
            let receiver = link.subscriber.listen(&name, topic.clone());
            routes.wanted.insert(topic.clone(), link);
            receiver
        };
        // The receiver goes before the attempt ends, which looks whether anybody waits.
        let _attempt = Attempt { servers: self, topic, name };
        let receiver = receiver;
        match timeout(self.options.timeout, receiver).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(BrokerError::Unavailable),
        }
    }

    /// Listens no more.
    pub(crate) fn stop_listening(&self, topic: &Topic) {
        let mut routes = self.routes();
        if let Some(link) = routes.wanted.remove(topic) {
            link.subscriber.stop(&topic.name(&self.options.prefix));
        }
    }

    pub(crate) fn figures(&self) -> RedisFigures {
        let Figures { calls, failed_calls, connections, interruptions, unknown_records } = &*self.figures;
        let routing = self.routing();
        let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let listening = routing.links.iter().filter(|link| link.subscriber.is_connected()).count();
        RedisFigures {
            calls: calls.get(),
            failed_calls: failed_calls.get(),
            connections: connections.get(),
            interruptions: interruptions.get(),
            unknown_records: unknown_records.get(),
            listening_servers: count(listening),
            servers: count(routing.links.len()),
        }
    }
}

/// A call that waits until it listens.
struct Attempt<'a> {
    servers: &'a Servers,
    topic: Topic,
    name: Vec<u8>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut routes = self.servers.routes();
        if let Some(link) = routes.wanted.get(&self.topic)
            && link.subscriber.cancel(&self.name)
        {
            routes.wanted.remove(&self.topic);
        }
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("options", &self.options).finish_non_exhaustive()
    }
}
