//! What a namespace does with clients that join it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::auth::{Auth, ConnectError};
use super::caught::Running;
use super::socket::Socket;

/// What a middleware decides.
pub(super) type Decision = Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;

type DynMiddleware = Arc<dyn Fn(Socket, Auth) -> Decision + Send + Sync>;
type OnConnect = Arc<dyn Fn(Socket, Auth) -> Running + Send + Sync>;

/// The middleware and the connection handlers of a namespace.
#[derive(Default)]
pub(super) struct Hooks(RwLock<RegisteredHooks>);

#[derive(Default, Clone)]
struct RegisteredHooks {
    middleware: Vec<DynMiddleware>,
    connect: Vec<OnConnect>,
}

impl Hooks {
    fn read(&self) -> RwLockReadGuard<'_, RegisteredHooks> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut RegisteredHooks)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The same, as they are now.
    pub(super) fn copied(&self) -> Hooks {
        Hooks(RwLock::new(self.read().clone()))
    }

    pub(super) fn on_connect<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler: OnConnect = Arc::new(move |socket, auth| {
            let handler = handler.clone();
            Box::pin(async move { handler(socket, auth).await })
        });
        self.change(|hooks| hooks.connect.push(handler));
    }

    pub(super) fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        let middleware: DynMiddleware = Arc::new(move |socket, auth| {
            let middleware = middleware.clone();
            Box::pin(async move { middleware(socket, auth).await })
        });
        self.change(|hooks| hooks.middleware.push(middleware));
    }

    /// Whether a client needs permission.
    pub(super) fn has_middleware(&self) -> bool {
        !self.read().middleware.is_empty()
    }

    /// Asks the middleware, one after the other.
    pub(super) async fn decide(&self, socket: &Socket, auth: &Auth) -> Result<(), ConnectError> {
        let middleware = self.read().middleware.clone();
        for ask in middleware {
            ask(socket.clone(), auth.clone()).await?;
        }
        Ok(())
    }

    /// The handler of a connection: all that were set, one after the other.
    pub(super) fn connected(&self, socket: Socket, auth: Auth) -> Running {
        let handlers = self.read().connect.clone();
        Box::pin(async move {
            for handler in handlers {
                handler(socket.clone(), auth.clone()).await;
            }
        })
    }
}
