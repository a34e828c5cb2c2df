//! A connection while the application's handler runs.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use longwire_proto::{CloseCode, CloseFrame, Config};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handling::{HandlerOutcome, HandlerResult, Handling};
use crate::admission::census::{Census, Place};
use crate::admission::handshake::ServerTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::connection::Connection;
use crate::established::Established;
use crate::halves::Sender;
use crate::http1::service::HttpService;
use crate::ledger::Ledger;
use crate::panic_message::panic_message;
use crate::shared::Shared;
use crate::shared::attended::Standing;
use crate::shared::driver::DrivenBy;
use crate::telemetry::phase::Phase;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// The application's handler, with its type erased.
pub(crate) type ServeFn = Arc<dyn Fn(WebSocket) -> Handling + Send + Sync>;

/// Erases the type of a handler. Each connection gets a clone: a closure moves what it captured into its future.
pub(crate) fn erase<F, Fut>(handler: F) -> ServeFn
where
    F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
{
    Arc::new(move |socket| Box::pin(handler.clone()(socket)))
}

/// State that all connections of a server share.
pub(super) struct Settings {
    pub(super) config: Arc<Config>,
    pub(super) admission: AdmissionPolicy,
    pub(super) http: Option<HttpService>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) handler: ServeFn,
    pub(super) census: Arc<Census>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) turning_away: Arc<Semaphore>,
    /// Set before `closing` is cancelled.
    pub(super) is_closing: AtomicBool,
    /// Cancelled when the server shuts down.
    pub(super) closing: CancellationToken,
    /// Cancelled when the remaining connections are dropped.
    pub(super) dropping: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Settings {
    /// Whether clients speak TLS.
    pub(super) fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// The terms on which connections are opened.
    pub(super) fn terms(&self) -> ServerTerms<'_> {
        ServerTerms { policy: &self.admission, config: &self.config, serves_http: self.http.is_some() }
    }

    /// Runs `work` to its end, unless the server drops its remaining connections first.
    pub(super) async fn or_dropped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.dropping.cancelled() => None,
        }
    }

    /// Waits until the server shuts down. Poll the future from one task only: it registers its waker with the token
    /// only once, because a session is polled for each message.
    async fn shut_down(&self) {
        let mut closing = pin!(self.closing.cancelled());
        let mut waits = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut waits, true) && !self.is_closing.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            closing.as_mut().poll(cx)
        })
        .await;
    }
}

/// An open connection with its running handler.
pub(super) struct Session {
    handling: Handling,
    /// The result, if the handler returned on its first poll.
    outcome: Option<HandlerResult>,
    closer: CloseOnDrop,
}

impl Session {
    /// Opens the connection and starts the handler.
    pub(super) async fn begin(
        transport: Transport,
        established: Established,
        mut place: Place,
        settings: &Settings,
    ) -> Session {
        place.show(Phase::Open);
        let (protocol, read_ahead, negotiated) = established.into_parts();
        let account = settings.ledger.open();
        let connection = Connection::new(transport, protocol, read_ahead, Some(account)).holding(place);
        let socket = WebSocket::open(connection, negotiated, DrivenBy::Opener);
        let closer = CloseOnDrop(socket.sender());
        tracing::debug!(subprotocol = socket.subprotocol(), "open");

        // The handler runs up to its first wait before the client learns that it is connected. So a handler that
        // subscribes there misses nothing that is sent once the client knows.
        let mut handling = logged(|| (settings.handler)(socket));
        let outcome = poll_fn(|cx| {
            Poll::Ready(match logged(|| handling.as_mut().poll(cx)) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            })
        });
        let outcome = outcome.await;
        closer.shared().write();
        Session { handling, outcome, closer }
    }

    /// Runs the handler to its end, then closes the connection properly.
    pub(super) async fn attend(&mut self, settings: &Settings) {
        let closer = Arc::clone(self.closer.shared());
        tokio::select! {
            biased;
            () = self.run_to_end() => {}
            () = async {
                settings.shut_down().await;
                say(&closer, CloseCode::GOING_AWAY, "the server is shutting down");
                settings.dropping.cancelled().await;
            } => {}
        }
        tracing::debug!(closed = %closer.closed(), "ended");
    }

    /// Waits until the handler is done, anything that it passed the connection to has released it, and all output is
    /// written.
    async fn run_to_end(&mut self) {
        let outcome = poll_fn(|cx| self.poll_handler(cx)).await;
        let shared = self.closer.shared();
        match outcome {
            Ok(()) if shared.has_one_sender_only() => say(shared, CloseCode::NORMAL, ""),
            // The handler passed the connection on.
            Ok(()) => {
                if poll_fn(|cx| shared.poll_out_of_use(cx)).await == Standing::Abandoned {
                    say(shared, CloseCode::GOING_AWAY, "");
                }
            }
            // The connection ended first, so this is not the application's fault.
            Err(error) if !self.closer.0.is_open() => {
                tracing::debug!(%error, "the handler failed because the connection had ended");
            }
            Err(error) => {
                tracing::error!(%error, "the handler failed");
                say(shared, CloseCode::INTERNAL_ERROR, "");
            }
        }
        poll_fn(|cx| shared.poll_settled(cx)).await;
    }

    fn poll_handler(&mut self, cx: &mut Context<'_>) -> Poll<HandlerResult> {
        if let Some(outcome) = self.outcome.take() {
            return Poll::Ready(outcome);
        }
        let shared = self.closer.shared();
        shared.begin_turn();
        let handled = logged(|| self.handling.as_mut().poll(cx));
        if shared.end_turn(cx) == Standing::Abandoned && handled.is_pending() {
            say(shared, CloseCode::GOING_AWAY, "");
        }
        handled
    }
}

/// Runs `handler` on an open connection that its opener drives, then closes the connection properly.
pub(crate) async fn run(socket: WebSocket, handler: impl FnOnce(WebSocket) -> Handling) {
    let closer = CloseOnDrop(socket.sender());
    let handling = logged(|| handler(socket));
    let mut session = Session { handling, outcome: None, closer };
    session.run_to_end().await;
    tracing::debug!(closed = %session.closer.shared().closed(), "ended");
}

/// Calls the application. If it panics, logs the panic message in the connection's span, then continues the panic.
fn logged<T>(call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        tracing::error!(
            panic = panic_message(&*payload),
            "the handler panicked; the panic hook has written where"
        );
        resume_unwind(payload)
    })
}

/// The server's own handle, to close a connection when its handler leaves it.
struct CloseOnDrop(Sender);

impl CloseOnDrop {
    fn shared(&self) -> &Arc<Shared> {
        self.0.shared()
    }
}

fn say(shared: &Arc<Shared>, code: CloseCode, reason: &str) {
    shared.begin_close(CloseFrame::new(code, reason).ok());
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(self.shared(), CloseCode::INTERNAL_ERROR, "");
        }
        self.shared().release();
    }
}
