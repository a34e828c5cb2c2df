//! Properties of every message, every header and every way to split a stream.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Uri};
use longwire_proto::deflate::{Agreement, Deflate, Retain, Takeover};
use longwire_proto::handshake::{ClientHandshake, Extension, HeadLimits, HeadReader, Offer, encode_request};
use longwire_proto::{
    By, CloseCode, CloseFrame, Config, ControlLen, ControlOpcode, DataOpcode, Event, FrameKind, Header, Last,
    MaskingKeys, MessageKind, Protocol, ProtocolError, Received, ReservedBits, Role,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One call of the sending application.
#[derive(Debug, Clone)]
enum Call {
    Text(String),
    Binary(Vec<u8>),
    /// Shared bytes, which are not copied if they are large.
    Shared(Vec<u8>),
    /// A message in fragments, with a ping between them. Text may be split inside a character.
    Fragments(Content, Vec<Index>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

#[derive(Debug, Clone)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Call {
    fn make(&self, sender: &mut Protocol) {
        match self {
            Call::Text(text) => sender.send_text(text),
            Call::Binary(payload) => sender.send_binary(payload),
            Call::Shared(payload) => sender.send_bytes(MessageKind::Binary, Bytes::copy_from_slice(payload)),
            Call::Fragments(content, cuts) => {
                let (kind, payload) = match content {
                    Content::Text(text) => (MessageKind::Text, text.as_bytes()),
                    Content::Binary(payload) => (MessageKind::Binary, &payload[..]),
                };
                let mut pieces = cut(payload, cuts).into_iter().peekable();
                let mut sent = Ok(());
                while let Some(piece) = pieces.next() {
                    let last = if pieces.peek().is_none() { Last::Yes } else { Last::No };
                    sent = sent.and(sender.send_fragment(kind, piece, last));
                    if last == Last::No {
                        sent = sent.and(sender.send_ping(b"between"));
                    }
                }
                sent
            }
            Call::Ping(payload) => sender.send_ping(payload),
            Call::Pong(payload) => sender.send_pong(payload),
        }
        .expect("the connection is open");
    }

    /// The events that the receiving application must see.
    fn events(&self) -> Vec<Event<'static>> {
        let message = match self {
            Call::Text(text) | Call::Fragments(Content::Text(text), _) => Event::Text(text.clone().into()),
            Call::Binary(payload) | Call::Shared(payload) | Call::Fragments(Content::Binary(payload), _) => {
                Event::Binary(payload.clone().into())
            }
            Call::Ping(payload) => Event::Ping(payload.clone().into()),
            Call::Pong(payload) => Event::Pong(payload.clone().into()),
        };
        let pings = if let Call::Fragments(_, cuts) = self { cuts.len() } else { 0 };
        let mut events = vec![Event::Ping(b"between"[..].into()); pings];
        events.push(message);
        events
    }
}

/// Splits `bytes` at the given places: one piece more than there are places, some of them empty.
fn cut<'b>(bytes: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let starts = [0].into_iter().chain(places.iter().copied());
    let ends = places.iter().copied().chain([bytes.len()]);
    starts.zip(ends).map(|(start, end)| &bytes[start..end]).collect()
}

/// The agreement of both ends.
#[derive(Debug, Clone)]
struct Agreed {
    /// The compression settings of each end, and the agreement; `None` without permessage-deflate.
    deflate: Option<OfBoth>,
}

#[derive(Debug, Clone)]
struct OfBoth {
    client: (Deflate, Agreement),
    server: (Deflate, Agreement),
}

impl Agreed {
    const NOTHING: Agreed = Agreed { deflate: None };

    /// One end of the connection.
    fn connection(&self, role: Role) -> Protocol {
        let mut config = Config::default();
        let of_role = self.deflate.as_ref().map(|both| match role {
            Role::Client => &both.client,
            Role::Server => &both.server,
        });
        if let Some((deflate, _)) = of_role {
            config.deflate = Some(deflate.clone());
        }
        let protocol = Protocol::new(role, Arc::new(config)).with_masking_keys(MaskingKeys::seeded(6455));
        match of_role {
            Some((_, agreement)) => protocol.with_deflate(agreement),
            None => protocol,
        }
    }
}

/// All bytes that wait to be written.
fn written(protocol: &mut Protocol) -> Vec<u8> {
    let mut bytes = Vec::new();
    while protocol.queued() > 0 {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = protocol.transmit(&mut slices);
        let piece: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        protocol.transmitted(piece.len());
        bytes.extend(piece);
    }
    bytes
}

/// The events of an application, and the error that ended the stream, if any.
type Told = (Vec<Event<'static>>, Result<(), ProtocolError>);

/// The result of `receiver` for a stream that arrives in these pieces.
fn receive<'s>(receiver: &mut Protocol, pieces: impl IntoIterator<Item = &'s [u8]>) -> Told {
    receive_by(receiver, pieces, |receiver, received| {
        Ok(receiver.next_event(received)?.map(Event::into_owned))
    })
}

/// The same for an application that takes messages in parts and joins them.
fn receive_in_parts<'s>(receiver: &mut Protocol, pieces: impl IntoIterator<Item = &'s [u8]>) -> Told {
    let (told, end) = receive_by(receiver, pieces, |receiver, received| {
        Ok(receiver.next_part(received)?.map(Event::into_owned))
    });
    let (mut text, mut binary) = (String::new(), Vec::new());
    let mut events = Vec::new();
    for event in told {
        match event {
            Event::TextPart(part) => text += &part,
            Event::BinaryPart(part) => binary.extend_from_slice(&part),
            Event::Text(rest) => events.push(Event::Text((std::mem::take(&mut text) + &rest).into())),
            Event::Binary(rest) => {
                events.push(Event::Binary([std::mem::take(&mut binary), rest.into_owned()].concat().into()));
            }
            other => events.push(other),
        }
    }
    (events, end)
}

fn receive_by<'s>(
    receiver: &mut Protocol,
    pieces: impl IntoIterator<Item = &'s [u8]>,
    next: impl Fn(&mut Protocol, &mut Received<'_>) -> Result<Option<Event<'static>>, ProtocolError>,
) -> Told {
    let mut events = Vec::new();
    for piece in pieces {
        let mut buffer = piece.to_vec();
        let mut received = Received::new(&mut buffer);
        loop {
            match next(receiver, &mut received) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
    }
    (events, Ok(()))
}

fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Client, Role::Server])
}

fn places(most: usize) -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..=most)
}

/// Mostly small, sometimes with a length field of two bytes, seldom one of eight.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => vec(any::<u8>(), 0..200),
        2 => vec(any::<u8>(), 200..2000),
        1 => (any::<u8>(), 65_500..66_000_usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn control_payload() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=ControlLen::MAX)
}

fn call() -> impl Strategy<Value = Call> {
    let content = prop_oneof![any::<String>().prop_map(Content::Text), payload().prop_map(Content::Binary)];
    prop_oneof![
        any::<String>().prop_map(Call::Text),
        payload().prop_map(Call::Binary),
        payload().prop_map(Call::Shared),
        (content, places(6)).prop_map(|(content, cuts)| Call::Fragments(content, cuts)),
        control_payload().prop_map(Call::Ping),
        control_payload().prop_map(Call::Pong),
    ]
}

/// The agreement of two arbitrary configurations.
fn agreed() -> impl Strategy<Value = Agreed> {
    let both = (deflate(), deflate()).prop_map(|(client, server)| {
        let offers = client.offers();
        let (answer, of_server) = offers.iter().find_map(|offer| server.answer(offer)).expect("an agreement");
        let of_client = client.confirm(&answer).expect("the answer fits the offer");
        OfBoth { client: (client, of_client), server: (server, of_server) }
    });
    proptest::option::weighted(0.7, both).prop_map(|deflate| Agreed { deflate })
}

fn deflate() -> impl Strategy<Value = Deflate> {
    (
        (0..=9_u8, 1..=9_u8, 9..=15_u8, 9..=15_u8),
        select(vec![Retain::Nothing, Retain::Window, Retain::Compressor]),
        select(vec![Takeover::Yes, Takeover::No]),
        select(vec![0, 1, 256]),
    )
        .prop_map(|((level, memory_level, window, peer_window), retain, peer_takeover, threshold)| {
            Deflate::default()
                .level(level)
                .memory_level(memory_level)
                .window(window)
                .peer_window(peer_window)
                .retain(retain)
                .peer_takeover(peer_takeover)
                .threshold(threshold)
        })
}

/// An error in the content of a message. Which of several errors in a compressed message is found first depends on how
/// much of it is inflated at a time.
fn is_of_content(error: ProtocolError) -> bool {
    matches!(error, ProtocolError::TextNotUtf8 | ProtocolError::Inflate | ProtocolError::MessageTooBig { .. })
}

fn header() -> impl Strategy<Value = Header> {
    let data = (
        select(vec![DataOpcode::Continuation, DataOpcode::Text, DataOpcode::Binary]),
        any::<bool>(),
        prop_oneof![0..200_u64, 0..100_000_u64, 0..=i64::MAX.unsigned_abs()],
    )
        .prop_map(|(opcode, fin, len)| FrameKind::Data { opcode, fin, len });
    let control = (
        select(vec![ControlOpcode::Close, ControlOpcode::Ping, ControlOpcode::Pong]),
        (0..=ControlLen::MAX).prop_filter_map("a control frame is short", ControlLen::new),
    )
        .prop_map(|(opcode, len)| FrameKind::Control { opcode, len });
    let reserved = vec(select(vec![ReservedBits::RSV1, ReservedBits::RSV2, ReservedBits::RSV3]), 0..=3)
        .prop_map(|bits| bits.into_iter().fold(ReservedBits::NONE, |all, bit| all | bit));
    (prop_oneof![data, control], reserved, any::<Option<[u8; 4]>>())
        .prop_map(|(kind, reserved, masking_key)| Header { kind, reserved, masking_key })
}

/// RFC 9110 §5.6.2.
const TOKEN: &str = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}";

fn extension() -> impl Strategy<Value = Extension> {
    let params = vec((TOKEN, proptest::option::of(TOKEN)), 0..5);
    (TOKEN, params).prop_map(|(name, params)| Extension { name, params })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_sent_arrives_whatever_it_is_and_however_the_stream_is_cut(
        sender in role(),
        agreed in agreed(),
        calls in vec(call(), 1..8),
        cuts in places(12),
    ) {
        let (mut sending, mut receiving) = (agreed.connection(sender), agreed.connection(sender.peer()));
        for call in &calls {
            call.make(&mut sending);
        }
        let stream = written(&mut sending);
        let expected: Vec<_> = calls.iter().flat_map(Call::events).collect();
        prop_assert_eq!(receive(&mut receiving, cut(&stream, &cuts)), (expected, Ok(())));
        written(&mut receiving);
        prop_assert_eq!(receiving.held(), 0, "nothing of a message is left");
    }

    #[test]
    fn any_cut_of_a_stream_gives_the_same_events_the_same_failure_and_the_same_answer(
        sender in role(),
        agreed in agreed(),
        calls in vec(call(), 0..5),
        close in any::<bool>(),
        damage in proptest::option::of((any::<Index>(), 1..=u8::MAX)),
        cuts in places(40),
    ) {
        let mut sending = agreed.connection(sender);
        for call in &calls {
            call.make(&mut sending);
        }
        if close {
            sending.close(None);
        }
        let mut stream = written(&mut sending);
        if let Some((place, bits)) = damage
            && !stream.is_empty()
        {
            let at = place.index(stream.len());
            stream[at] ^= bits;
        }
        let mut at_once = agreed.connection(sender.peer());
        let (expected, expected_end) = receive(&mut at_once, [&stream[..]]);
        let mut in_pieces = agreed.connection(sender.peer());
        let (events, end) = receive(&mut in_pieces, cut(&stream, &cuts));
        prop_assert_eq!(&events, &expected);
        let (in_parts, parts_end) =
            receive_in_parts(&mut agreed.connection(sender.peer()), cut(&stream, &cuts));
        prop_assert_eq!(in_parts, expected);
        prop_assert_eq!(parts_end.is_err(), expected_end.is_err());
        if end.is_err_and(is_of_content) && expected_end.is_err_and(is_of_content) {
            return Ok(());
        }
        prop_assert_eq!(end, expected_end);
        prop_assert_eq!(in_pieces.closed(), at_once.closed());
        prop_assert_eq!(written(&mut in_pieces), written(&mut at_once));
    }

    #[test]
    fn a_header_survives_the_wire_and_no_part_of_it_is_taken_for_a_whole(
        header in header(),
        behind in vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let len = bytes.len();
        for part in 0..len {
            prop_assert_eq!(Header::decode(&bytes[..part]), Ok(None));
        }
        bytes.extend(behind);
        prop_assert_eq!(Header::decode(&bytes), Ok(Some((header, len))));
    }

    #[test]
    fn a_close_frame_that_can_be_made_arrives_and_is_answered_with_its_code(
        closer in role(),
        code in prop_oneof![1000..1016_u16, 2990..5010_u16, any::<u16>()],
        reason in ".{0,50}",
        cuts in places(4),
    ) {
        let made = CloseFrame::new(code, reason.as_str());
        let may_be_sent = CloseCode::from(code).is_sendable() && reason.len() <= CloseFrame::MAX_REASON;
        prop_assert_eq!(made.is_ok(), may_be_sent);
        let Ok(frame) = made else { return Ok(()) };

        let (mut closing, mut peer) = (Agreed::NOTHING.connection(closer), Agreed::NOTHING.connection(closer.peer()));
        closing.close(Some(frame.clone()));
        let stream = written(&mut closing);
        let (events, end) = receive(&mut peer, cut(&stream, &cuts));
        prop_assert_eq!((events, end), (vec![Event::Close(Some(frame.clone()))], Ok(())));
        let closed = peer.closed().expect("both Close frames exist");
        prop_assert_eq!((closed.code.get(), closed.reason.as_str()), (code, reason.as_str()));
        prop_assert_eq!((closed.by, closed.clean), (By::Peer, true));

        let answer = written(&mut peer);
        let (events, end) = receive(&mut closing, [&answer[..]]);
        prop_assert_eq!((events, end), (vec![Event::Close(Some(frame))], Ok(())));
        prop_assert_eq!(closing.closed().map(|closed| (closed.by, closed.clean)), Some((By::Local, true)));
    }

    #[test]
    fn text_is_taken_if_it_is_utf8_and_fails_before_its_end_if_nothing_can_mend_it(
        bytes in prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            vec(any::<u8>(), 1..12),
            (any::<String>(), any::<Index>(), any::<u8>()).prop_map(|(text, place, byte)| {
                let mut bytes = text.into_bytes();
                bytes.insert(place.index(bytes.len() + 1), byte);
                bytes
            }),
        ],
        fragments in places(4),
    ) {
        let mut sending = Agreed::NOTHING.connection(Role::Server);
        for piece in cut(&bytes, &fragments) {
            sending.send_fragment(MessageKind::Text, piece, Last::No).expect("the connection is open");
        }
        let unfinished = written(&mut sending);
        sending.send_fragment(MessageKind::Text, b"", Last::Yes).expect("the connection is open");
        let end = written(&mut sending);

        let mut receiving = Agreed::NOTHING.connection(Role::Client);
        let begun = receive(&mut receiving, unfinished.chunks(1));
        let hopeless = |bytes: &[u8]| std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some());
        if hopeless(&bytes) {
            prop_assert_eq!(begun, (vec![], Err(ProtocolError::TextNotUtf8)));
        } else {
            prop_assert_eq!(begun, (vec![], Ok(())));
            let expected = match String::from_utf8(bytes) {
                Ok(text) => (vec![Event::Text(text.into())], Ok(())),
                Err(_) => (vec![], Err(ProtocolError::TextNotUtf8)),
            };
            prop_assert_eq!(receive(&mut receiving, [&end[..]]), expected);
        }
    }

    #[test]
    fn what_a_client_offers_is_what_the_server_reads(
        subprotocols in proptest::collection::hash_set(TOKEN, 0..5),
        extensions in vec(extension(), 0..6),
        cuts in places(10),
    ) {
        let client = ClientHandshake::new(HeaderValue::from_static("example.com"), &Uri::from_static("/"))
            .subprotocols(subprotocols.iter().cloned())
            .and_then(|handshake| handshake.extensions(extensions.clone()))
            .expect("tokens, each subprotocol once");
        let head = encode_request(&client.request());
        let mut reader = HeadReader::new(HeadLimits::default());
        for piece in cut(&head, &cuts) {
            reader.feed(piece).expect("a head of HTTP");
        }
        let offer = Offer::read(&reader.request().expect("a request")).expect("a valid handshake");
        prop_assert_eq!(offer.subprotocols(), subprotocols.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(offer.extensions(), extensions);
    }
}
