//! Prepared messages among ordinary ones: every receiver understands them all.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress};
use longwire_proto::deflate::{Agreement, Context, Deflate, Retain, Takeover, WindowBits};
use longwire_proto::{
    Config, Event, Header, Last, MessageKind, Prepared, Protocol, Received, ReservedBits, Role, SendBuffer,
    SendError,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A message that a server sends to one of its connections.
#[derive(Debug, Clone, Copy)]
enum Send {
    /// An ordinary message: the content with this number.
    Own(usize),
    /// The prepared message with this number, which may have gone to other connections before.
    Prepared(usize),
    /// The same, whose frame connections may share.
    PreparedFrame(usize),
    /// An uncompressed message, which is in nobody's window.
    Uncompressed(usize),
}

/// A receiver that shares only header parsing with the crate: another inflater, with the largest window that DEFLATE
/// allows.
struct Receiver {
    inflate: Decompress,
    takeover: Takeover,
}

impl Receiver {
    /// The messages in `stream`.
    fn receive(&mut self, mut stream: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        while let Some((header, used)) = Header::decode(stream).expect("a header") {
            let end = used + usize::try_from(header.payload_len()).expect("a length");
            let payload = &stream[used..end];
            messages.push(match header.reserved {
                ReservedBits::NONE => payload.to_vec(),
                _ => self.inflate(payload),
            });
            stream = &stream[end..];
        }
        messages
    }

    /// RFC 7692 §7.2.2.
    fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.takeover == Takeover::No {
            self.inflate.reset(false);
        }
        let mut message = Vec::with_capacity(64 << 10);
        for piece in [payload, &[0x00, 0x00, 0xff, 0xff]] {
            let before = self.inflate.total_in();
            self.inflate.decompress_vec(piece, &mut message, FlushDecompress::Sync).expect("DEFLATE data");
            assert_eq!(self.inflate.total_in() - before, piece.len() as u64, "not all was read");
        }
        message
    }
}

/// Contents with much in common, so that messages refer to each other wherever possible.
fn contents() -> Vec<Bytes> {
    let record = |number: usize| format!(r#"{{"id":{number},"name":"subscriber {}"}},"#, number * 31 % 97);
    let texts = [1, 3, 10, 60, 200, 900].map(|count| (0..count).map(record).collect::<String>());
    let mut contents: Vec<Bytes> = texts.into_iter().map(Bytes::from).collect();
    contents.push(Bytes::new());
    contents.push((0..300_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect());
    contents
}

fn sends() -> impl Strategy<Value = Vec<(usize, Send)>> {
    let send = (0..8_usize, 0..4).prop_map(|(content, way)| match way {
        0 => Send::Own(content),
        1 => Send::Prepared(content),
        2 => Send::PreparedFrame(content),
        _ => Send::Uncompressed(content),
    });
    vec((0..3_usize, send), 1..24)
}

/// The server's and the client's end of a connection that compresses with this window.
fn connection(deflate: &Deflate, bits: u8, takeover: Takeover) -> (Protocol, Protocol) {
    let context = Context { window: WindowBits::new(bits).expect("8 to 15 bits"), takeover };
    let agreement = Agreement { compress: Some(context), inflate: context };
    let mut config = Config::default();
    config.deflate = Some(deflate.clone().window(bits));
    let config = Arc::new(config);
    let end = |role| Protocol::new(role, Arc::clone(&config)).with_deflate(&agreement);
    (end(Role::Server), end(Role::Client))
}

/// The messages that a real client receives from `stream`. It keeps the agreed window and no more.
fn received(client: &mut Protocol, stream: &mut [u8]) -> Vec<Vec<u8>> {
    let mut received = Received::new(stream);
    let mut messages = Vec::new();
    while let Some(event) = client.next_event(&mut received).expect("the server follows the protocol") {
        let Event::Binary(payload) = event else { panic!("{event:?}") };
        messages.push(payload.into_owned());
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Three connections, each with its own window, share the prepared messages.
    #[test]
    fn every_receiver_understands_them_between_messages_of_its_own(
        sends in sends(),
        bits in [9..=15_u8, 9..=15_u8, 9..=15_u8],
        takeover in select(vec![Takeover::Yes, Takeover::No]),
        retain in select(vec![Retain::Nothing, Retain::Window, Retain::Compressor]),
        threshold in select(vec![0_usize, 64]),
    ) {
        let deflate = Deflate::default().retain(retain).threshold(threshold);
        let contents = contents();
        let prepared: Vec<Prepared> =
            contents.iter().map(|content| Prepared::new(MessageKind::Binary, content.clone())).collect();
        let mut connections = bits.map(|bits| {
            let receiver = Receiver { inflate: Decompress::new(false), takeover };
            (connection(&deflate, bits, takeover), receiver)
        });
        for (to, send) in sends {
            let ((server, client), receiver) = &mut connections[to];
            // Into a lent buffer, content of all lengths used here is copied, so that it can be taken.
            server.lend_buffer(SendBuffer::default());
            let content = match send {
                Send::Own(number) => {
                    server.send_bytes(MessageKind::Binary, contents[number].clone()).map(|()| number)
                }
                Send::Prepared(number) => server.send_prepared(&prepared[number]).map(|()| number),
                Send::PreparedFrame(number) => {
                    server.send_prepared_frame(&prepared[number].frame()).map(|()| number)
                }
                Send::Uncompressed(number) => {
                    server.send_uncompressed(MessageKind::Binary, contents[number].clone()).map(|()| number)
                }
            }
            .expect("the connection is open");
            let expected = vec![contents[content].to_vec()];
            let mut stream = server.take_encoded().expect("a frame");
            server.transmitted(stream.len());
            prop_assert!(receiver.receive(&stream) == expected, "{send:?} by another inflater");
            prop_assert!(received(client, &mut stream) == expected, "{send:?} by the client");
        }
    }
}

#[test]
fn one_compression_serves_all_connections_with_the_same_window() {
    let deflate = Deflate::default().threshold(0);
    let news = Prepared::new(MessageKind::Binary, Bytes::from(vec![b'n'; 2_000]));
    let frames: Vec<Vec<u8>> = [12, 12, 9]
        .map(|bits| {
            let (mut server, _) = connection(&deflate, bits, Takeover::Yes);
            server.send_prepared(&news).expect("the connection is open");
            server.take_encoded().expect("a frame")
        })
        .into();
    assert_eq!(frames[0], frames[1]);
    assert!(frames.iter().all(|frame| frame[0] == 0xc2 && frame.len() < 40), "RSV1 is set");
}

#[test]
fn without_an_agreement_both_ends_send_them_as_they_are() {
    let news = Prepared::new(MessageKind::Binary, "news".into());
    let end = |role| Protocol::new(role, Arc::new(Config::default()));
    let (mut server, mut client) = (end(Role::Server), end(Role::Client));
    server.send_prepared(&news).expect("the connection is open");
    assert_eq!(server.take_encoded().as_deref(), Some(&b"\x82\x04news"[..]));
    client.send_prepared(&news).expect("the connection is open");
    let mut masked = client.take_encoded().expect("a frame");
    assert_eq!(masked[..2], *b"\x82\x84");
    assert_eq!(received(&mut server, &mut masked), [b"news"]);
    assert_eq!(format!("{news:?}"), "Prepared { kind: Binary, len: 4, .. }");
    assert!(!news.is_empty() && Prepared::new(MessageKind::Text, Bytes::new()).is_empty());
}

#[test]
fn a_large_one_is_lent_to_all_receivers_as_it_is() {
    let large = Prepared::new(MessageKind::Binary, vec![b'l'; 64 << 10].into());
    let end = |role| Protocol::new(role, Arc::new(Config::default()));
    let mut client = end(Role::Client);
    client.send_prepared(&large).expect("the connection is open");
    for mut server in [end(Role::Server), end(Role::Server)] {
        server.send_prepared(&large).expect("the connection is open");
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(server.transmit(&mut slices), 2);
        assert_eq!(slices[0][..], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
        assert!(
            std::ptr::eq(&raw const slices[1][..], &raw const large.payload()[..]),
            "the payload was copied"
        );
    }
    assert!(large.payload().iter().all(|byte| *byte == b'l'), "the client changed the shared payload");
}

#[test]
fn they_are_refused_where_other_messages_are() {
    let news = Prepared::new(MessageKind::Binary, "news".into());
    let mut server = Protocol::new(Role::Server, Arc::new(Config::default()));
    server.send_fragment(MessageKind::Text, b"", Last::No).expect("the connection is open");
    assert_eq!(server.send_prepared(&news), Err(SendError::MessageUnfinished));
    server.close(None);
    assert_eq!(server.send_prepared(&news), Err(SendError::Closed));
    assert_eq!(server.take_encoded().as_deref(), Some(&b"\x01\x00\x88\x00"[..]));
}
