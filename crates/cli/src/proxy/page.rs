//! The page that shows messages live, and its WebSocket.
//!
//! What passes may be secret, so only this page may read it. Another site's page has another origin, which the server
//! refuses. A site that points its own name here has the same origin as its Host, so names of others are refused, too.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use longwire::{Accept, Handler, Listener, MessageRef, Refusal, Server, Socket, Upgrade};
use tokio::net::TcpListener;

use super::journal::{Book, LIVE};
use super::local_name::is_local_name;
use crate::args::listen::PortAddr;
use crate::failure::Failure;
use crate::page_files::{self, PageFile};
use crate::terminal;

const FILES: [PageFile; 7] = [
    ("/", include_str!("../../web/proxy/index.html")),
    ("/base.css", include_str!("../../web/base.css")),
    ("/proxy.css", include_str!("../../web/proxy/proxy.css")),
    ("/proxy.js", include_str!("../../web/proxy/proxy.js")),
    ("/connection.js", include_str!("../../web/connection.js")),
    ("/status.js", include_str!("../../web/status.js")),
    ("/favicon.svg", include_str!("../../web/favicon.svg")),
];

/// The page loads nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The longest message of a page, which has nothing to say.
const MAX_MESSAGE: usize = 1 << 10;

/// Serves the page until the program ends. Returns its first address.
pub(super) fn serve(
    listeners: Vec<TcpListener>,
    at: &PortAddr,
    book: &Arc<Book>,
) -> Result<SocketAddr, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("cannot serve the page: {error}"));
    let mut listening = Vec::new();
    for listener in listeners {
        let listener = listener.into_std().map_err(|error| failed(&error))?;
        listening.push(Listener::from(listener));
    }
    let mut listening = listening.into_iter();
    let first = listening.next().ok_or_else(|| failed(&"there is nowhere to listen"))?;
    let address = first.local_addr().ok_or_else(|| failed(&"it has no address"))?;
    let server = listening.fold(Server::on(first), Server::also_on);
    let guard = Arc::new(Guard { at: at.clone() });
    let (server, topics) = server.http(router(&guard)).workers(1).topics();
    book.publish_to(topics);
    let pages = LiveSockets { book: Arc::clone(book), guard };
    tokio::spawn(async move {
        if let Err(error) = server.route("/live", pages).run().await {
            terminal::complain(&format!("longwire: the page has ended: {error}"));
        }
    });
    Ok(address)
}

/// Knows under which names the page may be reached.
struct Guard {
    at: PortAddr,
}

impl Guard {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        is_local_name(host, &self.at)
    }
}

fn router(guard: &Arc<Guard>) -> Router {
    page_files::router(FILES, POLICY)
        .layer(middleware::from_fn_with_state(Arc::clone(guard), only_local_names))
}

async fn only_local_names(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if guard.admits(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This page answers only to its address.\n").into_response()
    }
}

/// The WebSockets of pages.
struct LiveSockets {
    book: Arc<Book>,
    guard: Arc<Guard>,
}

impl Handler for LiveSockets {
    type State = ();

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        if !self.guard.admits(request.headers()) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "this page answers only to its address"));
        }
        Ok(Accept::new().max_message(MAX_MESSAGE))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        // A line that is published from here on follows the history. It may be in both: lines are numbered.
        socket.subscribe(LIVE);
        socket.send(self.book.greeting()).or_drop();
        for line in self.book.history() {
            socket.send(line).or_drop();
        }
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}
