//! A connection after its opening handshake, with arbitrary input.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BufMut;
use longwire_proto::deflate::{Agreement, Context, Takeover, WindowBits};
use longwire_proto::{
    Closed, Config, ControlLen, Event, Limits, MaskingKeys, Protocol, ProtocolError, Received, Role,
};
use longwire_wire::{RawFrame, bits};

use crate::ALLOCATOR;
use crate::cuts::Cuts;
use crate::sent;

/// The message limit, in bytes.
const LARGEST: usize = 1 << 20;

/// A server that receives the bytes from its client.
pub fn server_stream(data: &[u8]) {
    check(Role::Server, data);
}

/// A client that receives the bytes from its server.
pub fn client_stream(data: &[u8]) {
    check(Role::Client, data);
}

/// Checks a stream: events and output must not depend on how it is cut, and must follow the rules. The memory of the
/// connection must be justified by the bytes that have arrived.
fn check(role: Role, data: &[u8]) {
    let Some((plan, stream)) = Plan::read(role, data) else { return };
    let whole = plan.run([stream].into_iter());
    plan.check_rules(&whole);
    let direct = Plan { reads: Reads::StraightIntoMessages, ..plan.clone() };
    for plan in [&plan, &direct] {
        let cut = plan.run(plan.cuts.of(stream));
        plan.check_rules(&cut);
        assert_eq!(cut.events, whole.events, "{:?}", plan.reads);
        assert_eq!(cut.error.is_some(), whole.error.is_some(), "{:?} and {:?}", cut.error, whole.error);
        // If a compressed message has several faults, the first one found depends on how much is inflated at a time.
        if !(whole.error.is_some_and(is_of_content) && cut.error.is_some_and(is_of_content)) {
            assert_eq!(cut, whole, "{:?}", plan.reads);
        }
    }
    plan.check_memory(stream);
    direct.check_memory(stream);
    for plan in [&plan, &direct] {
        let in_parts = Plan { delivery: Delivery::InParts, ..plan.clone() };
        in_parts.check_parts(stream, &whole);
        in_parts.check_memory(stream);
    }
}

/// The scenario, from the first four bytes of the input. The rest is the stream.
#[derive(Debug, Clone)]
struct Plan {
    role: Role,
    begins: Begins,
    messages: Messages,
    reads: Reads,
    delivery: Delivery,
    cuts: Cuts,
}

/// What the application does before the first byte arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Open,
    /// It closes, so the bytes arrive at a connection that waits for the peer's Close frame.
    Closing,
}

/// The negotiated extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Messages {
    Plain,
    /// permessage-deflate (RFC 7692).
    MaybeCompressed,
}

/// Where the driver reads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    IntoBuffer,
    /// Into the buffer of a large message, while there is one.
    StraightIntoMessages,
}

/// How the application receives messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Whole,
    InParts,
}

/// Everything that a connection shows to the application and the transport.
#[derive(Debug, Default, PartialEq)]
struct Transcript {
    events: Vec<Event<'static>>,
    /// The parts of an incomplete message.
    parts: Vec<u8>,
    error: Option<ProtocolError>,
    sent: Vec<u8>,
    closed: Option<Closed>,
}

impl Plan {
    fn read(role: Role, data: &[u8]) -> Option<(Plan, &[u8])> {
        let (&[first, cuts @ ..], stream) = data.split_first_chunk::<4>()?;
        let begins = if first & 1 == 0 { Begins::Open } else { Begins::Closing };
        let messages = if first & 2 == 0 { Messages::Plain } else { Messages::MaybeCompressed };
        let (reads, delivery) = (Reads::IntoBuffer, Delivery::Whole);
        Some((Plan { role, begins, messages, reads, delivery, cuts: Cuts::new(cuts) }, stream))
    }

    fn connection(&self) -> Protocol {
        // Answer all pings, so that the answers do not depend on when the driver writes.
        let limits = Limits::default().message(LARGEST).fragments(64).control_replies(usize::MAX);
        let mut protocol = Protocol::new(self.role, Arc::new(Config::new(limits)))
            .with_masking_keys(MaskingKeys::seeded(6455));
        if self.messages == Messages::MaybeCompressed {
            let context = Context { window: WindowBits::MAX, takeover: Takeover::Yes };
            protocol = protocol.with_deflate(&Agreement { compress: Some(context), inflate: context });
        }
        if self.begins == Begins::Closing {
            protocol.close(None);
        }
        protocol
    }

    fn run<'s>(&self, pieces: impl Iterator<Item = &'s [u8]>) -> Transcript {
        let mut protocol = self.connection();
        let mut transcript = Transcript::default();
        for piece in pieces {
            let mut piece = self.read_straight(&mut protocol, piece).to_vec();
            let mut received = Received::new(&mut piece);
            while let Some(event) = transcript.next_event(self.delivery, &mut protocol, &mut received) {
                transcript.note(event.into_owned());
            }
            assert!(received.is_empty(), "bytes were left in the buffer");
            write(&mut protocol, |bytes| transcript.sent.extend_from_slice(bytes));
        }
        write(&mut protocol, |bytes| transcript.sent.extend_from_slice(bytes));
        protocol.receive_eof();
        assert!(protocol.is_over());
        assert_eq!(protocol.queued(), 0, "nothing is sent to a transport that has ended");
        transcript.closed = protocol.closed().cloned();
        transcript
    }

    /// Fills the buffer of a large message, and returns the rest of the piece.
    fn read_straight<'s>(&self, protocol: &mut Protocol, piece: &'s [u8]) -> &'s [u8] {
        if self.reads == Reads::StraightIntoMessages
            && let Some(mut room) = protocol.payload_room()
        {
            let (straight, rest) = piece.split_at(room.remaining_mut().min(piece.len()));
            room.put_slice(straight);
            rest
        } else {
            piece
        }
    }

    fn check_rules(&self, transcript: &Transcript) {
        let Transcript { events, error, sent, closed, .. } = transcript;
        let mut frames = sent::frames(self.role, sent);
        // §5.5.1: one Close frame, and nothing after it. A side that sends Close first sends no more pongs.
        let begun_with_close = self.begins == Begins::Closing;
        let close = match frames.iter().position(|frame| frame.opcode == bits::CLOSE) {
            Some(at) => frames.drain(at..).collect::<Vec<_>>(),
            None => Vec::new(),
        };
        assert!(close.len() <= 1, "sent behind the Close frame: {close:?}");
        assert_eq!(frames, if begun_with_close { Vec::new() } else { pongs(events) });

        let code_sent = close.first().and_then(RawFrame::close_code);
        let closed = closed.as_ref().expect("the transport has ended");
        match (events.last(), error) {
            (_, Some(error)) => {
                assert_eq!(closed.code, error.close_code());
                assert!(begun_with_close || code_sent == Some(error.close_code().get()));
            }
            (Some(Event::Close(frame)), None) => {
                assert!(closed.clean);
                let code = frame.as_ref().map(|frame| frame.code().get());
                assert!(begun_with_close || close.len() == 1 && code_sent == code);
            }
            (_, None) => {
                assert!(!closed.clean);
                assert_eq!(close.len(), usize::from(begun_with_close));
            }
        }
    }

    /// The concatenated parts must equal the message.
    fn check_parts(&self, stream: &[u8], whole: &Transcript) {
        let in_parts = self.run(self.cuts.of(stream));
        self.check_rules(&in_parts);
        match (in_parts.error, whole.error) {
            // Fragments are counted between two parts, so one more part may have arrived.
            (_, Some(ProtocolError::TooManyFragments { .. })) => {
                assert!(in_parts.events.starts_with(&whole.events));
            }
            (in_parts_error, whole_error) => {
                assert_eq!(in_parts.events, whole.events, "{:?}", self.reads);
                assert_eq!(in_parts_error.is_some(), whole_error.is_some());
            }
        }
    }

    /// The connection must report its memory correctly after each piece. The memory must follow the bytes that have
    /// arrived, not a declared length.
    fn check_memory(&self, stream: &[u8]) {
        /// The smallest buffer for a payload that is read straight into its message.
        const STRAIGHT: usize = 64 << 10;
        // The connection itself and the inflater's state (see `longwire_proto::deflate`).
        let state = match self.messages {
            Messages::Plain => 4 << 10,
            Messages::MaybeCompressed => 128 << 10,
        };
        let before = ALLOCATOR.allocated();
        let mut protocol = self.connection();
        let mut arrived = 0;
        for piece in self.cuts.of(stream) {
            arrived += piece.len();
            {
                let mut piece = self.read_straight(&mut protocol, piece).to_vec();
                let mut received = Received::new(&mut piece);
                while let Ok(Some(_)) = self.delivery.next(&mut protocol, &mut received) {}
            }
            write(&mut protocol, |_| {});
            let held = ALLOCATOR.allocated().saturating_sub(before);
            let calls_for = match self.messages {
                Messages::Plain => arrived,
                Messages::MaybeCompressed => LARGEST,
            };
            let may_be_held = match self.delivery {
                Delivery::Whole => STRAIGHT + 2 * calls_for,
                Delivery::InParts => 2 * ControlLen::MAX,
            };
            assert!(protocol.held() <= may_be_held, "{} of {arrived} are held", protocol.held());
            assert!(held <= state + protocol.held(), "{held} are held, not {}", protocol.held());
        }
    }
}

impl Transcript {
    /// Records an event; a message when its last part has arrived.
    fn note(&mut self, event: Event<'static>) {
        let event = match event {
            Event::TextPart(part) => return self.parts.extend_from_slice(part.as_bytes()),
            Event::BinaryPart(part) => return self.parts.extend_from_slice(&part),
            Event::Text(rest) if !self.parts.is_empty() => {
                let parts = String::from_utf8(std::mem::take(&mut self.parts));
                Event::Text((parts.expect("each part is whole characters") + &rest).into())
            }
            Event::Binary(rest) if !self.parts.is_empty() => {
                Event::Binary([std::mem::take(&mut self.parts), rest.into_owned()].concat().into())
            }
            other => other,
        };
        self.events.push(event);
    }

    /// Returns the next event. Records a failure, of which there is at most one, and none after a Close frame.
    fn next_event<'b>(
        &mut self,
        delivery: Delivery,
        protocol: &mut Protocol,
        received: &mut Received<'b>,
    ) -> Option<Event<'b>> {
        let next = delivery.next(protocol, received);
        let over = self.error.is_some() || matches!(self.events.last(), Some(Event::Close(_)));
        assert!(!over || next == Ok(None), "after the end: {next:?}");
        match next {
            Ok(event) => event,
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

impl Delivery {
    fn next<'b>(
        self,
        protocol: &mut Protocol,
        received: &mut Received<'b>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        match self {
            Delivery::Whole => protocol.next_event(received),
            Delivery::InParts => protocol.next_part(received),
        }
    }
}

/// Takes all bytes that wait to be written.
pub(crate) fn write(protocol: &mut Protocol, mut sink: impl FnMut(&[u8])) {
    while protocol.queued() > 0 {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = protocol.transmit(&mut slices);
        let mut count = 0;
        for slice in &slices[..filled] {
            sink(slice);
            count += slice.len();
        }
        assert!(count > 0, "bytes wait and are not offered");
        protocol.transmitted(count);
    }
}

/// Whether the error is about the content of a message.
fn is_of_content(error: ProtocolError) -> bool {
    matches!(error, ProtocolError::TextNotUtf8 | ProtocolError::Inflate | ProtocolError::MessageTooBig { .. })
}

/// The answers to the pings in `events` (RFC 6455 §5.5.2).
fn pongs(events: &[Event<'_>]) -> Vec<RawFrame> {
    let pong = |event: &Event<'_>| match event {
        Event::Ping(payload) => Some(RawFrame::pong(payload.to_vec())),
        _ => None,
    };
    events.iter().filter_map(pong).collect()
}
