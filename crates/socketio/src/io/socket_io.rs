//! The server.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use bytestring::ByteString;

use super::config::SocketIoConfig;
use super::namespace::Namespace;
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
    config: Arc<SocketIoConfig>,
    main: Namespace,
    namespaces: RwLock<HashMap<ByteString, Namespace>>,
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
        let name = ByteString::from_static(MAIN_NAMESPACE);
        let config = Arc::new(config);
        let main = Namespace::new(name.clone(), Arc::clone(&config));
        let namespaces = RwLock::new(HashMap::from([(name, main.clone())]));
        SocketIo { shared: Arc::new(ServerShared { config, main, namespaces }) }
    }

    pub(super) fn config(&self) -> &Arc<SocketIoConfig> {
        &self.shared.config
    }

    /// The namespace of this name, which begins with `/`. Clients can join it from now on.
    #[must_use]
    pub fn of(&self, name: &str) -> Namespace {
        let name = match name.strip_prefix('/') {
            Some(_) => ByteString::from(name),
            None => ByteString::from(format!("/{name}")),
        };
        let mut namespaces = self.shared.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Namespace::new(name.clone(), Arc::clone(&self.shared.config));
        namespaces.entry(name.clone()).or_insert_with(new).clone()
    }

    /// The namespace of this name, if the application has made it.
    pub(super) fn find(&self, name: &str) -> Option<Namespace> {
        if name == MAIN_NAMESPACE {
            return Some(self.shared.main.clone());
        }
        self.shared.namespaces.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
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
        f.debug_struct("SocketIo").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
