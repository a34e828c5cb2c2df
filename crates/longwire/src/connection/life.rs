//! What is looked for behind what the application has not taken: life, before the connection is given up, and the pongs
//! that somebody waits for.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use longwire_proto::{GivingUp, SendError};
use tokio::time::Instant;

use super::{Connection, WriteProgress};
use crate::telemetry;

/// What a glimpse behind what is not parsed shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glimpse {
    /// Something has arrived.
    Bytes,
    /// So much is unparsed that nobody knows.
    NoRoom,
    /// Nothing has arrived, or the transport has ended.
    Nothing,
}

impl Connection {
    /// Does what is overdue.
    pub(super) fn expire(&mut self, cx: &mut Context<'_>) {
        let now = Instant::now().into_std();
        match self.protocol.giving_up(now) {
            Some(why) if self.is_spared(why, cx) => return,
            Some(_) => {}
            // Messages that the application has not taken are not idleness of the peer.
            None if self.has_unparsed() && !self.has_glimpsed_only => self.protocol.messages_wait(),
            None => {}
        }
        telemetry::handle_timeout(&mut self.protocol, now);
    }

    /// Whether a connection that is about to be given up is not, or not yet. It may be this end that does not listen: as long
    /// as nobody receives, what has arrived lies in the transport, the pong perhaps. And what has arrived is given to the
    /// application before it is told that the peer is gone.
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
        // The transport wakes this task now, so whoever receives has to look again.
        self.has_looked_ahead = true;
        let Some(Poll::Ready(Ok(count @ 1..))) = read else { return Glimpse::Nothing };
        self.has_glimpsed_only |= was_empty;
        self.has_news = true;
        self.traffic.received(count);
        Glimpse::Bytes
    }

    /// The peer is gone, but what it said before is still to be taken. Nothing is written any more.
    fn lose(&mut self, why: GivingUp, glimpse: Glimpse) {
        telemetry::gave_up_on_peer(self.protocol.role(), why);
        self.is_lost = true;
        self.outbox = WriteProgress::Broken;
        self.protocol.transmitted(self.protocol.queued());
        if glimpse == Glimpse::Nothing {
            self.drop_transport();
        }
    }

    /// Queues a ping, and gives its number.
    pub(crate) fn queue_ping(&mut self) -> Result<u32, SendError> {
        let number = self.protocol.send_numbered_ping()?;
        let unwritten = self.protocol.queued();
        self.pings.get_or_insert_default().ask(number, unwritten);
        Ok(number)
    }

    /// How long the round trip of this ping took, if it has been answered.
    pub(crate) fn took(&self, ping: u32) -> Option<Duration> {
        self.pings.as_ref()?.took(ping)
    }

    /// Nobody waits for the answer to this ping any more.
    pub(crate) fn forget_ping(&mut self, number: u32) {
        if let Some(pings) = &mut self.pings {
            pings.forget(number);
            if pings.is_empty() {
                self.pings = None;
            }
        }
    }

    /// Whether somebody waits for the answer to a ping.
    #[inline]
    pub(crate) fn awaits_pong(&self) -> bool {
        self.pings.as_ref().is_some_and(|pings| pings.are_unanswered())
    }

    /// Whether no pong is to come any more.
    pub(crate) fn is_end_ahead(&self) -> bool {
        self.is_lost || self.pings.as_ref().is_some_and(|pings| pings.is_end_ahead)
    }

    /// Whether there is something to tell whoever waits for the answer to a ping, once.
    pub(crate) fn take_news_of_pings(&mut self) -> bool {
        self.pings.as_mut().is_some_and(|pings| std::mem::take(&mut pings.have_news))
    }

    /// Whether more is to be read for the sake of a pong than the application takes.
    pub(crate) fn wants_to_look_ahead(&self) -> bool {
        self.awaits_pong()
            && !self.is_end_ahead()
            && self.inbox.has_room_behind()
            && self.protocol.closed().is_none()
    }

    /// Reads behind what is not parsed, and looks for pongs. `Ready`: there may be more.
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
            // Whoever receives finds out how, when what came before has been taken.
            Ok(0) | Err(_) => {
                if let Some(pings) = &mut self.pings {
                    pings.is_end_ahead = true;
                    pings.have_news = true;
                }
            }
        }
        Poll::Ready(())
    }

    /// Looks for pongs among what is not parsed.
    pub(crate) fn look_for_pongs(&mut self) {
        let from = self.inbox.searched();
        let next = self.protocol.look_for_pongs(self.inbox.unparsed(), from);
        self.inbox.set_searched(next);
        self.note_answers();
    }

    /// Looks which pings the last pong has answered.
    pub(super) fn note_answers(&mut self) {
        let Connection { pings: Some(pings), protocol, .. } = self else { return };
        if let Some(took) = pings.look(|number| protocol.is_answered(number)) {
            protocol.measured(took);
        }
    }

    /// Whether the transport was read from by a task that does not receive, once.
    pub(crate) fn has_looked_ahead(&mut self) -> bool {
        std::mem::take(&mut self.has_looked_ahead)
    }
}
