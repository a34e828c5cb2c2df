//! The ways of serving, for tests of their common behaviour.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use longwire::{
    Accept, Engine, Handler, HandlerResult, MessageRef, PeerAddr, Refusal, Server, Socket, Upgrade, WebSocket,
};

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

const FRONTS: [Front; 4] =
    [Front::Tasks, Front::Loops(Engine::Readiness), Front::Loops(Engine::Tokio), Front::Loops(Engine::Uring)];

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
    /// Starts a server that sends its own address to each client: over WebSockets, and as the page for every other
    /// request.
    pub(crate) async fn start_greeting(self, set_up: impl FnOnce(Server) -> Server) -> Serving {
        let page = tower::service_fn(async |request: Request<Incoming>| {
            let PeerAddr(peer) = request.extensions().get().copied().unwrap();
            Ok::<_, Infallible>(Response::new(named(peer)))
        });
        let set_up = |server: Server| set_up(server.http(page));
        match self {
            Front::Tasks => Serving::start(set_up, |server| server.serve(greet)).await,
            Front::Loops(engine) => {
                let run = |server: Server| server.engine(engine).workers(2).run(Greet);
                Serving::start(set_up, run).await
            }
        }
    }

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

/// The address of a client, as a server that greets names it.
pub(crate) fn named(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "unix".to_owned(), |address| address.to_string())
}

async fn greet(mut socket: WebSocket) -> HandlerResult {
    socket.send(named(socket.peer_addr())).await?;
    echo(socket).await
}

/// Sends its own address to each client.
struct Greet;

impl Handler for Greet {
    type State = Option<SocketAddr>;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Self::State>, Refusal> {
        Ok(Accept::with(request.peer_addr()))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        assert_eq!(*socket.state(), socket.peer_addr());
        socket.send(named(socket.peer_addr())).or_drop();
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
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
