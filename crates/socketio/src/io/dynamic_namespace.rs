//! Namespaces that begin when a client asks for them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::auth::{Auth, ConnectError};
use super::hooks::Hooks;
use super::socket::Socket;

/// Which namespaces may begin, by their name and the credentials of the client that asks.
pub(super) type Matches = dyn Fn(&str, &Auth) -> bool + Send + Sync;

/// Namespaces that begin when a client asks for them, and end when nobody is in them. It is cheap to clone; a clone is the same.
/// Made by [`SocketIo::of_dynamic`](crate::SocketIo::of_dynamic).
#[derive(Clone)]
pub struct DynamicNamespace {
    shared: Arc<DynamicShared>,
}

struct DynamicShared {
    matches: Box<Matches>,
    hooks: Hooks,
}

impl DynamicNamespace {
    pub(super) fn new(matches: Box<Matches>) -> DynamicNamespace {
        DynamicNamespace { shared: Arc::new(DynamicShared { matches, hooks: Hooks::default() }) }
    }

    pub(super) fn matches(&self, name: &str, auth: &Auth) -> bool {
        (self.shared.matches)(name, auth)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.shared.hooks
    }

    /// Calls `handler` for each client that joins one of the namespaces; see
    /// [`Namespace::on_connect`](crate::Namespace::on_connect). It holds for namespaces that begin later.
    pub fn on_connect<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.shared.hooks.on_connect(handler);
    }

    /// Asks `middleware` whether a client may join one of the namespaces; see
    /// [`Namespace::use_middleware`](crate::Namespace::use_middleware). It holds for namespaces that begin later.
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        self.shared.hooks.use_middleware(middleware);
    }
}

impl fmt::Debug for DynamicNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicNamespace").finish_non_exhaustive()
    }
}
