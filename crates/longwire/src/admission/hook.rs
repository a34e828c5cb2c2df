//! Asks the application about a request for a WebSocket, and waits for its decision.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use longwire_proto::handshake::Refusal;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::decision::{Accept, Attached, Upgrade};
use crate::panic_message::panic_message;
use crate::telemetry::{self, NotLetIn};

/// How many bytes behind an undecided request are kept. With more, the connection is not read until the decision.
pub(crate) const MAX_BEHIND: usize = 16 << 10;

/// The hook of [`Server::on_upgrade`](crate::Server::on_upgrade), without its type.
pub(crate) type Decide = dyn for<'a> Fn(&'a Upgrade<'a>) -> DecideFuture<'a> + Send + Sync;

type DecideFuture<'a> = Pin<Box<dyn Future<Output = Result<Accept<Attached>, Refusal>> + Send + 'a>>;

/// Implemented by every async closure and function that [`Server::on_upgrade`](crate::Server::on_upgrade) takes. As a
/// bound, it says that the decision can move between threads, which `AsyncFnOnce` alone cannot say.
///
/// ```no_run
/// use longwire::{Accept, Attached, Refusal, Server, Upgrade, UpgradeHook};
///
/// async fn serve<F>(server: Server, decide: F) -> longwire::Result<()>
/// where
///     F: AsyncFnOnce(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + for<'a> UpgradeHook<'a>,
/// {
///     server.on_upgrade(decide).serve(async |_socket| Ok(())).await
/// }
/// ```
pub trait UpgradeHook<'a>: sealed::Hook<'a> + Clone + Send + Sync + 'static {}

impl<'a, F: sealed::Hook<'a> + Clone + Send + Sync + 'static> UpgradeHook<'a> for F {}

mod sealed {
    use super::{Accept, Attached, Refusal, Upgrade};

    pub trait Hook<'a> {
        type Decision: Future<Output = Result<Accept<Attached>, Refusal>> + Send + 'a;

        fn decide(self, request: &'a Upgrade<'a>) -> Self::Decision;
    }

    impl<'a, F, D> Hook<'a> for F
    where
        F: FnOnce(&'a Upgrade<'a>) -> D,
        D: Future<Output = Result<Accept<Attached>, Refusal>> + Send + 'a,
    {
        type Decision = D;

        fn decide(self, request: &'a Upgrade<'a>) -> D {
            self(request)
        }
    }
}

/// Erases the type of a hook. Each request gets a clone of it.
pub(crate) fn erase<F: for<'a> UpgradeHook<'a>>(hook: F) -> Box<Decide> {
    Box::new(move |request| Box::pin(hook.clone().decide(request)))
}

/// Waits for the application's decision. A panic counts as a refusal.
pub(crate) async fn unless_it_panics<S>(
    decision: impl Future<Output = Result<Accept<S>, Refusal>>,
) -> Result<Accept<S>, Refusal> {
    let mut decision = pin!(decision);
    let decided = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| decision.as_mut().poll(cx))) {
        Ok(decided) => decided,
        Err(payload) => Poll::Ready(Err(refused_by_panic(&*payload))),
    });
    decided.await
}

/// Waits for a decision about a request that hyper has read. The time and a shutdown end it.
///
/// # Errors
///
/// A refusal, if there is no decision.
pub(crate) async fn decided_in_time<T>(
    decision: impl Future<Output = T>,
    limit: Duration,
    closing: &CancellationToken,
) -> Result<T, Refusal> {
    tokio::select! {
        biased;
        decided = timeout(limit, decision) => decided.map_err(|_| refuse_late()),
        () = closing.cancelled() => {
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down"))
        }
    }
}

/// Refuses a request that the application has not decided about in time, and counts it.
pub(crate) fn refuse_late() -> Refusal {
    tracing::debug!("the application has not decided about the request in time");
    telemetry::refused(NotLetIn::HandshakeTimeout);
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server has not decided in time")
}

fn refused_by_panic(payload: &(dyn Any + Send)) -> Refusal {
    tracing::error!(
        panic = panic_message(payload),
        "the hook for upgrades panicked; the panic hook has written where"
    );
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request")
}
