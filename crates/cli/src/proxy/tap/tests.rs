use std::sync::Arc;

use longwire::{CloseFrame, Config, Deflate, Role};
use longwire_proto::deflate::Context;
use longwire_proto::{MaskingKeys, Protocol};

use super::*;
use crate::args::ProxyFault;

fn faults(texts: &[&str]) -> Faults {
    let faults: Vec<ProxyFault> = texts.iter().map(|text| text.parse().unwrap()).collect();
    Faults::of(&faults, Direction::Sent)
}

fn tap(texts: &[&str]) -> Tap {
    Tap::new(None, faults(texts))
}

/// What a tap passes on and sees if the bytes arrive in pieces of this length.
fn take(tap: &mut Tap, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<Seen>) {
    let (mut out, mut seen) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        if tap.take(piece, &mut out, &mut seen) == Verdict::Cut {
            break;
        }
    }
    (out, seen)
}

fn message(content: impl Into<Message>) -> SeenMessage {
    let content: Message = content.into();
    SeenMessage {
        frames: 1,
        wire_bytes: content.as_bytes().len() as u64,
        content: Some(content),
        is_compressed: false,
        fate: Fate::Passed,
    }
}

/// A ping between two masked fragments of a text, an unmasked binary message, and a Close frame.
const FRAMES: &[u8] = b"\x01\x82\x61\x62\x63\x64\x29\x07\x89\x02\x68\x69\x80\x83\x01\x02\x03\x04\x6d\x6e\x6c\x82\x02\x00\xff\x88\x05\x03\xe9\x62\x79\x65";

#[test]
fn everything_passes_unchanged_however_it_arrives() {
    for piece in 1..=FRAMES.len() {
        let (out, seen) = take(&mut tap(&[]), FRAMES, piece);
        assert_eq!(out, FRAMES, "{piece}");
        let expected = [
            Seen::Control { opcode: ControlOpcode::Ping, payload: b"hi".to_vec() },
            Seen::Message(SeenMessage { frames: 2, ..message("Hello") }),
            Seen::Message(message(vec![0, 255])),
            Seen::Control { opcode: ControlOpcode::Close, payload: b"\x03\xe9bye".to_vec() },
        ];
        assert_eq!(seen, expected, "{piece}");
    }
}

#[test]
fn what_cannot_be_read_passes_unchanged_and_is_said_once() {
    // A text message, then a frame with a reserved opcode, then bytes that would be a frame again.
    let bytes = b"\x81\x01a\x83\x01b\x81\x01c";
    for piece in 1..=bytes.len() {
        let (out, seen) = take(&mut tap(&[]), bytes, piece);
        assert_eq!(out, bytes, "{piece}");
        let [Seen::Message(first), Seen::Unreadable(_)] = &seen[..] else { panic!("{piece}: {seen:?}") };
        assert_eq!(*first, message("a"));
    }
}

#[test]
fn a_stray_continuation_and_text_that_is_not_utf8_are_shown_as_bytes() {
    let (out, seen) = take(&mut tap(&[]), b"\x80\x01x\x81\x01\xff", 100);
    assert_eq!(out, b"\x80\x01x\x81\x01\xff");
    assert_eq!(seen, [Seen::Message(message(b"x".to_vec())), Seen::Message(message(vec![0xff]))]);
}

#[test]
fn a_dropped_message_takes_all_of_its_frames_along_and_nothing_else() {
    // Its second fragment comes behind the ping.
    for piece in 1..=FRAMES.len() {
        let (out, seen) = take(&mut tap(&["drop every 2"]), FRAMES, piece);
        let without_binary = [&FRAMES[..FRAMES.len() - 11], &FRAMES[FRAMES.len() - 7..]].concat();
        assert_eq!(out, without_binary, "{piece}");
        assert_eq!(seen.len(), 4);
        let (out, _) = take(&mut tap(&["drop every 1"]), FRAMES, piece);
        assert_eq!(out, b"\x89\x02hi\x88\x05\x03\xe9bye", "{piece}");
    }
}

#[test]
fn a_corrupted_message_differs_in_a_bit_of_its_first_byte() {
    for piece in 1..=FRAMES.len() {
        let (out, seen) = take(&mut tap(&["corrupt every 1"]), FRAMES, piece);
        let differing: Vec<usize> = (0..FRAMES.len()).filter(|at| out[*at] != FRAMES[*at]).collect();
        assert_eq!(differing, [6, FRAMES.len() - 9], "{piece}");
        assert_eq!(out[6] ^ FRAMES[6], 0x80);
        let corrupted =
            |seen: &&Seen| matches!(seen, Seen::Message(SeenMessage { fate: Fate::Corrupted, .. }));
        assert_eq!(seen.iter().filter(corrupted).count(), 2);
    }
}

#[test]
fn nothing_follows_the_message_after_which_a_connection_is_cut() {
    let (mut out, mut seen) = (Vec::new(), Vec::new());
    let verdict = tap(&["cut after 1 message"]).take(FRAMES, &mut out, &mut seen);
    assert_eq!(verdict, Verdict::Cut);
    assert_eq!(out, &FRAMES[..FRAMES.len() - 11]);
    assert_eq!(seen.len(), 2);
}

/// The bytes that a client sends for these texts with compression.
fn compressed(texts: &[&str]) -> (Vec<u8>, Context) {
    let deflate = Deflate::default();
    let offer = deflate.offers().remove(0);
    let (answer, _) = deflate.answer(&offer).unwrap();
    let agreement = deflate.confirm(&answer).unwrap();
    let mut client = Protocol::new(Role::Client, Arc::new(Config::default()))
        .with_masking_keys(MaskingKeys::seeded(1))
        .with_deflate(&agreement);
    for text in texts {
        client.send_text(text).unwrap();
    }
    client.close(Some(CloseFrame::new(1000, "").unwrap()));
    (client.take_encoded().unwrap_or_default(), agreement.compress.unwrap())
}

#[test]
fn compressed_messages_are_shown_inflated_and_pass_unchanged() {
    let long = "longwire ".repeat(100);
    let (bytes, context) = compressed(&[&long, &long]);
    for piece in [1, 7, bytes.len()] {
        let mut tap = Tap::new(Some(context), faults(&[]));
        let (out, seen) = take(&mut tap, &bytes, piece);
        assert_eq!(out, bytes);
        let [Seen::Message(first), Seen::Message(second), Seen::Control { .. }] = &seen[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(first.content, Some(Message::from(long.as_str())));
        assert_eq!(second.content, Some(Message::from(long.as_str())));
        assert!(second.is_compressed && second.wire_bytes < first.wire_bytes && first.wire_bytes < 100);
    }
}

#[test]
fn what_cannot_be_inflated_is_not_shown() {
    let long = "longwire ".repeat(100);
    let (bytes, context) = compressed(&[&long, &long]);
    let mut broken = bytes.clone();
    // RSV1 on a payload that is not DEFLATE data: a block of the reserved type.
    broken.splice(..0, *b"\xc1\x01\x07");
    let (out, seen) = take(&mut Tap::new(Some(context), faults(&[])), &broken, 100);
    assert_eq!(out, broken);
    let shown = |seen: &Seen| matches!(seen, Seen::Message(SeenMessage { content: Some(_), .. }));
    assert!(!seen.iter().any(shown), "{seen:?}");
    assert_eq!(seen.len(), 4);
}

#[test]
fn the_response_says_how_each_direction_compresses() {
    use longwire::Takeover;
    assert!(contexts("").is_none());
    assert!(contexts("x-other; client_no_context_takeover").is_none());
    let [client, server] =
        contexts("permessage-deflate; server_no_context_takeover; client_max_window_bits=9").unwrap();
    assert_eq!((client.takeover, server.takeover), (Takeover::Yes, Takeover::No));
}
