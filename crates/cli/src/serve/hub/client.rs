//! What the WebSockets of the hub's clients have in common: a session each.

use std::sync::Arc;

use longwire::{Closed, Handler, MessageRef, SendStatus, Socket};
use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{
    Control, ControlMessage, Frame, Link as _, Millis, PlainRequest, Progress, Session, Transport,
};

use super::link::{NotesClosing, SocketLink};
use super::node::Node;
use crate::serve::access::Visit;

/// The state of a client's connection.
pub(crate) struct Client {
    stage: Stage,
    /// When the alarm rings, which wakes the session; [`NEVER`] if none is set.
    alarm: Millis,
    /// Whether a one-way client has sent its request.
    has_asked: bool,
    /// What the access log remembers, if there is one.
    pub(super) visit: Option<Box<Visit>>,
}

enum Stage {
    /// The request was accepted: that of a Centrifuge client, or of a plain one.
    Accepted(Box<Accepted>),
    Open(Box<Session>),
    /// A method of the session runs.
    InUse,
}

struct Accepted {
    transport: Transport,
    plain: Option<PlainRequest>,
}

/// Later than any moment.
const NEVER: Millis = Millis(u64::MAX);

/// A handler whose connections are clients of the hub.
pub(super) trait ClientHandler: Handler<State = Client> {
    fn node(&self) -> &Node;
}

/// By which the hub reaches a session.
struct SocketControl<H>(longwire::Caller<H>);

impl Client {
    pub(super) fn centrifuge(transport: Transport) -> Client {
        Client::accepted(transport, None)
    }

    pub(super) fn plain(transport: Transport, request: PlainRequest) -> Client {
        Client::accepted(transport, Some(request))
    }

    fn accepted(transport: Transport, plain: Option<PlainRequest>) -> Client {
        let stage = Stage::Accepted(Box::new(Accepted { transport, plain }));
        Client { stage, alarm: NEVER, has_asked: false, visit: None }
    }
}

impl NotesClosing for Client {
    fn note_closing(&mut self, why: &Disconnect) {
        if let Some(visit) = &mut self.visit {
            visit.close(why);
        }
    }
}

/// Begins the session of a connection that is open.
pub(super) fn open<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>) {
    let Stage::Accepted(accepted) = std::mem::replace(&mut socket.state_mut().stage, Stage::InUse) else {
        return;
    };
    let Accepted { transport, plain } = *accepted;
    let node = handler.node();
    let control = Arc::new(SocketControl(socket.caller()));
    let session = Session::new(Arc::clone(&node.hub), transport, control, node.now());
    socket.state_mut().stage = Stage::Open(Box::new(session));
    run(handler, socket, |session, link, now| match plain {
        Some(request) => session.open_plain(link, request, now),
        None => Progress::Idle,
    });
}

/// Handles a frame with commands.
pub(super) fn receive<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
    let frame = match message {
        MessageRef::Text(text) => text.as_bytes(),
        MessageRef::Binary(bytes) => bytes,
    };
    run(handler, socket, |session, link, now| session.receive_commands(link, frame, now));
}

/// Publishes what a plain client has sent.
pub(super) fn publish<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
    let frame = match message {
        MessageRef::Text(text) => Frame::Text(text.into()),
        MessageRef::Binary(bytes) => Frame::Binary(bytes.to_vec().into()),
    };
    run(handler, socket, |session, link, now| session.receive(link, &frame, now));
}

/// Connects a one-way client by its first message. What it sends later has no meaning.
pub(super) fn connect<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
    if std::mem::replace(&mut socket.state_mut().has_asked, true) {
        return;
    }
    let bytes = match message {
        MessageRef::Text(text) => text.as_bytes(),
        MessageRef::Binary(bytes) => bytes,
    };
    let is_short = bytes.len() <= handler.node().hub.config().limits.frame_bytes;
    let request = is_short.then(|| serde_json::from_slice(bytes).ok()).flatten();
    run(handler, socket, |session, link, now| match request {
        Some(request) => session.connect(link, request, now),
        None => session.control(link, ControlMessage::Disconnect(Disconnect::BAD_REQUEST), now),
    });
}

pub(super) fn closed<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>, closed: &Closed) {
    if let Some(visit) = &socket.state().visit {
        visit.log_closed(socket.traffic(), closed);
    }
    if let Stage::Open(mut session) = std::mem::replace(&mut socket.state_mut().stage, Stage::InUse) {
        session.closed(handler.node().now());
    }
}

/// Says that the server shuts down, so that clients come back.
pub(super) fn shut_down<H: ClientHandler>(socket: &mut Socket<'_, H>) {
    SocketLink(socket).close(&Disconnect::SHUTDOWN);
}

/// Calls the session, and does what it asks for.
fn run<H: ClientHandler>(
    handler: &H,
    socket: &mut Socket<'_, H>,
    call: impl FnOnce(&mut Session, &mut SocketLink<'_, '_, H>, Millis) -> Progress,
) {
    let now = handler.node().now();
    let mut session = match std::mem::replace(&mut socket.state_mut().stage, Stage::InUse) {
        Stage::Open(session) => session,
        other => {
            socket.state_mut().stage = other;
            return;
        }
    };
    let progress = call(&mut session, &mut SocketLink(socket), now);
    let deadline = session.next_deadline();
    let client = socket.state_mut();
    if let Some(visit) = &mut client.visit {
        visit.meet(&session);
    }
    client.stage = Stage::Open(session);
    go_on(socket, progress, deadline, now);
}

/// Runs what the session waits for, and wakes it in time.
fn go_on<H: ClientHandler>(
    socket: &mut Socket<'_, H>,
    progress: Progress,
    deadline: Option<Millis>,
    now: Millis,
) {
    if let Progress::Wait(answer) = progress {
        // The server lets one future run at a time on each connection: until its end, the client's messages wait.
        socket.spawn(answer, |handler, socket, answer| {
            run(handler, socket, |session, link, now| session.resume(link, answer, now));
        });
    }
    if let Some(at) = deadline {
        wake(socket, at, now);
    }
}

/// Sets the alarm, unless there is an earlier one: that costs less than moving it with each message.
fn wake<H: ClientHandler>(socket: &mut Socket<'_, H>, at: Millis, now: Millis) {
    if at < socket.state().alarm {
        socket.state_mut().alarm = at;
        socket.set_alarm(Some(at.since(now)));
    }
}

/// The alarm rings.
pub(super) fn ring<H: ClientHandler>(handler: &H, socket: &mut Socket<'_, H>) {
    socket.state_mut().alarm = NEVER;
    run(handler, socket, |session, link, now| match session.next_deadline() {
        Some(deadline) if deadline <= now => session.tick(link, now),
        _ => Progress::Idle,
    });
}

impl<H: ClientHandler> Control for SocketControl<H> {
    fn deliver(&self, message: ControlMessage) {
        let last_resort = match &message {
            ControlMessage::Disconnect(why) => Some(why.clone()),
            // It changes nothing.
            ControlMessage::Describe(_) => None,
            // The session would go on without the message.
            _ => Some(Disconnect::INSUFFICIENT_STATE),
        };
        let called = self.0.call(move |handler, socket| {
            run(handler, socket, |session, link, now| session.control(link, message, now));
        });
        if called == SendStatus::Full
            && let Some(last_resort) = last_resort
        {
            let remote = self.0.remote();
            if remote.close(last_resort.code(), last_resort.reason()).is_err() {
                // The reason is too long.
                let _sent = remote.close(last_resort.code(), "");
            }
        }
    }
}
