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
use crate::send_buffer::SendBuffer;
use crate::sending::Sending;

/// One end of a connection, after its opening handshake: bytes in, events out; calls in, bytes to write out.
///
/// It does no I/O and has no clock. A driver reads once, takes events until there are none left, writes once, and asks
/// for the next deadline:
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
    /// The closing handshake, once it has begun. Boxed, because most of a connection's life passes without it.
    ending: Option<Box<Ending>>,
    liveness: Liveness,
}

/// A closing handshake that has begun.
#[derive(Debug)]
struct Ending {
    closing: Closing,
    /// When it times out; set once the driver has passed the time.
    deadline: Option<Instant>,
}

impl Protocol {
    /// An open connection.
    #[must_use]
    pub fn new(role: Role, config: Arc<Config>) -> Protocol {
        Protocol {
            config,
            decoder: Decoder::new(role),
            sending: Sending::new(role),
            ending: None,
            liveness: Liveness::default(),
        }
    }

    /// Replaces the source of masking keys, for simulations and tests. A server does not mask.
    #[must_use]
    pub fn with_masking_keys(mut self, keys: MaskingKeys) -> Protocol {
        self.sending.mask_with(keys);
        self
    }

    /// Queues bytes to write before the first frame: the response of the opening handshake, which then shares a write
    /// with the first messages.
    #[must_use]
    pub fn with_preface(mut self, preface: &[u8]) -> Protocol {
        self.sending.raw(preface);
        self
    }

    /// Compresses messages as the opening handshake agreed (RFC 7692).
    #[must_use]
    pub fn with_deflate(mut self, agreement: &Agreement) -> Protocol {
        let wanted = self.config.deflate.clone().unwrap_or_default();
        self.sending.compress(Compressor::new(agreement, &wanted));
        self.decoder.inflate(Inflater::new(agreement));
        self
    }

    /// The next event. `None`: `received` is empty, and the driver may read again.
    ///
    /// Pings and Close frames are answered automatically, and are returned as events, too. After a Close frame or an
    /// error, everything that arrives is discarded, and no further events follow.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] when the peer broke the protocol. A Close frame that reports it is queued already. The error
    /// is returned once.
    // Inlined into the driver's loop: returning an event through memory costs more than a short message does.
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

    /// The next event, like [`next_event`](Protocol::next_event), but an incomplete message is returned in parts as it
    /// arrives: as [`TextPart`](Event::TextPart) or [`BinaryPart`](Event::BinaryPart). Each part moves to the caller,
    /// so that a message of any length ([`Limits::streamed`](crate::Limits::streamed)) needs no more memory than one
    /// read, or at most 0.6 MB if it is compressed. Once read in parts, a message must be finished in parts:
    /// `next_event` would return it without its beginning.
    ///
    /// # Errors
    ///
    /// As with `next_event`. Parts of an invalid message may have been returned before the error.
    pub fn next_part<'b>(&mut self, received: &mut Received<'b>) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = self.decoder.next_part(received, &self.config);
        self.react_to(event, received)
    }

    #[inline(never)]
    fn next_event_of_any_kind<'b>(
        &mut self,
        received: &mut Received<'b>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = self.decoder.next(received, &self.config);
        self.react_to(event, received)
    }

    /// Reacts to an event: answers a ping, continues the closing handshake, records activity.
    #[inline]
    fn react_to<'b>(
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

    /// Room to read the payload of a large binary message into, if one is arriving. Reading into it saves the copy out
    /// of the shared buffer. After the read, call [`next_event`](Protocol::next_event), with an empty [`Received`] if
    /// nothing else was read.
    pub fn payload_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        self.decoder.payload_room().filter(|room| room.remaining_mut() > 0)
    }

    /// Whether at least 32 KiB of a large frame are still missing, so that larger reads pay off.
    #[must_use]
    pub fn is_amid_large_frame(&self) -> bool {
        self.decoder.is_amid_large_frame()
    }

    /// Looks for pongs among received bytes that are not parsed yet, for a driver whose application does not take
    /// messages at the moment. Such a pong answers its ping at once; it is still returned as an event when it is
    /// parsed. `from` is where to start: 0, or the result of the last call if only more bytes have arrived since.
    pub fn look_for_pongs(&mut self, unparsed: &[u8], from: usize) -> usize {
        let liveness = &mut self.liveness;
        self.decoder.look_for_pongs(unparsed, from, |payload| liveness.pong(payload))
    }

    /// Begins the closing handshake; `None` sends a Close frame without a code. Does nothing if the closing handshake
    /// has begun already.
    pub fn close(&mut self, frame: Option<CloseFrame>) {
        self.advance_closing(Step::LocalClose(frame));
    }

    /// The peer has ended its side of the transport: it sends nothing more, but may still read. Queued bytes can be
    /// written until the time for closing is up. Then, or when the transport is [shut down](Protocol::wants_shutdown),
    /// the driver calls [`receive_eof`](Protocol::receive_eof).
    pub fn receive_half_close(&mut self) {
        self.advance_closing(Step::HalfClose);
    }

    /// The transport has ended: end of file, or an error. Nothing more can be written.
    pub fn receive_eof(&mut self) {
        self.advance_closing(Step::TransportEnd);
    }

    /// Fills `slices` with the bytes to write next, and returns how many slices it filled. Write them in order with one
    /// call, and pass the number of bytes written to [`transmitted`](Protocol::transmitted).
    pub fn transmit<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.sending.slices(slices)
    }

    /// Whether a [shared frame](Protocol::send_prepared_frame) waits. [`take_encoded`](Protocol::take_encoded) copies it, into
    /// a [lent](Protocol::lend_buffer) buffer if there is one.
    #[must_use]
    pub fn is_sharing(&self) -> bool {
        self.sending.is_sharing()
    }

    /// Takes all bytes that wait to be written, for a driver that must own what it writes. Pass the number of bytes
    /// written to [`transmitted`](Protocol::transmitted). Until all of them are written, they still count in
    /// [`queued`](Protocol::queued), and there is nothing else to [`transmit`](Protocol::transmit) or to take.
    ///
    /// `None`: nothing waits, or a large payload waits, which must be transmitted in place.
    pub fn take_encoded(&mut self) -> Option<Vec<u8>> {
        self.sending.take_encoded()
    }

    /// How many of the bytes that the driver has [taken](Protocol::take_encoded) are not yet written.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.sending.taken()
    }

    /// Records that the first `count` waiting bytes have been written.
    pub fn transmitted(&mut self, count: usize) {
        self.liveness.written(count);
        self.sending.written(count, &self.config);
    }

    /// Lends the connection a buffer to encode into, so that it needs none itself. If the connection has a buffer
    /// already, `buffer` is returned; its memory may have moved there.
    ///
    /// Without a lent buffer, a connection allocates one when it sends something, and frees it when all is written.
    pub fn lend_buffer(&mut self, buffer: SendBuffer) -> Option<SendBuffer> {
        self.sending.lend(buffer)
    }

    /// Returns the lent buffer, emptied, if nothing waits in it. It may have grown, and it has no memory left if that was
    /// [taken](Protocol::take_encoded).
    pub fn reclaim_buffer(&mut self) -> Option<SendBuffer> {
        self.sending.reclaim()
    }

    /// How many bytes the connection holds: those of an incomplete message, and those that wait to be written, with the room
    /// that is left in their buffers.
    #[must_use]
    pub fn held(&self) -> usize {
        self.decoder.held() + self.sending.held()
    }

    /// Fails the connection because this end is short of memory. The peer gets a Close frame with 1013, and everything
    /// that it still sends is discarded.
    pub fn shed(&mut self) {
        self.advance_closing(Step::Failure(&ProtocolError::Overloaded));
    }

    /// Fails the connection because the peer reads its messages too slowly. A Close frame with 1013 is queued after the
    /// waiting bytes, and everything that the peer still sends is discarded.
    pub fn shed_slow(&mut self) {
        self.advance_closing(Step::Failure(&ProtocolError::TooSlow));
    }

    /// Fails the connection (RFC 6455 §7.1.7) with a code and a reason of the application. The Close frame is queued after the
    /// waiting bytes, and everything that the peer still sends is discarded. To end the connection in agreement with the
    /// peer, see [`close`](Protocol::close).
    pub fn fail_with(&mut self, frame: CloseFrame) {
        self.advance_closing(Step::LocalFailure(frame));
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.sending.queued()
    }

    /// Whether more than [`Limits::high_water`](crate::Limits::high_water) bytes wait to be written, so that senders
    /// should wait.
    #[must_use]
    pub fn is_above_high_water(&self) -> bool {
        self.queued() > self.config.limits.high_water
    }

    /// Whether at most [`Limits::low_water`](crate::Limits::low_water) bytes wait to be written, so that senders that
    /// waited may continue.
    #[must_use]
    pub fn is_below_low_water(&self) -> bool {
        self.queued() <= self.config.limits.low_water
    }

    /// Whether messages can be sent: the closing handshake has not begun.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ending.is_none()
    }

    /// How the connection ended, as soon as that is certain: when both Close frames are sent or queued, when the
    /// connection failed, or when the transport has ended.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.closing().closed()
    }

    /// Whether the transport has ended or should be dropped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.closing(), Closing::Over(_))
    }

    /// Whether everything is written and this end should end the transport: a server after the closing handshake (RFC
    /// 6455 §7.1.1), and either end after a failure (§7.1.7). The driver then shuts down its writing side and reads
    /// until the end of file. Otherwise the peer might get a reset instead of the Close frame.
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        let ends_it = match self.closing() {
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

    /// The configuration of the connection.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn closing(&self) -> &Closing {
        self.ending.as_ref().map_or(&Closing::Open, |ending| &ending.closing)
    }

    fn advance_closing(&mut self, step: Step<'_>) {
        let Ending { closing, deadline } = match self.ending.take() {
            Some(ending) => *ending,
            None => Ending { closing: Closing::Open, deadline: None },
        };
        // Every step ends the state `Open`.
        let (closing, to_send) = closing.step(step);
        if closing.closed().is_some() {
            self.decoder.stop();
        }
        self.sending.leave_unanswered();
        self.ending = Some(Box::new(Ending { closing, deadline }));
        if let Some(frame) = to_send {
            let payload = frame.map(|frame| frame.encode()).unwrap_or_default();
            // The type limits a Close frame's payload, so this cannot fail.
            let _fits = self.sending.control(ControlOpcode::Close, &payload, &self.config);
        }
    }

    fn answer(&mut self, ping: &[u8]) {
        // §1.4: after its Close frame, an endpoint sends nothing more.
        if self.is_open() {
            self.sending.answer(ping, &self.config);
        }
    }
}

#[cfg(test)]
mod tests;
