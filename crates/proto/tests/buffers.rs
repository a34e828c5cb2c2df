//! What a connection holds while messages arrive and leave in pieces.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use longwire_proto::{Config, Limits, MessageKind, Protocol, Received, Role};

fn server() -> Protocol {
    Protocol::new(Role::Server, Arc::new(Config::default()))
}

fn receive(protocol: &mut Protocol, bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    assert_eq!(protocol.next_event(&mut Received::new(&mut bytes)), Ok(None));
}

/// Writes `count` of the waiting bytes, or fewer if `transmit` offers fewer.
fn write(protocol: &mut Protocol, count: usize) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 8];
    let filled = protocol.transmit(&mut slices);
    let offered = slices[..filled].iter().flat_map(|slice| slice.iter().copied());
    let bytes: Vec<u8> = offered.take(count).collect();
    protocol.transmitted(bytes.len());
    bytes
}

/// Written bytes are dropped from the front of the buffer while a large payload still waits at its place further back.
#[test]
fn small_and_large_messages_are_written_in_order_in_pieces_of_any_size() {
    let small = [b's'; 1000];
    let large = Bytes::from(vec![b'l'; 100_000]);
    let mut expected = Vec::new();
    for piece in [7, 1000, 1003, 17_000, 40_000] {
        expected.clear();
        let mut server = server();
        for _ in 0..2 {
            for _ in 0..30 {
                server.send_binary(&small).unwrap();
                expected.extend_from_slice(b"\x82\x7e\x03\xe8");
                expected.extend_from_slice(&small);
            }
            server.send_bytes(MessageKind::Binary, large.clone()).unwrap();
            expected.extend_from_slice(b"\x82\x7f\0\0\0\0\0\x01\x86\xa0");
            expected.extend_from_slice(&large);
        }
        assert_eq!(server.queued(), expected.len());
        let mut written = Vec::new();
        while server.queued() > 0 {
            written.extend(write(&mut server, piece));
        }
        assert!(written == expected, "in pieces of {piece}");
    }
}

#[test]
fn what_is_held_is_what_has_arrived_of_a_message() {
    let mut server = server();
    assert_eq!(server.held(), 0);

    receive(&mut server, b"\x01\x83\0\0\0\0abc");
    let text = server.held();
    assert!((3..100).contains(&text), "{text}");
    // Half of a ping, inside the message.
    receive(&mut server, b"\x89\x84\0\0\0\0pi");
    let with_ping = server.held();
    assert!((text + 2..text + 100).contains(&with_ping), "{with_ping}");

    let mut bytes = *b"ng\x80\x80\0\0\0\0";
    let mut received = Received::new(&mut bytes);
    while server.next_event(&mut received).unwrap().is_some() {}
    assert_eq!(server.queued(), b"\x8a\x04ping".len(), "the pong waits");
    assert!((6..1024).contains(&server.held()), "{}", server.held());
    write(&mut server, 6);
    assert_eq!(server.held(), 0);

    // Half of a frame: no more than that is held, whatever length the frame declares.
    receive(&mut server, b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0begin");
    assert!((5..100).contains(&server.held()), "{}", server.held());
}

#[test]
fn what_is_taken_out_is_queued_until_it_is_written() {
    let mut server = server();
    assert!(server.lend_buffer(Vec::with_capacity(64).into()).is_none());
    server.send_text("one").unwrap();
    assert_eq!(server.take_encoded().as_deref(), Some(&b"\x81\x03one"[..]));
    server.send_text("two").unwrap();
    assert_eq!(server.queued(), 10);
    assert_eq!(write(&mut server, 10), b"", "the taken bytes come first");
    assert_eq!(server.taken(), 5);
    server.transmitted(5);
    assert_eq!(server.taken(), 0);
    assert_eq!(write(&mut server, 10), b"\x81\x03two");
}

/// A connection whose peer did not read could have a buffer of 128 KiB, of which only the few bytes that waited counted.
#[test]
fn a_buffer_counts_with_its_room_while_something_waits_in_it() {
    let mut server = server();
    assert!(server.lend_buffer(Vec::with_capacity(4096).into()).is_none());
    assert_eq!(server.held(), 0);
    server.send_text("one").unwrap();
    assert_eq!(write(&mut server, 2), b"\x81\x03");
    assert_eq!((server.queued(), server.held()), (3, 4096));
    assert_eq!(server.take_encoded().as_deref(), Some(&b"one"[..]));
    assert_eq!((server.queued(), server.held()), (3, 4096));
    server.transmitted(3);
    assert_eq!(server.held(), 0);
}

#[test]
fn a_lent_buffer_serves_until_it_is_reclaimed() {
    let mut server = server();
    assert!(server.reclaim_buffer().is_none());
    assert!(server.lend_buffer(Vec::with_capacity(64).into()).is_none());
    server.send_text("one").unwrap();
    assert!(server.reclaim_buffer().is_none(), "a message waits in it");
    assert_eq!(write(&mut server, 5), b"\x81\x03one");
    assert_eq!(server.reclaim_buffer().map(|buffer| buffer.capacity()), Some(64));
}

#[test]
fn the_water_marks_tell_when_to_stop_and_when_to_go_on() {
    let config = Config::new(Limits::default().low_water(5).high_water(10));
    let mut server = Protocol::new(Role::Server, Arc::new(config));
    let seen = |server: &Protocol| (server.is_above_high_water(), server.is_below_low_water());
    assert_eq!(seen(&server), (false, true));
    server.send_text("12345678").unwrap();
    assert_eq!((server.queued(), seen(&server)), (10, (false, false)));
    server.send_text("").unwrap();
    assert_eq!(seen(&server), (true, false));
    server.transmitted(7);
    assert_eq!((server.queued(), seen(&server)), (5, (false, true)));
}
