//! The requests of a session that polls, and its upgrade to WebSocket.

use longwire::{Message, MessageRef, Utf8Bytes};

use super::{Conflict, EngineSession, OpenPoll, Polling, ProbeStep, Rest, Ticket, Transport, Upgrade};
use crate::engine::close_reason::CloseReason;
use crate::engine::packet::EnginePacket;

/// Ends a poll that has nothing to receive.
const NOOP: Message = Message::Text(Utf8Bytes::from_static("6"));

/// Says that the session ends.
const CLOSE: Message = Message::Text(Utf8Bytes::from_static("1"));

/// Polling.
impl EngineSession {
    /// A poll has arrived. "A client MUST NOT have more than one active `GET` request. Should it happen, the server MUST
    /// return an HTTP 400 error status and close the session."
    pub(crate) fn begin_poll(&mut self) -> Result<Ticket, Conflict> {
        if self.is_over() {
            return Err(Conflict);
        }
        let Transport::Polling(polling) = &mut self.transport else { return Err(Conflict) };
        if polling.poll.is_some() {
            self.close(CloseReason::TransportError);
            return Err(Conflict);
        }
        let ticket = polling.ticket();
        polling.poll = Some(OpenPoll { ticket, is_released: false });
        Ok(ticket)
    }

    /// The packets for a poll, once there are some. The poll is over then.
    pub(crate) fn poll(&mut self, ticket: Ticket) -> Option<Result<Vec<Message>, Conflict>> {
        // A client that upgrades ends its polls before.
        let Transport::Polling(polling) = &mut self.transport else { return Some(Err(Conflict)) };
        let Some(poll) = polling.poll.filter(|poll| poll.ticket == ticket) else {
            return Some(Err(Conflict));
        };
        let mut packets: Vec<Message> = std::iter::from_fn(|| self.outgoing.pop()).collect();
        // The end is said in a poll of its own: the JavaScript client acts on it before it acts on messages beside it.
        if packets.is_empty() {
            let packet = match &mut self.end {
                Some(end) => {
                    end.rest = Rest::Over;
                    if end.reason == CloseReason::TransportClose { NOOP } else { CLOSE }
                }
                None if poll.is_released => NOOP,
                None => return None,
            };
            packets.push(packet);
        }
        polling.poll = None;
        Some(Ok(packets))
    }

    /// Whether a WebSocket is about to become the transport, so that a poll that arrives now should be
    /// [released](EngineSession::release_poll) soon.
    pub(crate) fn is_upgrading(&self) -> bool {
        matches!(&self.transport, Transport::Polling(Polling { upgrade: Upgrade::Probed(_), .. }))
    }

    /// Ends a poll even without packets. "The server MUST send a `noop` packet to any pending `GET` request … to cleanly close
    /// HTTP long-polling transport."
    pub(crate) fn release_poll(&mut self, ticket: Ticket) {
        if let Transport::Polling(Polling { poll: Some(poll), .. }) = &mut self.transport
            && poll.ticket == ticket
        {
            poll.is_released = true;
        }
    }

    /// The client has left a poll before it was answered.
    pub(crate) fn abandon_poll(&mut self, ticket: Ticket) {
        let Transport::Polling(polling) = &mut self.transport else { return };
        if polling.poll.is_some_and(|poll| poll.ticket == ticket) {
            polling.poll = None;
            self.close(CloseReason::TransportError);
            if let Some(end) = &mut self.end {
                end.rest = Rest::Over;
            }
        }
    }

    /// A request with packets has arrived. "A client MUST NOT have more than one active `POST` request. Should it happen,
    /// the server MUST return an HTTP 400 error status and close the session."
    pub(crate) fn begin_post(&mut self) -> Result<(), Conflict> {
        if self.is_over() {
            return Err(Conflict);
        }
        let Transport::Polling(polling) = &mut self.transport else { return Err(Conflict) };
        if polling.is_posting {
            self.close(CloseReason::TransportError);
            return Err(Conflict);
        }
        polling.is_posting = true;
        Ok(())
    }

    /// The request with packets was read, or has failed.
    pub(crate) fn end_post(&mut self) {
        if let Transport::Polling(polling) = &mut self.transport {
            polling.is_posting = false;
        }
    }
}

/// The upgrade to WebSocket.
impl EngineSession {
    /// A WebSocket of this session was opened. "A client MUST NOT open more than one WebSocket connection per session.
    /// Should it happen, the server MUST close the WebSocket connection."
    pub(crate) fn begin_upgrade(&mut self) -> Result<Ticket, Conflict> {
        match &mut self.transport {
            Transport::Polling(polling) if self.end.is_none() && polling.upgrade == Upgrade::None => {
                let ticket = polling.ticket();
                polling.upgrade = Upgrade::Open(ticket);
                Ok(ticket)
            }
            _ => Err(Conflict),
        }
    }

    /// A packet on a WebSocket that is not yet the transport.
    pub(crate) fn probe(&mut self, ticket: Ticket, packet: MessageRef<'_>) -> ProbeStep {
        let Transport::Polling(polling) = &mut self.transport else { return ProbeStep::Refuse };
        let is_open = self.end.is_none();
        match (polling.upgrade, EnginePacket::read(packet)) {
            (Upgrade::Open(open) | Upgrade::Probed(open), Ok(EnginePacket::Ping("probe")))
                if open == ticket && is_open =>
            {
                polling.upgrade = Upgrade::Probed(ticket);
                if let Some(poll) = &mut polling.poll {
                    poll.is_released = true;
                }
                ProbeStep::Answer
            }
            (Upgrade::Probed(open), Ok(EnginePacket::Upgrade)) if open == ticket && is_open => {
                self.transport = Transport::WebSocket;
                ProbeStep::Upgraded
            }
            _ => ProbeStep::Refuse,
        }
    }

    /// The WebSocket has ended before it was the transport. The session goes on by polling.
    pub(crate) fn end_upgrade(&mut self, ticket: Ticket) {
        if let Transport::Polling(polling) = &mut self.transport
            && matches!(polling.upgrade, Upgrade::Open(open) | Upgrade::Probed(open) if open == ticket)
        {
            polling.upgrade = Upgrade::None;
        }
    }
}
