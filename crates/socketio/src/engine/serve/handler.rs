//! WebSockets, on the event loops of the server.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use longwire::{Accept, Closed, Error, Handler, MessageRef, Refusal, SendStatus, Socket, Upgrade};

use super::engine_shared::EngineShared;
use super::live_session::LiveSession;
use crate::engine::asked::Asked;
use crate::engine::fault::Fault;
use crate::engine::link::Wake;
use crate::engine::session::{ProbeStep, Ticket};
use crate::engine::{Application, CloseReason, Opening, TransportKind};

/// Messages from this length on are shared with the connection instead of being copied to it.
const SHARED: usize = 64 << 10;

/// Handles the WebSockets of an [`Engine`](super::Engine); made by [`Engine::handler`](super::Engine::handler).
pub struct EngineHandler<A: Application> {
    pub(super) engine: Arc<EngineShared<A>>,
}

/// The state of a WebSocket.
pub struct EngineSocket<A: Application>(Stage<A>);

enum Stage<A: Application> {
    /// It opens a session.
    Opening(Box<Opening>),
    /// It is opened for a session that polls.
    Joining(Arc<LiveSession<A>>),
    /// It may become the transport of a session that polls.
    Probing(Arc<LiveSession<A>>, Ticket),
    /// It is the transport of a session.
    Open(Arc<LiveSession<A>>),
    Closed,
}

impl<A: Application> Handler for EngineHandler<A> {
    type State = EngineSocket<A>;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<EngineSocket<A>>, Refusal> {
        let stage = self.admit(request).map_err(|fault| Refusal::new(fault.status(), fault.to_string()))?;
        Ok(Accept::with(EngineSocket(stage)).max_message(self.engine.config.max_payload))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        match std::mem::replace(&mut socket.state_mut().0, Stage::Closed) {
            Stage::Opening(opening) => self.open(socket, *opening),
            Stage::Joining(session) => self.join(socket, session),
            stage => socket.state_mut().0 = stage,
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        match &socket.state().0 {
            Stage::Open(session) => {
                let session = Arc::clone(session);
                self.receive(socket, &session, message);
            }
            Stage::Probing(session, ticket) => {
                let (session, ticket) = (Arc::clone(session), *ticket);
                self.probe(socket, session, ticket, message);
            }
            _ => {}
        }
    }

    fn on_drain(&self, socket: &mut Socket<'_, Self>) {
        self.flush(socket);
    }

    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {
        if let Stage::Open(session) = &socket.state().0 {
            session.connection.close_with(CloseReason::ServerShuttingDown);
            self.flush(socket);
        }
    }

    fn on_error(&self, socket: &mut Socket<'_, Self>, _error: &Error) {
        self.leave(socket, CloseReason::TransportError);
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, _closed: &Closed) {
        self.leave(socket, CloseReason::TransportClose);
    }
}

impl<A: Application> EngineHandler<A> {
    fn admit(&self, request: &Upgrade<'_>) -> Result<Stage<A>, Fault> {
        let asked = Asked::read(request.uri().query())?;
        if asked.transport != TransportKind::WebSocket {
            return Err(Fault::BadRequest);
        }
        let Some(sid) = asked.sid else {
            let (uri, headers, peer) = (request.uri(), request.headers(), request.peer_addr());
            let opening = Opening::copied(uri, headers, peer, TransportKind::WebSocket);
            return Ok(Stage::Opening(Box::new(opening)));
        };
        self.engine.sessions.get(sid).map(Stage::Joining).ok_or(Fault::UnknownSid)
    }

    /// Opens a session.
    fn open(&self, socket: &mut Socket<'_, Self>, opening: Opening) {
        let created = self.engine.create(TransportKind::WebSocket, opening.peer_addr);
        let (session, open_packet) = match created {
            Ok(created) => created,
            Err(fault) => return close(socket, 1013, &fault.to_string()),
        };
        socket.send(&open_packet).or_drop();
        self.attach(socket, Arc::clone(&session));
        self.engine.begin(&session, opening);
        self.flush(socket);
    }

    /// Makes the WebSocket the transport of a session.
    fn attach(&self, socket: &mut Socket<'_, Self>, session: Arc<LiveSession<A>>) {
        let caller = socket.caller();
        let wake = move || {
            // A connection that has ended needs no call, and there is only one at a time.
            caller.call(|handler: &Self, socket| handler.flush(socket)).or_drop();
        };
        let mut shared = session.link().lock();
        let poll = std::mem::replace(&mut shared.wake, Wake::Loop { wake: Arc::new(wake), is_armed: false });
        drop(shared);
        if let Wake::Poll(waker) = poll {
            waker.wake();
        }
        Self::wait_for_application(socket, &session);
        socket.state_mut().0 = Stage::Open(session);
    }

    /// Begins the upgrade of a session that polls.
    fn join(&self, socket: &mut Socket<'_, Self>, session: Arc<LiveSession<A>>) {
        let begun = session.link().lock().session.begin_upgrade();
        let Ok(ticket) = begun else {
            return close(socket, 1008, "the session has a WebSocket already");
        };
        socket.state_mut().0 = Stage::Probing(session, ticket);
        socket.after(self.engine.config.upgrade_timeout, |handler, socket| {
            if let Stage::Probing(..) = socket.state().0 {
                handler.leave(socket, CloseReason::TransportError);
                close(socket, 1008, "the upgrade took too long");
            }
        });
    }

    fn probe(
        &self,
        socket: &mut Socket<'_, Self>,
        session: Arc<LiveSession<A>>,
        ticket: Ticket,
        packet: MessageRef<'_>,
    ) {
        let link = session.link();
        let mut shared = link.lock();
        let step = shared.session.probe(ticket, packet);
        match step {
            ProbeStep::Answer => {
                link.wake(shared, false);
                socket.send("3probe").or_drop();
            }
            ProbeStep::Upgraded => {
                drop(shared);
                self.attach(socket, session);
                self.flush(socket);
            }
            ProbeStep::Refuse => {
                drop(shared);
                self.leave(socket, CloseReason::TransportError);
                close(socket, 1008, "this is not the upgrade of a session");
            }
        }
    }

    fn receive(&self, socket: &mut Socket<'_, Self>, session: &Arc<LiveSession<A>>, packet: MessageRef<'_>) {
        let mut turn = session.turn();
        turn.receive(&self.engine.application, packet, Instant::now());
        turn.end(&self.engine.application);
        self.flush(socket);
        Self::wait_for_application(socket, session);
    }

    /// Reads nothing more from the client while the application is too busy.
    fn wait_for_application(socket: &mut Socket<'_, Self>, session: &Arc<LiveSession<A>>) {
        if session.link().is_paused() {
            let (waiting, session) = (Arc::clone(session), Arc::clone(session));
            let resumed = async move { waiting.link().resumed().await };
            socket.spawn_and_wait(resumed, move |_handler, socket, ()| {
                if session.connection.is_open() {
                    Self::wait_for_application(socket, &session);
                }
            });
        }
    }

    /// Sends what waits for the client, as far as there is room, and closes the WebSocket of a session that has ended.
    fn flush(&self, socket: &mut Socket<'_, Self>) {
        let Stage::Open(session) = &socket.state().0 else { return };
        let session = Arc::clone(session);
        let mut shared = session.link().lock();
        let mut status = SendStatus::Queued;
        while let Some(packet) = shared.session.front() {
            status = match packet.len() {
                SHARED.. => socket.send_message(packet.clone()),
                _ => socket.send(packet),
            };
            if !status.is_queued() {
                break;
            }
            shared.session.pop();
        }
        // While the connection is full, `on_drain` comes.
        shared.wake.arm(status.is_queued());
        let end = shared.session.closes_websocket();
        drop(shared);
        session.link().took();
        if let Some(reason) = end {
            close(socket, close_code(reason), reason.as_str());
            self.engine.settle(&session);
        }
    }

    /// The WebSocket has ended.
    fn leave(&self, socket: &mut Socket<'_, Self>, reason: CloseReason) {
        match std::mem::replace(&mut socket.state_mut().0, Stage::Closed) {
            Stage::Open(session) => {
                let mut shared = session.link().lock();
                shared.session.websocket_ended(reason);
                shared.wake = Wake::Nobody;
                drop(shared);
                session.link().took();
                self.engine.settle(&session);
            }
            Stage::Probing(session, ticket) => session.link().lock().session.end_upgrade(ticket),
            Stage::Opening(_) | Stage::Joining(_) | Stage::Closed => {}
        }
    }
}

fn close_code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::TransportClose | CloseReason::ForcedClose => 1000,
        CloseReason::ServerShuttingDown => 1001,
        CloseReason::TransportError | CloseReason::PingTimeout => 1008,
        CloseReason::ParseError => 1007,
        CloseReason::TooSlow => 1013,
    }
}

fn close<A: Application>(socket: &mut Socket<'_, EngineHandler<A>>, code: u16, reason: &str) {
    if let Err(invalid) = socket.close(code, reason) {
        tracing::error!(%invalid, "a close frame cannot be sent");
    }
}

impl<A: Application> fmt::Debug for EngineHandler<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineHandler").finish_non_exhaustive()
    }
}

impl<A: Application> fmt::Debug for EngineSocket<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.0 {
            Stage::Opening(_) | Stage::Joining(_) => "Opening",
            Stage::Probing(..) => "Probing",
            Stage::Open(_) => "Open",
            Stage::Closed => "Closed",
        };
        f.debug_tuple("EngineSocket").field(&stage).finish()
    }
}
