//! A connection while the application's handler runs.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

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
}

/// An open connection with its running handler.
///
/// Every connection has one for as long as it is open, so it is polled as a whole: futures of async functions, one in the
/// other, would take several times its memory.
pub(super) struct Session {
    handling: Handling,
    stage: SessionStage,
    closer: CloseOnDrop,
}

/// How far a session has come.
enum SessionStage {
    /// The handler runs.
    Handling,
    /// The handler has returned.
    Returned(HandlerResult),
    /// Something else still uses the connection that the handler has passed on.
    PassedOn,
    /// The connection closes, and output may have to be written.
    Closing,
}

impl Session {
    /// Opens the connection. [`start`](Session::start) it next.
    ///
    /// Not an `async fn`: its future would hold all that a connection consists of.
    pub(super) fn begin(
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

        let handling = logged(|| (settings.handler)(socket));
        Session { handling, stage: SessionStage::Handling, closer }
    }

    /// Starts the handler. It runs up to its first wait before the client learns that it is connected. So a handler that
    /// subscribes there misses nothing that is sent once the client knows.
    pub(super) async fn start(&mut self) {
        let outcome = poll_fn(|cx| {
            Poll::Ready(match logged(|| self.handling.as_mut().poll(cx)) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            })
        });
        if let Some(outcome) = outcome.await {
            self.stage = SessionStage::Returned(outcome);
        }
        self.closer.shared().write();
    }

    /// Runs the handler to its end, then closes the connection properly.
    pub(super) async fn attend(&mut self, settings: &Settings) {
        let has_ended = {
            let mut closing = pin!(settings.closing.cancelled());
            let mut waits = false;
            poll_fn(|cx| {
                if self.poll_to_end(cx).is_ready() {
                    return Poll::Ready(true);
                }
                // The token gets this task's waker only once, because a session is polled for each message.
                if std::mem::replace(&mut waits, true) && !settings.is_closing.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
                closing.as_mut().poll(cx).map(|()| false)
            })
            .await
        };
        if !has_ended {
            say(self.closer.shared(), CloseCode::GOING_AWAY, "the server is shutting down");
            settings.or_dropped(poll_fn(|cx| self.poll_to_end(cx))).await;
        }
        tracing::debug!(closed = %self.closer.shared().closed(), "ended");
    }

    /// Polls until the handler is done, anything that it passed the connection to has released it, and all output is
    /// written.
    fn poll_to_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stage = match std::mem::replace(&mut self.stage, SessionStage::Handling) {
                SessionStage::Handling => SessionStage::Returned(ready!(self.poll_handler(cx))),
                SessionStage::Returned(outcome) => self.returned(outcome),
                SessionStage::PassedOn => match self.closer.shared().poll_out_of_use(cx) {
                    Poll::Pending => {
                        self.stage = SessionStage::PassedOn;
                        return Poll::Pending;
                    }
                    Poll::Ready(standing) => {
                        if standing == Standing::Abandoned {
                            say(self.closer.shared(), CloseCode::GOING_AWAY, "");
                        }
                        SessionStage::Closing
                    }
                },
                SessionStage::Closing => {
                    self.stage = SessionStage::Closing;
                    return self.closer.shared().poll_settled(cx);
                }
            };
        }
    }

    /// Handles the end of the handler.
    fn returned(&self, outcome: HandlerResult) -> SessionStage {
        let shared = self.closer.shared();
        match outcome {
            Ok(()) if shared.has_one_sender_only() => say(shared, CloseCode::NORMAL, ""),
            // The handler passed the connection on.
            Ok(()) => return SessionStage::PassedOn,
            // The connection ended first, so this is not the application's fault.
            Err(error) if !self.closer.0.is_open() => {
                tracing::debug!(%error, "the handler failed because the connection had ended");
            }
            Err(error) => {
                tracing::error!(%error, "the handler failed");
                say(shared, CloseCode::INTERNAL_ERROR, "");
            }
        }
        SessionStage::Closing
    }

    fn poll_handler(&mut self, cx: &mut Context<'_>) -> Poll<HandlerResult> {
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
    let mut session = Session { handling, stage: SessionStage::Handling, closer };
    poll_fn(|cx| session.poll_to_end(cx)).await;
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
