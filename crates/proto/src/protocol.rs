//! One end of a connection, after its opening handshake.

mod send;
mod time;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::BufMut;
use bytes::buf::Limit;

use crate::close_frame::CloseFrame;
use crate::closed::Closed;
use crate::closing::{Closing, Step};
use crate::config::Config;
use crate::decoder::Decoder;
use crate::deflate::{Agreement, Compressor, Inflater};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::liveness::Liveness;
use crate::masking_keys::MaskingKeys;
use crate::opcode::ControlOpcode;
use crate::received::Received;
use crate::role::Role;
use crate::sending::Sending;

/// One end of a connection, after its opening handshake: bytes in, events out; calls in, bytes to write out.
///
/// It does no I/O and knows no time. A driver reads once, takes events until there are none, writes once, and asks for
/// the next deadline:
///
/// ```
/// use std::io::IoSlice;
/// use std::sync::Arc;
/// use longwire_proto::{Config, Event, Protocol, Received, Role};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = Protocol::new(Role::Server, Arc::new(Config::default()));
///
/// let mut read = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // a masked "Hello", RFC 6455 §5.7
/// let mut received = Received::new(&mut read);
/// while let Some(event) = server.next_event(&mut received)? {
///     if let Event::Text(text) = event {
///         server.send_text(&text)?;
///     }
/// }
///
/// let mut slices = [IoSlice::new(&[]); 8];
/// assert_eq!(server.transmit(&mut slices), 1);
/// assert_eq!(&*slices[0], b"\x81\x05Hello");
/// server.transmitted(7);
/// assert_eq!(server.queued(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Protocol {
    config: Arc<Config>,
    decoder: Decoder,
    sending: Sending,
    closing: Closing,
    /// When the closing handshake is given up; set once it has begun and the driver has told the time. Boxed, because
    /// it has not for as long as a connection lives.
    deadline: Option<Box<Instant>>,
    liveness: Liveness,
    /// How many bytes have been written in all.
    written: u64,
}

impl Protocol {
    /// An open connection.
    #[must_use]
    pub fn new(role: Role, config: Arc<Config>) -> Protocol {
        Protocol {
            config,
            decoder: Decoder::new(role),
            sending: Sending::new(role),
            closing: Closing::Open,
            deadline: None,
            liveness: Liveness::default(),
            written: 0,
        }
    }

    /// Takes the masking keys from elsewhere, for simulations and tests. A server masks nothing.
    #[must_use]
    pub fn with_masking_keys(mut self, keys: MaskingKeys) -> Protocol {
        self.sending.mask_with(keys);
        self
    }

    /// Queues bytes that have to go out before the first frame: the response of the opening handshake, which then shares
    /// a write with the first messages.
    #[must_use]
    pub fn with_preface(mut self, preface: &[u8]) -> Protocol {
        self.sending.outbound.raw(preface);
        self
    }

    /// Compresses messages as both ends have agreed on in the opening handshake (RFC 7692).
    #[must_use]
    pub fn with_deflate(mut self, agreement: &Agreement) -> Protocol {
        let wanted = self.config.deflate.clone().unwrap_or_default();
        self.sending.compress(Compressor::new(agreement, &wanted));
        self.decoder.inflate(Inflater::new(agreement));
        self
    }

    /// The next thing that arrived. `None`: `received` is empty, and the driver may read again.
    ///
    /// Pings are answered and a Close frame is replied to in here; both are told as events too. After a Close frame or
    /// an error, everything that arrives is discarded and there are no more events.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol. It is told so with a Close frame that is queued already; the error is given once.
    // In the driver's loop: an event that is returned through memory costs more than a short message does.
    #[inline(always)]
    pub fn next_event<'b>(
        &mut self,
        received: &mut Received<'b>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        match self.decoder.short_message(received, &self.config) {
            Some(Ok(message)) => {
                self.liveness.message();
                Ok(Some(message))
            }
            Some(Err(error)) => Err(self.fail(error, received)),
            None => self.next_event_of_any_kind(received),
        }
    }

    /// The next thing that arrived, like [`next_event`](Protocol::next_event), and of a message that is not whole what has
    /// arrived of it: as [`TextPart`](Event::TextPart) or [`BinaryPart`](Event::BinaryPart). A part is moved to the caller,
    /// so that a message of any length ([`Limits::streamed`](crate::Limits::streamed)) takes no more room than a read does;
    /// a compressed one at most 0.6 MB. Of a message that has been begun so, the rest has to be taken so: `next_event` would
    /// give it without its beginning.
    ///
    /// # Errors
    ///
    /// As with `next_event`. The parts of a message that turns out to be wrong have been given by then.
    pub fn next_part<'b>(&mut self, received: &mut Received<'b>) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = self.decoder.next_part(received, &self.config);
        self.take_note(event, received)
    }

    #[inline(never)]
    fn next_event_of_any_kind<'b>(
        &mut self,
        received: &mut Received<'b>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = self.decoder.next(received, &self.config);
        self.take_note(event, received)
    }

    /// Does what an event asks of the connection.
    #[inline]
    fn take_note<'b>(
        &mut self,
        event: Result<Option<Event<'b>>, ProtocolError>,
        received: &mut Received<'_>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        match event {
            Ok(Some(event)) => {
                match &event {
                    Event::Ping(payload) => self.answer(payload),
                    Event::Close(frame) => self.advance_closing(Step::PeerClose(frame.as_ref())),
                    Event::Text(_) | Event::Binary(_) | Event::TextPart(_) | Event::BinaryPart(_) => {
                        self.liveness.message();
                    }
                    Event::Pong(payload) => self.liveness.pong(payload),
                }
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(self.fail(error, received)),
        }
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError, received: &mut Received<'_>) -> ProtocolError {
        received.clear();
        self.advance_closing(Step::Failure(&error));
        error
    }

    /// Room to read the payload of a large binary message straight into, if one is arriving: a read into it saves the
    /// copy out of the shared buffer. After the read, call [`next_event`](Protocol::next_event), with an empty
    /// [`Received`] if nothing else was read.
    pub fn payload_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        self.decoder.payload_room().filter(|room| room.remaining_mut() > 0)
    }

    /// Whether a good part of a large frame (32 KiB) has not arrived: it is worth to read more at a time.
    #[must_use]
    pub fn is_amid_large_frame(&self) -> bool {
        self.decoder.is_amid_large_frame()
    }

    /// Looks for pongs among bytes that have arrived and are not to be parsed yet, for a driver whose application takes no
    /// messages at the moment: a pong that answers a ping does so at once, and is told as an event all the same when it is
    /// parsed. `from` is where to begin: 0, or what the last call gave, if only more bytes have arrived since.
    pub fn look_for_pongs(&mut self, unparsed: &[u8], from: usize) -> usize {
        let liveness = &mut self.liveness;
        self.decoder.look_for_pongs(unparsed, from, |payload| liveness.pong(payload))
    }

    /// Begins the closing handshake; `None` sends a Close frame without a code. If it has begun already, nothing
    /// happens.
    pub fn close(&mut self, frame: Option<CloseFrame>) {
        self.advance_closing(Step::LocalClose(frame));
    }

    /// The peer has ended its side of the transport: it sends nothing more, and may still read. What is queued can be
    /// written until the time for closing is up; then, or when the transport is
    /// [shut down](Protocol::wants_shutdown), the driver calls [`receive_eof`](Protocol::receive_eof).
    pub fn receive_half_close(&mut self) {
        self.advance_closing(Step::HalfClose);
    }

    /// The transport has ended: end of file, or an error. Nothing more is written.
    pub fn receive_eof(&mut self) {
        self.advance_closing(Step::TransportEnd);
    }

    /// Fills `slices` with what has to be written next, and gives how many it filled. Write them in order with one
    /// call, and tell [`transmitted`](Protocol::transmitted) how many bytes that took.
    pub fn transmit<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.sending.outbound.slices(slices)
    }

    /// Takes out everything that waits to be written, for a driver that has to own what it writes. Tell
    /// [`transmitted`](Protocol::transmitted) how much of it has been written; until that is all, it still counts in
    /// [`queued`](Protocol::queued), and there is nothing else to [`transmit`](Protocol::transmit) or to take.
    ///
    /// `None`: nothing waits, or a large payload does, which has to be transmitted from where it is.
    pub fn take_encoded(&mut self) -> Option<Vec<u8>> {
        self.sending.outbound.take()
    }

    /// Notes that the first `count` bytes of what waited have been written.
    pub fn transmitted(&mut self, count: usize) {
        self.written += count as u64;
        self.liveness.written(self.written);
        self.sending.written(count, &self.config);
    }

    /// Lends the connection a buffer to encode into, so that it needs none of its own. What `buffer` holds is discarded.
    /// If the connection has a buffer, `buffer` is given back.
    ///
    /// Without, a connection takes a buffer when something is sent, and frees it when all is written.
    pub fn lend_buffer(&mut self, buffer: Vec<u8>) -> Option<Vec<u8>> {
        self.sending.outbound.lend(buffer)
    }

    /// Takes the lent buffer back, empty, if nothing waits in it. It may have grown.
    pub fn reclaim_buffer(&mut self) -> Option<Vec<u8>> {
        self.sending.outbound.reclaim()
    }

    /// How many bytes the connection holds: of a message that is not whole, and of what waits to be written.
    #[must_use]
    pub fn held(&self) -> usize {
        self.decoder.held() + self.queued()
    }

    /// Gives the connection up because this end is short of memory: the peer is told 1013, and what it still sends is
    /// discarded.
    pub fn shed(&mut self) {
        self.advance_closing(Step::Failure(&ProtocolError::Overloaded));
    }

    /// Gives the connection up because the peer does not take its messages as fast as they come: it is told 1013 behind
    /// what waits already, and what it still sends is discarded.
    pub fn shed_slow(&mut self) {
        self.advance_closing(Step::Failure(&ProtocolError::TooSlow));
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.sending.outbound.len()
    }

    /// Whether so much waits to be written that no more should be sent: more than
    /// [`Limits::high_water`](crate::Limits::high_water).
    #[must_use]
    pub fn is_above_high_water(&self) -> bool {
        self.queued() > self.config.limits.high_water
    }

    /// Whether so little waits to be written that who had to wait may go on: no more than
    /// [`Limits::low_water`](crate::Limits::low_water).
    #[must_use]
    pub fn is_below_low_water(&self) -> bool {
        self.queued() <= self.config.limits.low_water
    }

    /// Whether messages can be sent: the closing handshake has not begun.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.closing, Closing::Open)
    }

    /// How the connection ended, as soon as that is certain: when both Close frames exist, when it failed, or when the
    /// transport has ended.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.closing.closed()
    }

    /// Whether the transport has ended or is to be dropped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.closing, Closing::Over(_))
    }

    /// Whether everything is written and this end is the one to end the transport: a server after the closing handshake
    /// (RFC 6455 §7.1.1), and either end after a failure (§7.1.7). A driver shuts down its writing side and goes on
    /// reading until the end of file, so that the peer gets the Close frame and not a reset.
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        let ends_it = match self.closing {
            Closing::Open | Closing::AwaitingPeer => false,
            Closing::Complete(_) => self.role() == Role::Server,
            Closing::Failed(_) | Closing::Over(_) => true,
        };
        ends_it && self.queued() == 0
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.sending.role()
    }

    /// What the connection was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn advance_closing(&mut self, step: Step<'_>) {
        // The placeholder is never seen: `step` gives the next state.
        let state = std::mem::replace(&mut self.closing, Closing::Open);
        let (next, to_send) = state.step(step);
        if next.closed().is_some() {
            self.decoder.stop();
        }
        self.sending.leave_unanswered();
        self.closing = next;
        if let Some(frame) = to_send {
            let payload = frame.map(|frame| frame.encode()).unwrap_or_default();
            // A Close frame's payload fits by its type, so this cannot fail.
            let _fits = self.sending.control(ControlOpcode::Close, &payload, &self.config);
        }
    }

    fn answer(&mut self, ping: &[u8]) {
        // §1.4: after its Close frame an end sends nothing more.
        if self.is_open() {
            self.sending.answer(ping, &self.config);
        }
    }
}

#[cfg(test)]
mod tests;
