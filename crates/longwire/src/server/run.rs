//! What is set for [`Server::run`] only.

use std::sync::Arc;

use super::Server;
use super::mode::{CanRun, Run};
use crate::event::{Engine, Topics};

/// Settings for [`run`](Server::run), after which the server cannot [`serve`](Server::serve) any more.
impl<M> Server<M> {
    /// What moves the bytes: [`Engine::Auto`] unless set.
    pub fn engine(self, engine: Engine) -> Server<Run>
    where
        M: CanRun,
    {
        self.for_run(|mode| mode.engine = engine)
    }

    /// How many event loops there are, each on a thread of its own; as many as there are cores unless set. With 0,
    /// [`run`](Server::run) fails.
    pub fn workers(self, count: usize) -> Server<Run>
    where
        M: CanRun,
    {
        self.for_run(|mode| mode.workers = count)
    }

    /// The server, and a handle that publishes to the topics of its connections.
    ///
    /// ```no_run
    /// # use longwire::{Handler, Server};
    /// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
    /// let (server, topics) = Server::bind("127.0.0.1:8080").await?.topics();
    /// std::thread::spawn(move || topics.publish("news", "It rains."));
    /// server.run(handler).await
    /// # }
    /// ```
    pub fn topics(self) -> (Server<Run>, Topics)
    where
        M: CanRun,
    {
        let server = self.for_run(|_| ());
        let topics = Topics::new(Arc::clone(&server.mode.exchange));
        (server, topics)
    }

    fn for_run(self, set: impl FnOnce(&mut Run)) -> Server<Run>
    where
        M: CanRun,
    {
        let mut mode = self.mode.into_run();
        set(&mut mode);
        Server { common: self.common, mode }
    }
}
