//! Streams of frames for the benchmarks, and operations of an endpoint on them.

use std::sync::Arc;

use longwire_proto::deflate::{Agreement, Context, Deflate, Takeover, WindowBits};
use longwire_proto::{Config, Event, Limits, MessageKind, Prepared, Protocol, Received, Role};
use longwire_wire::{Mask, RawFrame, bits};

/// How many bytes a driver reads at a time.
pub(crate) const READ: usize = 64 << 10;

/// How frames form messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Each frame is a message.
    Whole,
    /// Each message has this many frames.
    Fragments(usize),
}

/// An endpoint without extensions and observer, with water marks that it never reaches.
pub(crate) fn end(role: Role) -> Protocol {
    Protocol::new(role, Arc::new(Config::new(Limits::default().low_water(usize::MAX).high_water(usize::MAX))))
}

/// As many frames from `from` as fit into `len` bytes, at least one. The masking key is zero, so that unmasking in
/// place leaves the stream unchanged; the cost of masking does not depend on the key.
pub(crate) fn frames(from: Role, kind: MessageKind, payload: &[u8], cut: Cut, len: usize) -> Vec<u8> {
    let (from, mask) = match from {
        Role::Client => (longwire_wire::Role::Client, Mask::Key([0; 4])),
        Role::Server => (longwire_wire::Role::Server, Mask::Absent),
    };
    let fragments = match cut {
        Cut::Whole => 1,
        Cut::Fragments(count) => count,
    };
    let mut message = Vec::new();
    for index in 0..fragments {
        let opcode = match (index, kind) {
            (1.., _) => bits::CONTINUATION,
            (0, MessageKind::Text) => bits::TEXT,
            (0, MessageKind::Binary) => bits::BINARY,
        };
        let fin = if index + 1 == fragments { bits::FIN } else { 0 };
        message.extend(RawFrame::new(fin | opcode, payload).masked(mask).encode(from));
    }
    message.repeat((len / message.len()).max(1))
}

/// Takes all events, and returns the total length of their messages.
pub(crate) fn parse(end: &mut Protocol, stream: &mut [u8]) -> usize {
    let mut received = Received::new(stream);
    let mut bytes = 0;
    while let Ok(Some(event)) = end.next_event(&mut received) {
        bytes += match event {
            Event::Text(text) => text.len(),
            Event::Binary(payload) => payload.len(),
            _ => 0,
        };
    }
    bytes
}

/// Echoes each message, records everything as written, and returns how many bytes that was.
pub(crate) fn echo(end: &mut Protocol, stream: &mut [u8]) -> usize {
    let mut received = Received::new(stream);
    while let Ok(Some(event)) = end.next_event(&mut received) {
        let sent = match event {
            Event::Text(text) => end.send_text(&text),
            Event::Binary(payload) => end.send_binary(&payload),
            _ => Ok(()),
        };
        assert_eq!(sent, Ok(()));
    }
    let queued = end.queued();
    end.transmitted(queued);
    queued
}

/// Both ends of a connection with compression, with windows of this many bits in both directions.
pub(crate) fn deflate_ends(deflate: Deflate, bits: u8) -> (Protocol, Protocol) {
    let window = WindowBits::new(bits).unwrap_or(WindowBits::MAX);
    let context = Context { window, takeover: Takeover::Yes };
    let agreement = Agreement { compress: Some(context), inflate: context };
    let mut config = Config::default();
    config.deflate = Some(deflate.window(bits).threshold(0));
    let config = Arc::new(config);
    let end = |role| Protocol::new(role, Arc::clone(&config)).with_deflate(&agreement);
    (end(Role::Server), end(Role::Client))
}

/// A JSON document of about 1 KiB, different for each number.
pub(crate) fn json(number: usize) -> String {
    let mut text = format!(r#"{{"sequence":{number},"channel":"trades","records":["#);
    for index in 0..12 {
        let id = number * 12 + index;
        let price = id * 7919 % 100_000;
        let comma = if index > 0 { "," } else { "" };
        text += &format!(
            r#"{comma}{{"id":{id},"symbol":"SYM{}","price":{}.{:02},"side":"{}","at":{}}}"#,
            id % 17,
            price / 100,
            price % 100,
            if id.is_multiple_of(3) { "buy" } else { "sell" },
            1_700_000_000 + id * 37,
        );
    }
    text + "]}"
}

/// Sends a message from one end to the other, and returns its length on the wire.
pub(crate) fn carry(from: &mut Protocol, to: &mut Protocol, message: &str) -> usize {
    assert_eq!(from.send_text(message), Ok(()));
    let mut wire = from.take_encoded().unwrap_or_default();
    from.transmitted(wire.len());
    assert_eq!(parse(to, &mut wire), message.len());
    wire.len()
}

/// Sends a message to all of `ends`, and returns how many bytes were queued.
pub(crate) fn publish(ends: &mut [Protocol], payload: &'static [u8]) -> usize {
    let message = Prepared::new(MessageKind::Binary, payload.into());
    let mut bytes = 0;
    for end in ends {
        assert_eq!(end.send_prepared(&message), Ok(()));
        bytes += end.queued();
        end.transmitted(end.queued());
    }
    bytes
}
