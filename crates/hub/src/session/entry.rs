//! How the program calls a session.

use std::sync::Arc;

use bytestring::ByteString;

use super::state::{Answer, Outcome, Pause, Phase, Progress, Session, Turn, Work};
use super::unsubscribe;
use crate::centrifuge::{Command, Commands, ConnectRequest, Disconnect, ErrorCode, Request};
use crate::control::{Control, ControlMessage, SessionDescription};
use crate::data::Data;
use crate::frame::Frame;
use crate::hub::Hub;
use crate::link::Link;
use crate::time::Millis;
use crate::transport::{Transport, TransportKind};

impl Session {
    /// A session whose client has to connect. The hub keeps `control` while the client is connected.
    #[must_use]
    pub fn new(hub: Arc<Hub>, transport: Transport, control: Arc<dyn Control>, now: Millis) -> Session {
        let deadline = now + hub.config().connect_timeout;
        Session { hub, transport, phase: Phase::New { deadline, control }, pause: None, rates: None }
    }

    /// Handles a frame with commands. The replies leave in the order of the commands, in one frame unless they are long: then
    /// the rest waits until the client has read.
    pub fn receive(&mut self, link: &mut dyn Link, frame: &Frame, now: Millis) -> Progress {
        if matches!(self.phase, Phase::Closed) {
            return Progress::Idle;
        }
        if self.transport.kind == TransportKind::Plain {
            if frame.as_bytes().len() > self.hub.config().limits.publication {
                let mut turn = Turn::new(self, link, now);
                let step = turn.fail(0, ErrorCode::LimitExceeded);
                return turn.run(step);
            }
            let data = match frame {
                Frame::Text(text) => Data::from_text(text.clone()),
                Frame::Binary(bytes) => Data::Binary(bytes.clone()),
            };
            return self.handle(link, Work::Plain(data), now);
        }
        self.receive_commands(link, frame.as_bytes(), now)
    }

    /// As [`receive`](Session::receive), of a frame that the caller only borrows. Plain sessions have no commands.
    pub fn receive_commands(&mut self, link: &mut dyn Link, frame: &[u8], now: Millis) -> Progress {
        if matches!(self.phase, Phase::Closed) || self.transport.kind == TransportKind::Plain {
            return Progress::Idle;
        }
        let mut turn = Turn::new(self, link, now);
        let limits = &turn.config.limits;
        if let Some(pause) = &mut turn.session.pause {
            pause.frames += 1;
            if pause.frames > limits.waiting_frames {
                turn.close(&Disconnect::TOO_MANY_REQUESTS);
                return Progress::Idle;
            }
        }
        if frame.len() > limits.frame_bytes {
            let step = turn.bad_request(&format!("a frame of {} bytes", frame.len()));
            return turn.run(step);
        }
        let commands = Commands::new(turn.session.transport.encoding, frame, limits.frame);
        if let Some(Pause { queue, .. }) = turn.session.pause.as_deref_mut() {
            queue.work.extend(commands.map(Work::Command));
            queue.bytes = queue.bytes.saturating_add(frame.len());
            return Progress::Idle;
        }
        turn.frame = Some(commands);
        turn.queue.bytes = frame.len();
        turn.run(Outcome::Done)
    }

    /// Connects a client of a one-way transport, which has sent its request in another way than by a command.
    pub fn connect(&mut self, link: &mut dyn Link, request: ConnectRequest, now: Millis) -> Progress {
        if matches!(self.phase, Phase::Closed) {
            return Progress::Idle;
        }
        let command = Command { id: 1, request: Request::Connect(request) };
        self.handle(link, Work::Command(Ok(command)), now)
    }

    /// Goes on with the answer that the session waited for.
    pub fn resume(&mut self, link: &mut dyn Link, answer: Answer, now: Millis) -> Progress {
        let pause = self.pause.take();
        if matches!(self.phase, Phase::Closed) {
            return Progress::Idle;
        }
        let mut turn = Turn::new(self, link, now);
        turn.queue = pause.map(|pause| pause.queue).unwrap_or_default();
        turn.excuse_late_pong();
        let step = (answer.0)(&mut turn);
        turn.run(step)
    }

    /// Handles a message from elsewhere in the hub.
    pub fn control(&mut self, link: &mut dyn Link, message: ControlMessage, now: Millis) -> Progress {
        match (&self.phase, message) {
            (Phase::Closed, _) => Progress::Idle,
            (_, ControlMessage::Disconnect(why)) => {
                Turn::new(self, link, now).close(&why);
                Progress::Idle
            }
            (_, ControlMessage::Frame(frame)) => self.receive(link, &frame, now),
            // At once, also of a session that waits.
            (_, ControlMessage::Describe(sink)) => {
                sink.receive(self.description(link));
                Progress::Idle
            }
            (_, message) => {
                let limits = &self.hub.config().limits;
                let waiting = self.pause.as_ref().map_or(0, |pause| pause.queue.work.len());
                if waiting >= limits.frame.commands.saturating_add(limits.control_messages) {
                    Turn::new(self, link, now).close(&Disconnect::INSUFFICIENT_STATE);
                    return Progress::Idle;
                }
                self.handle(link, Work::Control(message), now)
            }
        }
    }

    /// Whether a command waits.
    pub(super) fn waits(&self) -> bool {
        self.pause.is_some()
    }

    /// When the session wants its next [`tick`](Session::tick). It changes with every call.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        match &self.phase {
            Phase::New { deadline, .. } if !self.waits() => Some(*deadline),
            Phase::Open(client) => client.next_deadline(|| self.hub.config().expiry_grace, self.waits()),
            Phase::New { .. } | Phase::Closed => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, link: &mut dyn Link, now: Millis) -> Progress {
        if matches!(self.phase, Phase::Closed) {
            return Progress::Idle;
        }
        let waits = self.waits();
        let mut turn = Turn::new(self, link, now);
        let step = turn.tick(waits);
        turn.run(step)
    }

    /// Ends the session, after its connection has closed. Presence and subscriptions end.
    pub fn closed(&mut self, now: Millis) {
        if let Phase::Open(client) = std::mem::replace(&mut self.phase, Phase::Closed) {
            unsubscribe::leave_all(&self.hub, client, now);
        }
        self.pause = None;
    }

    /// The client's id, while it is connected.
    #[must_use]
    pub fn client(&self) -> Option<ByteString> {
        match &self.phase {
            Phase::Open(client) => Some(client.id.text()),
            Phase::New { .. } | Phase::Closed => None,
        }
    }

    /// The user, while the client is connected; empty for an anonymous one.
    #[must_use]
    pub fn user(&self) -> Option<ByteString> {
        match &self.phase {
            Phase::Open(client) => Some(client.user()),
            Phase::New { .. } | Phase::Closed => None,
        }
    }

    fn description(&self, link: &dyn Link) -> SessionDescription {
        let channels = match &self.phase {
            Phase::Open(client) => client.subscriptions.iter().map(|(channel, _)| channel.clone()).collect(),
            Phase::New { .. } | Phase::Closed => Vec::new(),
        };
        SessionDescription { transport: self.transport.kind, peer: link.peer(), channels }
    }

    /// Whether the session has ended, or was closed by the hub.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Handles this, or queues it while a command waits.
    fn handle(&mut self, link: &mut dyn Link, work: Work, now: Millis) -> Progress {
        if let Some(pause) = &mut self.pause {
            pause.queue.work.push_back(work);
            return Progress::Idle;
        }
        let mut turn = Turn::new(self, link, now);
        turn.queue.work.push_back(work);
        turn.run(Outcome::Done)
    }
}
