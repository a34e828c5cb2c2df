//! What the event loops of a server have in common, and how each begins.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
#[cfg(unix)]
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::accepting::Acceptors;
use crate::admission::census::Census;
use crate::admission::listener::ListeningSocket;
use crate::event::application::Application;
use crate::event::engine::Engine;
use crate::event::intake::{Intake, LoopHost};
use crate::event::mailbox::{Exchange, Mailbox};
use crate::event::observer::Observation;
#[cfg(all(unix, target_pointer_width = "64"))]
use crate::event::poll::PollLoop;
use crate::event::readiness::{Readiness, Runtimes};
use crate::event::rules::Rules;
#[cfg(all(unix, feature = "tls"))]
use crate::event::sockets::begin_tls;
#[cfg(unix)]
use crate::event::sockets::{BeginTls, HandedOver, Setup};
#[cfg(all(target_os = "linux", feature = "uring"))]
use crate::event::uring::UringLoop;
use crate::http1::service::HttpService;
use crate::panic_message::panic_message;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The shared arguments of every loop.
pub(super) struct LoopSetup<A> {
    pub(super) rules: Arc<Rules<A>>,
    pub(super) http: Option<Arc<HttpService>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) census: Arc<Census>,
    pub(super) exchange: Arc<Exchange>,
    /// Cancelled when the remaining connections are dropped.
    pub(super) dropping: CancellationToken,
    /// The runtime that the server was started on. Tasks that handlers and the HTTP service spawn run there, on every
    /// engine.
    pub(super) caller: Handle,
    pub(super) ended: UnboundedSender<io::Result<()>>,
    /// The observer ends with the last loop.
    pub(super) observation: Option<Arc<Observation>>,
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
    /// How the loops do their I/O. Over raw sockets, this starts a loop for the connections that return from hyper.
    #[cfg_attr(not(unix), expect(unused_variables, clippy::unused_self, reason = "there is one kind"))]
    pub(super) fn kind(&self, engine: Engine, guests: Option<&Arc<Mailbox>>) -> LoopKind {
        match guests {
            #[cfg(all(target_os = "linux", feature = "uring"))]
            Some(guests) if engine == Engine::Uring => LoopKind::Uring(self.guests(guests)),
            #[cfg(all(unix, target_pointer_width = "64"))]
            Some(guests) if engine == Engine::Readiness => LoopKind::Poll(self.guests(guests)),
            _ => LoopKind::Tokio,
        }
    }

    /// Starts the loop for connections that return from hyper. Returns the sender for connections that hyper should
    /// serve.
    #[cfg(unix)]
    fn guests(&self, mailbox: &Arc<Mailbox>) -> UnboundedSender<HandedOver> {
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
        let attending = tokio::spawn(self.clone().attend(host, intake, Arc::clone(mailbox)));
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let failure = attending.await.err();
            if let Some(payload) = failure.and_then(|failure| failure.try_into_panic().ok()) {
                let _dropped = ended.send(Err(has_panicked(&*payload)));
            }
        });
        handed_over
    }

    /// How to begin TLS, if the server uses it.
    #[cfg(unix)]
    fn begin_tls(&self) -> Option<BeginTls> {
        #[cfg(feature = "tls")]
        return self.tls.clone().map(begin_tls);
        #[cfg(not(feature = "tls"))]
        return None;
    }

    /// What a loop over raw sockets begins with.
    #[cfg(unix)]
    fn over_sockets(&self, handed_over: &UnboundedSender<HandedOver>, mailbox: &Arc<Mailbox>) -> Setup<A> {
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
    pub(super) fn run(self, kind: &LoopKind, sockets: Vec<ListeningSocket>, mailbox: Arc<Mailbox>) {
        let ended = self.ended.clone();
        let outcome = contained(|| match kind {
            LoopKind::Tokio => self.over_tokio(sockets, mailbox),
            #[cfg(all(unix, target_pointer_width = "64"))]
            LoopKind::Poll(handed_over) => self.readiness(handed_over, sockets, &mailbox),
            #[cfg(all(target_os = "linux", feature = "uring"))]
            LoopKind::Uring(handed_over) => match UringLoop::new(self.over_sockets(handed_over, &mailbox)) {
                Ok(uring) => {
                    let _callers = self.caller.enter();
                    uring.run(sockets)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot set up io_uring for an event loop; it uses readiness");
                    self.readiness(handed_over, sockets, &mailbox)
                }
            },
        });
        // Sending fails if the server was dropped.
        let _dropped = ended.send(outcome);
    }

    #[cfg(all(unix, target_pointer_width = "64"))]
    fn readiness(
        self,
        handed_over: &UnboundedSender<HandedOver>,
        sockets: Vec<ListeningSocket>,
        mailbox: &Arc<Mailbox>,
    ) -> io::Result<()> {
        let event_loop = PollLoop::new(self.over_sockets(handed_over, mailbox))?;
        let _callers = self.caller.enter();
        event_loop.run(sockets)
    }

    /// The keys of connections do not fit into the tokens of events.
    #[cfg(all(unix, not(target_pointer_width = "64")))]
    fn readiness(
        self,
        _: &UnboundedSender<HandedOver>,
        sockets: Vec<ListeningSocket>,
        mailbox: &Arc<Mailbox>,
    ) -> io::Result<()> {
        self.over_tokio(sockets, Arc::clone(mailbox))
    }

    fn over_tokio(self, sockets: Vec<ListeningSocket>, mailbox: Arc<Mailbox>) -> io::Result<()> {
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

/// How the loops do their I/O. Over raw sockets, with the sender for connections that hyper should serve.
#[derive(Clone)]
pub(super) enum LoopKind {
    /// Over tokio's transports.
    Tokio,
    /// Over sockets, with readiness events of the system.
    #[cfg(all(unix, target_pointer_width = "64"))]
    Poll(UnboundedSender<HandedOver>),
    #[cfg(all(target_os = "linux", feature = "uring"))]
    Uring(UnboundedSender<HandedOver>),
}

impl LoopKind {
    /// Whether connections that return from hyper need a loop of their own.
    pub(super) fn needs_guests(engine: Engine) -> bool {
        match engine {
            Engine::Uring => true,
            Engine::Readiness => cfg!(all(unix, target_pointer_width = "64")),
            Engine::Auto | Engine::Tokio => false,
        }
    }
}

/// Runs a loop. A panic becomes an error, because its connections are no longer served.
pub(super) fn contained(run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| Err(has_panicked(&*payload)))
}

fn has_panicked(payload: &(dyn Any + Send)) -> io::Error {
    io::Error::other(format!("an event loop has panicked: {}", panic_message(payload)))
}
