//! Looks behind the bytes that the application has not received yet: for signs of life before a connection is given up,
//! and for awaited pongs.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use longwire_proto::{GivingUp, SendError};
use tokio::time::Instant;

use super::{Connection, WriteProgress};
use crate::telemetry;

/// The result of a glimpse behind the unparsed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glimpse {
    /// Something has arrived.
    Bytes,
    /// Too many bytes are unparsed to read more.
    NoRoom,
    /// Nothing has arrived, or the transport has ended.
    Nothing,
}

impl Connection {
    /// Handles due timeouts.
    pub(super) fn expire(&mut self, cx: &mut Context<'_>) {
        let now = Instant::now().into_std();
        match self.protocol.giving_up(now) {
            Some(why) if self.is_spared(why, cx) => return,
            Some(_) => {}
            // A peer whose messages wait for the application is not idle.
            None if self.has_unparsed() && !self.has_glimpsed_only => self.protocol.messages_wait(),
            None => {}
        }
        telemetry::handle_timeout(&mut self.protocol, now);
    }

    /// Whether a connection that is about to be given up continues, at least for now. While the application does not
    /// receive, data waits in the transport, possibly including the pong. The application also gets all received data
    /// before the error.
    fn is_spared(&mut self, why: GivingUp, cx: &mut Context<'_>) -> bool {
        let glimpse = self.glimpse(cx);
        if why == GivingUp::Silent && glimpse != Glimpse::Nothing {
            self.protocol.heard(Instant::now().into_std());
            return true;
        }
        if self.has_unparsed() {
            self.lose(why, glimpse);
            return true;
        }
        false
    }

    fn glimpse(&mut self, cx: &mut Context<'_>) -> Glimpse {
        if !self.inbox.has_room_behind() {
            return Glimpse::NoRoom;
        }
        let was_empty = !self.has_unparsed();
        self.begin_call();
        let read = self.transport.as_mut().map(|transport| self.inbox.poll_glimpse(transport, cx));
        self.is_amid_call = false;
        // The transport now wakes this task, so the receiver has to poll again.
        self.has_looked_ahead = true;
        let Some(Poll::Ready(Ok(count @ 1..))) = read else { return Glimpse::Nothing };
        self.has_glimpsed_only |= was_empty;
        self.has_news = true;
        self.traffic.received(count);
        Glimpse::Bytes
    }

    /// Gives the peer up but keeps the received data for the application. Nothing more is written.
    fn lose(&mut self, why: GivingUp, glimpse: Glimpse) {
        telemetry::gave_up_on_peer(self.protocol.role(), why);
        self.is_lost = true;
        self.outbox = WriteProgress::Broken;
        self.discard_queue();
        if glimpse == Glimpse::Nothing {
            self.drop_transport();
        }
    }

    /// Queues a ping and returns its number.
    pub(crate) fn queue_ping(&mut self) -> Result<u32, SendError> {
        let number = self.protocol.send_numbered_ping()?;
        let unwritten = self.protocol.queued();
        self.pings.get_or_insert_default().ask(number, unwritten);
        Ok(number)
    }

    /// The round-trip time of this ping, if it was answered.
    pub(crate) fn took(&self, ping: u32) -> Option<Duration> {
        self.pings.as_ref()?.took(ping)
    }

    /// Forgets a ping whose pong is no longer awaited.
    pub(crate) fn forget_ping(&mut self, number: u32) {
        if let Some(pings) = &mut self.pings {
            pings.forget(number);
            if pings.is_empty() {
                self.pings = None;
            }
        }
    }

    /// Whether any task awaits a pong.
    #[inline]
    pub(crate) fn awaits_pong(&self) -> bool {
        self.pings.as_ref().is_some_and(|pings| pings.are_unanswered())
    }

    /// Whether no pong can arrive any more.
    pub(crate) fn is_end_ahead(&self) -> bool {
        self.is_lost || self.pings.as_ref().is_some_and(|pings| pings.is_end_ahead)
    }

    /// Takes the flag that a result is ready for a task that awaits a pong.
    pub(crate) fn take_news_of_pings(&mut self) -> bool {
        self.pings.as_mut().is_some_and(|pings| std::mem::take(&mut pings.have_news))
    }

    /// Whether to read more than the application receives, to find a pong.
    pub(crate) fn wants_to_look_ahead(&self) -> bool {
        self.awaits_pong()
            && !self.is_end_ahead()
            && self.inbox.has_room_behind()
            && self.protocol.closed().is_none()
    }

    /// Reads behind the unparsed bytes and looks for pongs. `Ready` if there may be more.
    pub(crate) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.begin_call();
        let Some(transport) = &mut self.transport else { return Poll::Ready(()) };
        let read = self.inbox.poll_behind(transport, cx);
        self.is_amid_call = false;
        match ready!(read) {
            Ok(count @ 1..) => {
                self.has_news = true;
                self.traffic.received(count);
                if self.protocol.keeps_time() {
                    self.protocol.heard(Instant::now().into_std());
                }
                self.look_for_pongs();
            }
            // The receiver finds out how the connection ended after it has received the earlier data.
            Ok(0) | Err(_) => {
                if let Some(pings) = &mut self.pings {
                    pings.is_end_ahead = true;
                    pings.have_news = true;
                }
            }
        }
        Poll::Ready(())
    }

    /// Looks for pongs among the unparsed bytes.
    pub(crate) fn look_for_pongs(&mut self) {
        let from = self.inbox.searched();
        let next = self.protocol.look_for_pongs(self.inbox.unparsed(), from);
        self.inbox.set_searched(next);
        self.note_answers();
    }

    /// Finds the pings that the last pong answered.
    pub(super) fn note_answers(&mut self) {
        let Connection { pings: Some(pings), protocol, .. } = self else { return };
        if let Some(took) = pings.look(|number| protocol.is_answered(number)) {
            protocol.measured(took);
        }
    }

    /// Takes the flag that a task that does not receive has read from the transport.
    pub(crate) fn has_looked_ahead(&mut self) -> bool {
        std::mem::take(&mut self.has_looked_ahead)
    }
}
