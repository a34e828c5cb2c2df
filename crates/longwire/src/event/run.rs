//! Runs a server's event loops, one thread each, which share the port.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::coop::unconstrained;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::application::Application;
use super::engine::Engine;
use super::intake::{Intake, LoopHost};
use super::mailbox::{Exchange, Mail, Mailbox};
use super::observer::{Observation, Observer};
use super::readiness::{Readiness, Runtimes};
use super::rules::Rules;
#[cfg(all(target_os = "linux", feature = "uring", feature = "tls"))]
use super::sockets::begin_tls;
#[cfg(all(target_os = "linux", feature = "uring"))]
use super::sockets::{BeginTls, HandedOver, Setup};
#[cfg(all(target_os = "linux", feature = "uring"))]
use super::uring::UringLoop;
use crate::admission::accepting::Acceptors;
use crate::admission::census::Census;
use crate::admission::listener::{Listener, ListeningSocket};
use crate::error::{Error, Result};
use crate::http1::service::HttpService;
use crate::panic_message::panic_message;
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
    let uses_uring = plan.engine.resolve() == Engine::Uring;
    let sockets = distribute(plan.listeners, plan.workers, uses_uring).map_err(setting_up)?;
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
    // With io_uring, connections that return from hyper need a separate loop.
    let mailboxes = loops.exchange.connect(sockets.len() + usize::from(uses_uring));
    let kind = match mailboxes.last() {
        #[cfg(all(target_os = "linux", feature = "uring"))]
        Some(guests) if uses_uring => start.uring(guests),
        _ => LoopKind::Readiness,
    };
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

/// Runs a loop. A panic becomes an error, because its connections are no longer served.
fn contained(run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| Err(has_panicked(&*payload)))
}

fn has_panicked(payload: &(dyn Any + Send)) -> io::Error {
    io::Error::other(format!("an event loop has panicked: {}", panic_message(payload)))
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

/// The shared arguments of every loop.
struct LoopSetup<A> {
    rules: Arc<Rules<A>>,
    http: Option<Arc<HttpService>>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    census: Arc<Census>,
    exchange: Arc<Exchange>,
    /// Cancelled when the remaining connections are dropped.
    dropping: CancellationToken,
    /// The runtime that the server was started on. Tasks that handlers and the HTTP service spawn run there, on every
    /// engine.
    caller: Handle,
    ended: UnboundedSender<io::Result<()>>,
    /// The observer ends with the last loop.
    observation: Option<Arc<Observation>>,
}

impl<A> Clone for LoopSetup<A> {
    fn clone(&self) -> LoopSetup<A> {
        LoopSetup {
            rules: Arc::clone(&self.rules),
            http: self.http.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            census: Arc::clone(&self.census),
            exchange: Arc::clone(&self.exchange),
            dropping: self.dropping.clone(),
            caller: self.caller.clone(),
            ended: self.ended.clone(),
            observation: self.observation.clone(),
        }
    }
}

impl<A: Application> LoopSetup<A> {
    /// How to begin TLS, if the server uses it.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    fn begin_tls(&self) -> Option<BeginTls> {
        #[cfg(feature = "tls")]
        return self.tls.clone().map(begin_tls);
        #[cfg(not(feature = "tls"))]
        return None;
    }

    /// Starts a loop for connections that return from hyper. Returns the kind of the other loops, with the sender for
    /// connections that hyper should serve.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    fn uring(&self, guests: &Arc<Mailbox>) -> LoopKind {
        let (handed_over, mut arrivals) = unbounded_channel::<HandedOver>();
        let host = self.host();
        let intake = Intake::new(Arc::clone(&host), None);
        let hand_off = intake.hand_off();
        // This task ends with the last loop that hands connections over, and the shutdown waits for it.
        host.tasks.spawn(async move {
            while let Some(handed_over) = arrivals.recv().await {
                match handed_over.into_transport() {
                    Ok((transport, removed)) => hand_off.hand_over(transport, removed),
                    Err(error) => tracing::debug!(%error, "cannot hand a connection over"),
                }
            }
        });
        let attending = tokio::spawn(self.clone().attend(host, intake, Arc::clone(guests)));
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let failure = attending.await.err();
            if let Some(payload) = failure.and_then(|failure| failure.try_into_panic().ok()) {
                let _dropped = ended.send(Err(has_panicked(&*payload)));
            }
        });
        LoopKind::Uring(handed_over)
    }

    fn host(&self) -> Arc<LoopHost<A>> {
        Arc::new(LoopHost {
            rules: Arc::clone(&self.rules),
            http: self.http.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            census: Arc::clone(&self.census),
            closing: CancellationToken::new(),
            dropping: self.dropping.clone(),
            tasks: TaskTracker::new(),
            caller: self.caller.clone(),
        })
    }

    /// Runs one loop on its own thread.
    fn run(self, kind: &LoopKind, sockets: Vec<ListeningSocket>, mailbox: Arc<Mailbox>) {
        let ended = self.ended.clone();
        let outcome = contained(|| match kind {
            LoopKind::Readiness => self.readiness(sockets, mailbox),
            #[cfg(all(target_os = "linux", feature = "uring"))]
            LoopKind::Uring(handed_over) => match UringLoop::new(self.sockets(handed_over, &mailbox)) {
                Ok(uring) => {
                    let _callers = self.caller.enter();
                    uring.run(sockets)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot set up io_uring for an event loop; it uses readiness");
                    self.readiness(sockets, mailbox)
                }
            },
        });
        // Sending fails if the server was dropped.
        let _dropped = ended.send(outcome);
    }

    /// What a loop over raw sockets begins with.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    fn sockets(&self, handed_over: &UnboundedSender<HandedOver>, mailbox: &Arc<Mailbox>) -> Setup<A> {
        Setup {
            rules: Arc::clone(&self.rules),
            mailbox: Arc::clone(mailbox),
            exchange: Arc::clone(&self.exchange),
            census: Arc::clone(&self.census),
            handed_over: handed_over.clone(),
            secure: self.begin_tls(),
            caller: self.caller.clone(),
        }
    }

    fn readiness(self, sockets: Vec<ListeningSocket>, mailbox: Arc<Mailbox>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let host = self.host();
            let intake = Intake::new(Arc::clone(&host), Some(Acceptors::new(sockets)?));
            self.attend(host, intake, mailbox).await;
            Ok(())
        })
    }

    /// Runs a loop over tokio transports, and then waits for the connections that hyper serves.
    async fn attend(self, host: Arc<LoopHost<A>>, intake: Intake<A>, mailbox: Arc<Mailbox>) {
        let runtimes = Runtimes { callers: self.caller, own: Handle::current() };
        // The loop shares its time fairly among its connections.
        unconstrained(Readiness::new(self.rules, mailbox, self.exchange, intake, runtimes)).await;
        host.tasks.close();
        // Each of them ends when the remaining connections are dropped.
        host.tasks.wait().await;
        // The loop for returning connections is a task of the caller's runtime. Dropping this sender reports that it
        // has ended.
        drop(self.ended);
    }
}

/// The kind of the loops.
#[derive(Clone)]
enum LoopKind {
    Readiness,
    /// With the sender for connections that hyper should serve.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    Uring(UnboundedSender<HandedOver>),
}

/// The listeners of each loop. io_uring waits for connections itself; the listeners must be in blocking mode for it. The
/// mode belongs to the socket, which loops may share.
fn distribute(
    listeners: Vec<Listener>,
    workers: usize,
    uses_uring: bool,
) -> io::Result<Vec<Vec<ListeningSocket>>> {
    let mut loops: Vec<_> = (0..workers).map(|_| Vec::with_capacity(listeners.len())).collect();
    for listener in listeners {
        for (sockets, socket) in loops.iter_mut().zip(listener.distribute(workers)?) {
            socket.set_nonblocking(!uses_uring)?;
            sockets.push(socket);
        }
    }
    Ok(loops)
}

#[cfg(test)]
mod tests {
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
