use std::sync::Arc;

use longwire_proto::deflate::{Compression, Compressor};

use super::*;
use crate::content::Content;
use crate::series::{Coding, Kind, Series};

/// What a reader reported, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    expected: usize,
    others: Vec<Vec<u8>>,
    pings: Vec<Vec<u8>>,
    closes: Vec<Option<u16>>,
}

fn messages(count: usize, size: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| Content::Json.message(number, size)).collect()
}

fn expected(messages: &[Vec<u8>], coding: Coding) -> Expected {
    Expected::new(Arc::new(Series::new(messages.to_vec(), Kind::Text, coding).unwrap()))
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = match u8::try_from(length) {
        Ok(short @ 0..126) => vec![first, short],
        _ => [&[first, 126], length.to_be_bytes().as_slice()].concat(),
    };
    frame.extend_from_slice(payload);
    frame
}

fn read(
    reader: &mut Reader,
    expected: &mut Expected,
    bytes: &[u8],
    cut: usize,
) -> Result<Seen, ProtocolError> {
    let mut seen = Seen::default();
    for piece in bytes.chunks(cut) {
        reader.take(piece, expected, |incoming, _, _| {
            match incoming {
                Incoming::Expected => seen.expected += 1,
                Incoming::Other(message) => seen.others.push(message.unwrap().to_vec()),
                Incoming::Ping(payload) => seen.pings.push(payload.to_vec()),
                Incoming::Close(code) => seen.closes.push(code),
            }
            None
        })?;
    }
    Ok(seen)
}

#[test]
fn messages_are_recognised_however_they_are_cut_or_fragmented() {
    let messages = messages(3, 200);
    let [one, two, three] = [0, 1, 2].map(|number| messages[number].as_slice());
    let stream = [
        frame(0x81, one),
        frame(0x89, b"ping"),
        frame(0x01, &two[..50]),
        frame(0x89, b""),
        frame(0x80, &two[50..]),
        frame(0x81, three),
        frame(0x81, one),
        frame(0x88, &[3, 232]),
    ]
    .concat();
    for cut in [1, 2, 3, 7, 100, 10_000] {
        let mut expected = expected(&messages, Coding::Plain);
        let seen = read(&mut Reader::new(0), &mut expected, &stream, cut).unwrap();
        assert_eq!(seen.expected, 4, "cut into {cut}");
        assert_eq!((seen.pings, seen.closes), (vec![b"ping".to_vec(), Vec::new()], vec![Some(1000)]));
        assert!(seen.others.is_empty());
    }
}

#[test]
fn a_message_that_differs_is_kept_whole() {
    let messages = messages(2, 200);
    let mut changed = messages[0].clone();
    changed[150] ^= 1;
    let shorter = &messages[0][..100];
    let stream =
        [frame(0x81, &changed), frame(0x81, shorter), frame(0x81, &messages[1]), frame(0x82, &messages[0])];
    for cut in [1, 60, 10_000] {
        let mut expected = expected(&messages, Coding::Plain);
        let seen = read(&mut Reader::new(0), &mut expected, &stream.concat(), cut).unwrap();
        // The last one is binary.
        let others = [changed.clone(), shorter.to_vec(), messages[1].clone(), messages[0].clone()];
        assert_eq!((seen.expected, seen.others), (0, others.to_vec()), "cut into {cut}");
    }
}

#[test]
fn compressed_messages_are_inflated_and_then_known() {
    let messages = messages(2, 500);
    let agreement = crate::series::deflate()
        .confirm(
            &longwire_proto::handshake::Extension::new("permessage-deflate")
                .param("server_no_context_takeover", None)
                .param("client_no_context_takeover", None),
        )
        .unwrap();
    let mut compressor = Compressor::new(&agreement, &crate::series::deflate());
    let mut stream = Vec::new();
    for number in [0, 1, 0, 1] {
        let mut payload = Vec::new();
        assert_eq!(compressor.compress(&messages[number], &mut payload), Compression::Applied);
        stream.extend(frame(0xc1, &payload));
    }
    // A server may leave out the compression of a message.
    for number in [0, 1, 0] {
        stream.extend(frame(0x81, &messages[number]));
    }
    for cut in [1, 33, 10_000] {
        let mut expected = expected(&messages, Coding::Deflate);
        let mut reader = Reader::new(0);
        reader.inflate(&agreement);
        let seen = read(&mut reader, &mut expected, &stream, cut).unwrap();
        assert_eq!((seen.expected, seen.others.len()), (7, 0), "cut into {cut}");
    }
    let mut expected = expected(&messages, Coding::Deflate);
    let error = read(&mut Reader::new(0), &mut expected, &stream, 10_000).unwrap_err();
    assert_eq!(error, ProtocolError::ReservedBit);
}

#[test]
fn what_breaks_the_protocol_is_an_error() {
    let messages = messages(2, 100);
    for (stream, error) in [
        (vec![0x81, 0x80, 0, 0, 0, 0], ProtocolError::Masked),
        (frame(0x80, b"x"), ProtocolError::ContinuationWithoutStart),
        ([frame(0x01, b"x"), frame(0x81, b"y")].concat(), ProtocolError::MessageUnfinished),
        (frame(0x88, b"x"), ProtocolError::CloseTooShort),
        (vec![0x83, 0], ProtocolError::ReservedOpcode(3)),
    ] {
        let mut expected = expected(&messages, Coding::Plain);
        assert_eq!(read(&mut Reader::new(0), &mut expected, &stream, 1), Err(error));
    }
}

#[test]
fn what_comes_back_over_plain_tcp_is_recognised_however_it_is_cut() {
    let mut expected = expected(&messages(3, 200), Coding::Tcp);
    let sent = [0, 1, 2, 0].map(|number| expected.bytes(number).to_vec()).concat();
    for cut in [1, 7, 250, sent.len()] {
        let seen = read(&mut Reader::default(), &mut expected, &sent, cut).unwrap();
        assert_eq!(seen, Seen { expected: 4, ..Seen::default() }, "in pieces of {cut} bytes");
    }
    let mut others = 0;
    let mut wrong = sent;
    wrong[100] ^= 1;
    Reader::default()
        .take(&wrong, &mut expected, |incoming, _, _| {
            others += usize::from(incoming == Incoming::Other(None));
            None
        })
        .unwrap();
    assert_eq!(others, 1);
}
