//! A connection in the hands of the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use longwire_proto::deflate::Agreement;
use longwire_proto::{CloseCode, CloseFrame, Config, Protocol, Role};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::census::Census;
use super::service::HttpService;
use crate::connection::Connection;
use crate::error::Result;
use crate::halves::Sender;
use crate::ledger::Ledger;
use crate::opening::Opening;
use crate::shared::Shared;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// The application's handler.
pub(super) type Handler = Arc<dyn Fn(WebSocket) -> Handling + Send + Sync>;

/// The handler's work on one connection.
type Handling = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What all connections of a server share.
pub(super) struct Settings {
    pub(super) config: Arc<Config>,
    pub(super) admission: Admission,
    pub(super) http: Option<HttpService>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) handler: Handler,
    pub(super) census: Arc<Census>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) turning_away: Arc<Semaphore>,
    /// Cancelled when the server shuts down.
    pub(super) closing: CancellationToken,
    /// Cancelled when what is left of the connections is dropped.
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

    /// Does `work`, unless the server drops what is left of its connections.
    pub(super) async fn or_dropped(self: Arc<Settings>, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            () = self.dropping.cancelled() => {}
        }
    }
}

/// A connection that is about to open.
pub(super) struct Session {
    pub(super) transport: Transport,
    /// What came behind the request.
    pub(super) read_ahead: Vec<u8>,
    /// The response that accepts it, if it has not been written.
    pub(super) response: Vec<u8>,
    pub(super) opening: Opening,
    /// How messages are compressed, if that was agreed on.
    pub(super) deflate: Option<Agreement>,
}

/// Runs the handler for a connection, and ends the connection properly when the handler is done.
pub(super) async fn run(session: Session, settings: &Settings) {
    let protocol = Protocol::new(Role::Server, Arc::clone(&settings.config)).with_preface(&session.response);
    let protocol = match &session.deflate {
        Some(agreement) => protocol.with_deflate(agreement),
        None => protocol,
    };
    let account = settings.ledger.open();
    let connection = Connection::new(session.transport, protocol, session.read_ahead, Some(account));
    let socket = WebSocket::open(connection, session.opening);
    let farewell = Farewell(socket.sender());
    tracing::debug!(subprotocol = socket.subprotocol(), "open");

    // The handler runs up to its first wait before the client is told that it is connected: whoever subscribes there
    // misses nothing that is sent once the client knows.
    let mut handling = (settings.handler)(socket);
    let begun = std::future::poll_fn(|cx| Poll::Ready(handling.as_mut().poll(cx))).await;
    farewell.shared().write();
    let attending = attend(resumed(begun, &mut handling), &farewell);
    let shutting_down = async {
        settings.closing.cancelled().await;
        farewell.say(CloseCode::GOING_AWAY, "the server is shutting down");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = attending => {}
        () = shutting_down => {}
    }
    tracing::debug!(closed = %farewell.shared().closed(), "ended");
}

/// Sees a connection to its end: through its handler, through whoever the handler hands it to, and until nothing is
/// left to be written.
async fn attend(handling: impl Future<Output = Result<()>>, farewell: &Farewell) {
    let mut handling = std::pin::pin!(handling);
    let outcome = tokio::select! {
        biased;
        outcome = &mut handling => outcome,
        () = farewell.shared().left_with_one_sender() => {
            farewell.say(CloseCode::GOING_AWAY, "");
            handling.await
        }
    };
    match outcome {
        Ok(()) if farewell.shared().has_one_sender_only() => farewell.say(CloseCode::NORMAL, ""),
        // The handler has handed the connection on to others.
        Ok(()) => {
            tokio::select! {
                () = farewell.shared().left_with_one_sender() => farewell.say(CloseCode::GOING_AWAY, ""),
                () = farewell.shared().settled() => {}
            }
        }
        // The end of the connection is not the application's fault.
        Err(error) if !farewell.0.is_open() => {
            tracing::debug!(%error, "the handler ended with the connection");
        }
        Err(error) => {
            tracing::error!(%error, "the handler failed");
            farewell.say(CloseCode::INTERNAL_ERROR, "");
        }
    }
    farewell.shared().settled().await;
}

/// What the handler comes to, if it has not come to it already.
async fn resumed(begun: Poll<Result<()>>, handling: &mut Handling) -> Result<()> {
    match begun {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => handling.await,
    }
}

/// A handle of the server's own, to close a connection that its handler leaves.
struct Farewell(Sender);

impl Farewell {
    fn shared(&self) -> &Arc<Shared> {
        self.0.shared()
    }

    fn say(&self, code: CloseCode, reason: &str) {
        self.shared().begin_close(CloseFrame::new(code, reason).ok());
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.say(CloseCode::INTERNAL_ERROR, "");
        }
    }
}
