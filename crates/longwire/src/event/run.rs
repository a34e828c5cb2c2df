//! Runs a server's event loops, one thread each, which share the port.

mod loop_setup;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::loop_setup::{LoopKind, LoopSetup};
use super::application::Application;
use super::engine::Engine;
use super::mailbox::{Exchange, Mail};
use super::observer::{Observation, Observer};
use super::rules::Rules;
use crate::admission::census::Census;
use crate::admission::listener::{Listener, ListeningSocket};
use crate::error::{Error, Result};
use crate::http1::service::HttpService;
use crate::telemetry::phase::Phase;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The configuration of a server to run.
pub(crate) struct Plan<A> {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) rules: Rules<A>,
    pub(crate) http: Option<HttpService>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
    pub(crate) census: Arc<Census>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) observer: Option<Observer>,
    pub(crate) engine: Engine,
    pub(crate) workers: usize,
    pub(crate) shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// How long closing the open connections takes, given their number.
    pub(crate) shutdown_spread: Option<ShutdownSpread>,
    pub(crate) shutdown_time: Duration,
}

/// From the number of open connections to the time in which a shutdown closes them.
pub(crate) type ShutdownSpread = Box<dyn FnOnce(usize) -> Duration + Send>;

/// Runs until the shutdown is over.
pub(crate) async fn run<A: Application>(plan: Plan<A>) -> Result<()> {
    let setting_up = |error| Error::io("set up the event loops", error);
    let census = plan.census;
    let engine = plan.engine.resolve();
    let sockets = distribute(plan.listeners, plan.workers, engine).map_err(setting_up)?;
    let loops = Loops { exchange: plan.exchange, dropping: CancellationToken::new() };
    let (sender, mut ended) = unbounded_channel();
    let observation = plan.observer.map(|observer| {
        Observation::start(observer, loops.exchange.registry(), Handle::current()).map_err(setting_up)
    });
    let (observation, observed) = observation.transpose()?.unzip();
    let start = LoopSetup {
        rules: Arc::new(plan.rules),
        http: plan.http.map(Arc::new),
        #[cfg(feature = "tls")]
        tls: plan.tls,
        census: Arc::clone(&census),
        exchange: Arc::clone(&loops.exchange),
        dropping: loops.dropping.clone(),
        caller: Handle::current(),
        ended: sender,
        observation: observation.map(Arc::new),
    };
    // Over raw sockets, connections that return from hyper need a separate loop.
    let mailboxes = loops.exchange.connect(sockets.len() + usize::from(LoopKind::needs_guests(engine)));
    let kind = start.kind(engine, mailboxes.last());
    for (number, (sockets, mailbox)) in sockets.into_iter().zip(mailboxes).enumerate() {
        let (start, kind, mailbox) = (start.clone(), kind.clone(), Arc::clone(mailbox));
        thread::Builder::new()
            .name(format!("longwire-{number}"))
            .spawn(move || start.run(&kind, sockets, mailbox))
            .map_err(setting_up)?;
    }
    drop((start, kind));
    tokio::select! {
        () = plan.shutdown => {}
        // Before the shutdown, a loop ends only if it cannot run.
        outcome = ended.recv() => return Err(Error::io("run the event loops", why_it_ended(outcome))),
    }
    let spread = plan.shutdown_spread.map_or(Duration::ZERO, |spread| spread(open_connections(&census)));
    loops.send_all(|| Mail::ShutDown { spread });
    if timeout(spread.saturating_add(plan.shutdown_time), all(&mut ended)).await.is_err() {
        tracing::warn!("dropping connections that did not close in time");
        loops.stop();
        all(&mut ended).await;
    }
    if let Some(observed) = observed
        && timeout(plan.shutdown_time, observed).await.is_err()
    {
        tracing::warn!("the observer of topics did not return in time");
    }
    Ok(())
}

fn open_connections(census: &Census) -> usize {
    let open = Phase::ALL.iter().zip(census.in_phases()).filter(|(phase, _)| **phase == Phase::Open);
    open.map(|(_, count)| count).sum()
}

/// The error of a loop that ended although nothing asked it to.
fn why_it_ended(outcome: Option<io::Result<()>>) -> io::Error {
    match outcome {
        Some(Err(error)) => error,
        Some(Ok(())) | None => io::Error::other("an event loop ended unexpectedly"),
    }
}

/// Waits until every loop has ended.
async fn all(ended: &mut UnboundedReceiver<io::Result<()>>) {
    while ended.recv().await.is_some() {}
}

/// The running loops. Dropping this stops them.
struct Loops {
    exchange: Arc<Exchange>,
    dropping: CancellationToken,
}

impl Loops {
    fn send_all(&self, mail: impl Fn() -> Mail) {
        for mailbox in self.exchange.mailboxes() {
            mailbox.put(mail());
        }
    }

    fn stop(&self) {
        self.dropping.cancel();
        self.send_all(|| Mail::Stop);
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The listeners of each loop. io_uring waits for connections itself; the listeners must be in blocking mode for it. The
/// mode belongs to the socket, which loops may share.
fn distribute(
    listeners: Vec<Listener>,
    workers: usize,
    engine: Engine,
) -> io::Result<Vec<Vec<ListeningSocket>>> {
    let mut loops: Vec<_> = (0..workers).map(|_| Vec::with_capacity(listeners.len())).collect();
    for listener in listeners {
        for (sockets, socket) in loops.iter_mut().zip(listener.distribute(workers)?) {
            socket.set_nonblocking(engine != Engine::Uring)?;
            sockets.push(socket);
        }
    }
    Ok(loops)
}

#[cfg(test)]
mod tests {
    use super::loop_setup::contained;
    use super::*;

    /// Only its clients used to notice when a loop's thread ended.
    #[test]
    fn a_loop_that_ends_by_itself_is_an_error_however_it_ends() {
        let panicked = contained(|| panic!("as the test wants it"));
        assert_eq!(
            why_it_ended(Some(panicked)).to_string(),
            "an event loop has panicked: as the test wants it"
        );
        for outcome in [Some(contained(|| Ok(()))), None] {
            assert_eq!(why_it_ended(outcome).to_string(), "an event loop ended unexpectedly");
        }
    }
}
