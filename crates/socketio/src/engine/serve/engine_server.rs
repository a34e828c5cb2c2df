//! An engine: all sessions of an application.

use std::fmt;
use std::sync::Arc;

use super::engine_shared::EngineShared;
use super::handler::EngineHandler;
use super::service::PollingService;
use crate::engine::{Application, CloseReason, EngineConfig};

/// The sessions of an application. Give its [`handler`](Engine::handler) and its [`service`](Engine::service) to a
/// [`longwire::Server`]; a clone is another handle of the same sessions.
///
/// ```no_run
/// use longwire::Server;
/// use longwire_socketio::engine::{Application, Engine, EngineConfig};
///
/// # async fn serve(application: impl Application) -> longwire::Result<()> {
/// let engine = Engine::new(application, EngineConfig::default());
/// Server::bind("127.0.0.1:3000")
///     .await?
///     .route(engine.path(), engine.handler())
///     .http(engine.service())
///     .run()
///     .await
/// # }
/// ```
///
/// Pages of which origins may connect, over either transport, is a setting of the server: [`longwire::Server::origins`].
pub struct Engine<A: Application> {
    shared: Arc<EngineShared<A>>,
}

impl<A: Application> Engine<A> {
    /// An engine without sessions.
    #[must_use]
    pub fn new(application: A, config: EngineConfig) -> Engine<A> {
        Engine { shared: Arc::new(EngineShared::new(application, config)) }
    }

    /// The application.
    #[must_use]
    pub fn application(&self) -> &A {
        &self.shared.application
    }

    /// The path of the requests, for [`longwire::Server::route`].
    #[must_use]
    pub fn path(&self) -> &str {
        &self.shared.config.path
    }

    /// What handles the WebSockets, for [`longwire::Server::route`].
    #[must_use]
    pub fn handler(&self) -> EngineHandler<A> {
        EngineHandler { engine: Arc::clone(&self.shared) }
    }

    /// What answers the requests of polling, for [`longwire::Server::http`] or a route of an axum `Router`.
    #[must_use]
    pub fn service(&self) -> PollingService<A> {
        PollingService { engine: Arc::clone(&self.shared) }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.count()
    }

    /// How many bytes wait for all clients together.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queued()
    }

    /// Ends all sessions with [`CloseReason::ServerShuttingDown`], and takes no new ones. Call it when the server begins to
    /// shut down: the server waits for the requests of polling, which this answers.
    pub fn shut_down(&self) {
        for session in self.shared.sessions.close() {
            session.connection.close_with(CloseReason::ServerShuttingDown);
        }
    }
}

impl<A: Application> Clone for Engine<A> {
    fn clone(&self) -> Engine<A> {
        Engine { shared: Arc::clone(&self.shared) }
    }
}

impl<A: Application> fmt::Debug for Engine<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("sessions", &self.sessions()).finish_non_exhaustive()
    }
}
