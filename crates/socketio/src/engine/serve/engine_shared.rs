//! What the handler, the service and the heartbeat's task of an engine share.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Instant;

use longwire::Message;

use super::live_session::LiveSession;
use super::schedule::Schedule;
use super::sessions::{Sessions, counted};
use crate::engine::budget::Budget;
use crate::engine::fault::Fault;
use crate::engine::handshake::open_packet;
use crate::engine::link::{Link, OnEnd};
use crate::engine::outgoing::Outgoing;
use crate::engine::session::EngineSession;
use crate::engine::{Application, EngineConfig, Opening, Sid, TransportKind};

/// What the handler, the service and the heartbeat's task of an engine share.
pub(super) struct EngineShared<A: Application> {
    pub(super) application: A,
    pub(super) config: EngineConfig,
    pub(super) sessions: Sessions<A>,
    budget: Arc<Budget>,
    schedule: Arc<Schedule>,
    on_end: Arc<OnEnd>,
}

impl<A: Application> EngineShared<A> {
    pub(super) fn new(application: A, config: EngineConfig) -> EngineShared<A> {
        let schedule = Arc::new(Schedule::default());
        let ended = Arc::clone(&schedule);
        EngineShared {
            application,
            sessions: Sessions::new(&config),
            budget: Arc::new(Budget::new(config.max_queued_in_total)),
            config,
            schedule,
            on_end: Arc::new(move |sid| ended.set_at_once(sid)),
        }
    }

    /// How many bytes wait for all clients together.
    pub(super) fn queued(&self) -> usize {
        self.budget.used()
    }

    /// Creates a session, of which the application does not know yet, and the packet that opens it.
    pub(super) fn create(
        self: &Arc<Self>,
        transport: TransportKind,
        peer: Option<SocketAddr>,
    ) -> Result<(Arc<LiveSession<A>>, Message), Fault> {
        let (sid, now) = (Sid::random(), Instant::now());
        let outgoing = Outgoing::new(self.config.max_queued, Arc::clone(&self.budget));
        let state = EngineSession::new(&self.config, outgoing, transport, now);
        let link = Link::new(sid, state, Arc::clone(&self.on_end));
        let session = Arc::new(LiveSession::new(link, peer.map(|peer| counted(peer.ip()))));
        self.sessions.add(&session).map_err(|_| Fault::Full)?;
        Ok((session, open_packet(&self.config, &sid, transport)))
    }

    /// Tells the application of a session, and begins its heartbeat.
    pub(super) fn begin(self: &Arc<Self>, session: &LiveSession<A>, opening: Opening) {
        session.open(&self.application, opening);
        self.look(session);
        if self.schedule.begins() {
            let (schedule, engine) = (Arc::clone(&self.schedule), Arc::downgrade(self));
            tokio::spawn(look_at_sessions(schedule, engine));
        }
    }

    /// The session that a request names. What is due for it is done before, so that the answer does not depend on how soon the
    /// heartbeat's task gets its turn.
    pub(super) fn live(&self, sid: Sid) -> Option<Arc<LiveSession<A>>> {
        let session = self.sessions.get(sid)?;
        session.link().tick(Instant::now());
        self.settle(&session);
        let is_over = session.link().lock().session.is_over();
        (!is_over).then_some(session)
    }

    /// Does what is due for a session, and looks again when something will be.
    fn look(&self, session: &LiveSession<A>) {
        let (link, now) = (session.link(), Instant::now());
        let deadline = link.tick(now);
        // After a pong, a ping may be due earlier than the client's time would have been over.
        if let Some(at) = deadline {
            self.schedule.set(at.min(now + self.config.ping_interval), link.sid());
        }
        self.settle(session);
    }

    /// After a step: forgets a session that is over, and tells the application if it has ended.
    pub(super) fn settle(&self, session: &LiveSession<A>) {
        let is_over = session.link().lock().session.is_over();
        if is_over {
            self.sessions.remove(session.connection.sid());
            self.schedule.remove(session.connection.sid());
        }
        session.tell_end(&self.application);
    }
}

/// The task of the heartbeats.
async fn look_at_sessions<A: Application>(schedule: Arc<Schedule>, engine: Weak<EngineShared<A>>) {
    while let Some(due) = schedule.next().await {
        let Some(engine) = engine.upgrade() else { return };
        for sid in due {
            if let Some(session) = engine.sessions.get(sid) {
                engine.look(&session);
            }
        }
    }
}
