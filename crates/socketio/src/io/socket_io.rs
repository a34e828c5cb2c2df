//! The server.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytestring::ByteString;
use tokio::runtime::Handle;

use super::adapter::{Adapter, NodeInbox};
use super::auth::Auth;
use super::cluster::Cluster;
use super::config::SocketIoConfig;
use super::context::Context;
use super::dynamic_namespace::DynamicNamespace;
use super::namespace::Namespace;
use super::node_orders::{carry_out, decline};
use super::registry::{NoNamespace, Registry};
use crate::protocol::MAIN_NAMESPACE;

/// A Socket.IO server: its namespaces, and their clients. It is cheap to clone; a clone is the same server.
///
/// It dereferences to its main namespace, `/`, so `io.on_connect(…)` and `io.to("room")` are those of `io.of("/")`.
///
/// ```
/// use longwire_socketio::{Data, SocketIo};
///
/// let io = SocketIo::new();
/// io.on_connect(|socket, _auth| async move {
///     socket.on("message", |socket, Data(text): Data<String>| async move {
///         socket.broadcast().emit("message", text).ok();
///     });
/// });
/// io.of("/admin").use_middleware(|_socket, _auth| async { Err("nobody may be here".into()) });
/// ```
#[derive(Clone)]
pub struct SocketIo {
    shared: Arc<ServerShared>,
}

struct ServerShared {
    context: Arc<Context>,
    main: Namespace,
    registry: Arc<Registry>,
}

impl SocketIo {
    /// A server with default settings.
    #[must_use]
    pub fn new() -> SocketIo {
        SocketIo::with(SocketIoConfig::default())
    }

    /// A server with these settings.
    #[must_use]
    pub fn with(config: SocketIoConfig) -> SocketIo {
        SocketIo::of_context(Context { config: Arc::new(config), cluster: None })
    }

    /// A server with these settings that is one of several: a broadcast also reaches the clients of the others. See [`Adapter`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn with_adapter(config: SocketIoConfig, adapter: impl Adapter) -> SocketIo {
        let cluster = Arc::new(Cluster::new(Box::new(adapter)));
        let context = Context { config: Arc::new(config), cluster: Some(Arc::clone(&cluster)) };
        let io = SocketIo::of_context(context);
        let (server, others, runtime) =
            (Arc::downgrade(&io.shared), Arc::downgrade(&cluster), Handle::current());
        let doing = runtime.clone();
        cluster.adapter().start(NodeInbox::new(move |message| {
            let (Some(shared), Some(cluster)) = (server.upgrade(), others.upgrade()) else { return };
            let Some(ordered) = cluster.receive(message) else { return };
            if let Some(namespace) = (SocketIo { shared }).find(&ordered.namespace) {
                carry_out(&cluster, &namespace, ordered, &doing);
            } else {
                decline(&cluster, &ordered);
            }
        }));
        runtime.spawn(Cluster::stay_in_touch(Arc::downgrade(&cluster)));
        io
    }

    fn of_context(context: Context) -> SocketIo {
        let (name, context) = (ByteString::from_static(MAIN_NAMESPACE), Arc::new(context));
        let main = Namespace::new(name, Arc::clone(&context));
        let registry = Registry::new(Arc::clone(&context));
        SocketIo { shared: Arc::new(ServerShared { context, main, registry }) }
    }

    fn find(&self, name: &str) -> Option<Namespace> {
        if *name == *MAIN_NAMESPACE {
            Some(self.shared.main.clone())
        } else {
            self.shared.registry.find(name)
        }
    }

    /// How many other nodes this server knows of.
    #[must_use]
    pub fn other_nodes(&self) -> usize {
        self.shared.context.cluster.as_ref().map_or(0, |cluster| cluster.others())
    }

    pub(super) fn config(&self) -> &Arc<SocketIoConfig> {
        &self.shared.context.config
    }

    /// The namespace of this name, which begins with `/`. Clients can join it from now on.
    #[must_use]
    pub fn of(&self, name: &str) -> Namespace {
        let name = match name.strip_prefix('/') {
            Some(_) => ByteString::from(name),
            None => ByteString::from(format!("/{name}")),
        };
        if *name == *MAIN_NAMESPACE { self.shared.main.clone() } else { self.shared.registry.of(name) }
    }

    /// Namespaces that begin when a client asks for them, if `matches` says so of their name and of the client's credentials. A
    /// pattern can be a regular expression. A namespace ends when nobody is in it any more; with
    /// [recovery](crate::RecoveryConfig), when nobody may come back. There are at most
    /// [`dynamic_namespaces`](SocketIoConfig::dynamic_namespaces). One that [`of`](SocketIo::of) has returned stays.
    ///
    /// ```
    /// use longwire_socketio::SocketIo;
    ///
    /// let io = SocketIo::new();
    /// let rooms = io.of_dynamic(|name, _auth| name.strip_prefix("/room-").is_some_and(|id| id.parse::<u32>().is_ok()));
    /// rooms.on_connect(|socket, _auth| async move {
    ///     socket.emit("welcome", socket.namespace()).ok();
    /// });
    /// ```
    pub fn of_dynamic<F>(&self, matches: F) -> DynamicNamespace
    where
        F: Fn(&str, &Auth) -> bool + Send + Sync + 'static,
    {
        let dynamic = DynamicNamespace::new(Box::new(matches));
        self.shared.registry.add_pattern(dynamic.clone());
        dynamic
    }

    /// The namespace that a client joins.
    pub(super) fn join(&self, name: &ByteString, auth: &Auth) -> Result<Namespace, NoNamespace> {
        if *name == *MAIN_NAMESPACE {
            return Ok(self.shared.main.clone());
        }
        self.shared.registry.join(name, auth)
    }

    #[cfg(test)]
    pub(super) fn registry(&self) -> &Registry {
        &self.shared.registry
    }
}

impl Default for SocketIo {
    fn default() -> SocketIo {
        SocketIo::new()
    }
}

impl Deref for SocketIo {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.shared.main
    }
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIo").field("config", &self.shared.context.config).finish_non_exhaustive()
    }
}
