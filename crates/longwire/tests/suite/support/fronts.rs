//! The ways of serving, for tests of their common behaviour.

use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

use super::event_server::is_there;
use super::run::{block_on, on_own_thread};
use super::serving::{Serving, echo};

/// A way of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// `Server::serve`.
    Tasks,
    /// `Server::run`.
    Loops(Engine),
}

const FRONTS: [Front; 3] = [Front::Tasks, Front::Loops(Engine::Readiness), Front::Loops(Engine::Uring)];

/// The ways of serving that the system supports.
pub(crate) fn fronts() -> impl Iterator<Item = Front> {
    FRONTS.into_iter().filter(|front| match front {
        Front::Tasks => true,
        Front::Loops(engine) => is_there(*engine),
    })
}

/// Runs a test once for each way of serving.
pub(crate) fn for_each_front(test: impl AsyncFn(Front) + Copy + Send + 'static) {
    for front in fronts() {
        println!("front: {front:?}");
        on_own_thread(move || block_on(tokio::runtime::Builder::new_current_thread(), test(front)));
    }
}

impl Front {
    /// Starts an echo server on any free port.
    pub(crate) async fn start(self, set_up: impl FnOnce(Server) -> Server) -> Serving {
        match self {
            Front::Tasks => Serving::start(set_up, |server| server.serve(echo)).await,
            Front::Loops(engine) => {
                let run = |server: Server| server.engine(engine).workers(1).run(Echo);
                Serving::start(set_up, run).await
            }
        }
    }
}

/// Sends every message back.
struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}
