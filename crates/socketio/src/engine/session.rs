//! The state of a session, without I/O. Time is an input.

mod requests;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use longwire::{Message, MessageRef, SendStatus, Utf8Bytes};

use super::close_reason::CloseReason;
use super::config::EngineConfig;
use super::message::EngineMessage;
use super::outgoing::Outgoing;
use super::packet::{EnginePacket, NotAPacket};
use super::transport_kind::TransportKind;

/// Asks whether the client is still there.
const PING: Message = Message::Text(Utf8Bytes::from_static("2"));

/// A session: the packets that wait for its client, its transport, and its heartbeat.
#[derive(Debug)]
pub(crate) struct EngineSession {
    transport: Transport,
    outgoing: Outgoing,
    heartbeat: Heartbeat,
    end: Option<End>,
    times: Times,
}

/// The times of the heartbeat.
#[derive(Debug, Clone, Copy)]
struct Times {
    ping_interval: Duration,
    ping_timeout: Duration,
}

#[derive(Debug)]
enum Transport {
    Polling(Polling),
    WebSocket,
}

/// The requests of a client that polls.
#[derive(Debug, Default)]
struct Polling {
    /// The poll that waits for packets.
    poll: Option<OpenPoll>,
    /// Whether a request with packets is being read.
    is_posting: bool,
    upgrade: Upgrade,
    tickets: u64,
}

/// A request or a WebSocket of a session, so that a later one is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Debug, Clone, Copy)]
struct OpenPoll {
    ticket: Ticket,
    /// Whether it ends without packets, too.
    is_released: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    #[default]
    None,
    /// A WebSocket is open.
    Open(Ticket),
    /// Its probe was answered. The client ends its polls, and then sends the `upgrade` packet.
    Probed(Ticket),
}

#[derive(Debug, Clone, Copy)]
enum Heartbeat {
    PingAt(Instant),
    PongBy(Instant),
}

/// How a session ends.
#[derive(Debug, Clone, Copy)]
struct End {
    reason: CloseReason,
    rest: Rest,
}

/// What the client did is against the protocol, so that the request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conflict;

/// The answer to a packet on a WebSocket that is not yet the session's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeStep {
    /// Send `3probe`.
    Answer,
    /// The WebSocket is the transport from now on.
    Upgraded,
    /// Close the WebSocket; the session goes on without it.
    Refuse,
}

/// What is left to do for a client whose session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It can fetch what waits for it, for a time that begins with the next [`tick`](EngineSession::tick).
    Begins,
    /// It can fetch what waits for it until then.
    Until(Instant),
    /// Nothing.
    Over,
}

/// The application's side.
impl EngineSession {
    pub(crate) fn new(
        config: &EngineConfig,
        outgoing: Outgoing,
        transport: TransportKind,
        now: Instant,
    ) -> EngineSession {
        let transport = match transport {
            TransportKind::Polling => Transport::Polling(Polling::default()),
            TransportKind::WebSocket => Transport::WebSocket,
        };
        let times = Times { ping_interval: config.ping_interval, ping_timeout: config.ping_timeout };
        let heartbeat = Heartbeat::PingAt(now + times.ping_interval);
        EngineSession { transport, outgoing, heartbeat, end: None, times }
    }

    pub(crate) fn transport(&self) -> TransportKind {
        match self.transport {
            Transport::Polling(_) => TransportKind::Polling,
            Transport::WebSocket => TransportKind::WebSocket,
        }
    }

    /// Queues messages, all or none. Without room for them, the session ends.
    pub(crate) fn send(&mut self, messages: impl IntoIterator<Item = EngineMessage>) -> SendStatus {
        if self.end.is_some() {
            return SendStatus::Closed;
        }
        if self.outgoing.push_all(messages) {
            return SendStatus::Queued;
        }
        self.close(CloseReason::TooSlow);
        SendStatus::Full
    }

    /// Whether a message would leave at once.
    pub(crate) fn is_writable(&self) -> bool {
        let is_ready = match &self.transport {
            Transport::Polling(polling) => polling.poll.is_some(),
            Transport::WebSocket => true,
        };
        is_ready && self.end.is_none() && self.outgoing.is_empty()
    }

    pub(crate) fn queued(&self) -> usize {
        self.outgoing.queued()
    }

    /// Ends the session. The first reason counts.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.end.is_some() {
            return;
        }
        let is_ours = matches!(reason, CloseReason::ForcedClose | CloseReason::ServerShuttingDown);
        if !is_ours {
            self.outgoing.clear();
        }
        let is_over = match &self.transport {
            Transport::Polling(polling) => polling.poll.is_none() && !is_ours,
            Transport::WebSocket => false,
        };
        self.end = Some(End { reason, rest: if is_over { Rest::Over } else { Rest::Begins } });
    }

    /// Why the session has ended, if it has.
    pub(crate) fn end(&self) -> Option<CloseReason> {
        self.end.map(|end| end.reason)
    }

    /// Whether the session has ended and its client gets nothing more.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end.rest == Rest::Over)
    }
}

/// Time.
impl EngineSession {
    /// When [`tick`](EngineSession::tick) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match (&self.end, self.heartbeat) {
            (None, Heartbeat::PingAt(at) | Heartbeat::PongBy(at)) => Some(at),
            (Some(End { rest: Rest::Until(at), .. }), _) => Some(*at),
            (Some(_), _) => None,
        }
    }

    /// The application has let the client's packets wait, perhaps a `pong` among them: the client gets the time for it anew.
    pub(crate) fn cannot_hear(&mut self, now: Instant) {
        if let Heartbeat::PongBy(by) = &mut self.heartbeat {
            *by = now + self.times.ping_timeout;
        }
    }

    /// Does what is due: "At a given interval … the server sends a `ping` packet and the client has a few seconds … to
    /// send a `pong` packet back." Returns whether anything was due.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        let is_due = self.deadline().is_none_or(|at| at <= now);
        if let Some(end) = &mut self.end {
            match end.rest {
                Rest::Begins => end.rest = Rest::Until(now + self.times.ping_timeout),
                Rest::Until(at) if at <= now => {
                    end.rest = Rest::Over;
                    self.outgoing.clear();
                }
                Rest::Until(_) | Rest::Over => {}
            }
            return is_due;
        }
        if let Heartbeat::PingAt(at) = self.heartbeat
            && at <= now
        {
            self.outgoing.push_own(PING);
            // A server that was itself suspended gives its clients the time nonetheless.
            let is_late = now.duration_since(at) > self.times.ping_timeout / 2;
            self.heartbeat = Heartbeat::PongBy(if is_late { now } else { at } + self.times.ping_timeout);
        }
        if let Heartbeat::PongBy(by) = self.heartbeat
            && by <= now
        {
            self.close(CloseReason::PingTimeout);
        }
        is_due
    }
}

/// Packets of the client, over either transport.
impl EngineSession {
    /// Takes note of a packet, and returns the message in it.
    pub(crate) fn receive<'a>(&mut self, packet: MessageRef<'a>, now: Instant) -> Option<MessageRef<'a>> {
        if self.end.is_some() {
            return None;
        }
        match EnginePacket::read(packet) {
            Ok(EnginePacket::Message(message)) => return Some(message),
            Ok(EnginePacket::Pong) => {
                if let Heartbeat::PongBy(_) = self.heartbeat {
                    self.heartbeat = Heartbeat::PingAt(now + self.times.ping_interval);
                }
            }
            Ok(EnginePacket::Close) => self.close(CloseReason::TransportClose),
            // Since version 4, only the server pings.
            Ok(EnginePacket::Ping(_)) => self.close(CloseReason::TransportError),
            Ok(EnginePacket::Open | EnginePacket::Upgrade | EnginePacket::Noop) => {}
            Err(NotAPacket) => self.close(CloseReason::ParseError),
        }
        None
    }
}

/// WebSocket.
impl EngineSession {
    /// The packet that the WebSocket sends next.
    pub(crate) fn front(&self) -> Option<&Message> {
        self.outgoing.front()
    }

    /// The packet in front was sent.
    pub(crate) fn pop(&mut self) {
        self.outgoing.pop();
    }

    /// Whether the server closes the WebSocket now.
    pub(crate) fn closes_websocket(&self) -> Option<CloseReason> {
        self.end().filter(|_| self.outgoing.is_empty())
    }

    /// The WebSocket, which is the transport, has ended.
    pub(crate) fn websocket_ended(&mut self, reason: CloseReason) {
        self.close(reason);
        self.outgoing.clear();
        if let Some(end) = &mut self.end {
            end.rest = Rest::Over;
        }
    }
}

impl Polling {
    fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        Ticket(self.tickets)
    }
}
