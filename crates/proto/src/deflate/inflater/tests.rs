use super::super::agreement::{Context, WindowBits};
use super::super::compressor::{Compression, Compressor};
use super::super::config::Deflate;
use super::*;

const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
/// "Hello" that refers to an earlier one.
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";
/// "Hello" in a block with BFINAL, with nothing after it.
const HELLO_FINAL: &[u8] = b"\xf3\x48\xcd\xc9\xc9\x07\x00";

const NO_LIMIT: usize = usize::MAX;

fn agreement(window: WindowBits, takeover: Takeover) -> Agreement {
    let context = Context { window, takeover };
    Agreement { compress: Some(context), inflate: context }
}

fn inflater() -> Inflater {
    Inflater::new(&agreement(WindowBits::MAX, Takeover::Yes))
}

impl Inflater {
    fn message(&mut self, pieces: &[&[u8]], limit: usize) -> Result<Vec<u8>, InflateFailure<&'static str>> {
        let mut message = Vec::new();
        for piece in pieces {
            self.push(piece, limit, |chunk| {
                message.extend_from_slice(chunk);
                Ok(())
            })?;
        }
        self.finish()?;
        Ok(message)
    }

    fn text(&mut self, payload: &[u8]) -> Result<String, InflateFailure<&'static str>> {
        self.message(&[payload], NO_LIMIT).map(|bytes| String::from_utf8(bytes).unwrap())
    }
}

fn corrupt<T>() -> Result<T, InflateFailure<&'static str>> {
    Err(InflateFailure::Corrupt)
}

fn hello() -> Result<String, InflateFailure<&'static str>> {
    Ok("Hello".to_owned())
}

#[test]
fn the_examples_of_rfc_7692_section_7_2_3() {
    for (section, payload) in [
        ("7.2.3.1", HELLO),
        ("7.2.3.3", b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
        ("7.2.3.4", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        ("7.2.3.5", b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
    ] {
        assert_eq!(inflater().text(payload), hello(), "{section}");
    }
    // §7.2.3.2
    let mut takes_over = inflater();
    assert_eq!(takes_over.text(HELLO), hello());
    assert_eq!(takes_over.text(HELLO_AGAIN), hello());
    assert_eq!(takes_over.text(HELLO_AGAIN), hello());
    // §7.2.3.6
    assert_eq!(takes_over.text(b"\x00"), Ok(String::new()));
    assert_eq!(takes_over.text(b"\x02\x00"), Ok(String::new()));
    assert_eq!(takes_over.text(HELLO_AGAIN), hello());
}

#[test]
fn a_payload_may_be_cut_anywhere() {
    for payload in [HELLO, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", HELLO_FINAL, b"\x00"] {
        let whole = inflater().message(&[payload], NO_LIMIT);
        for cut in 0..=payload.len() {
            let (first, second) = payload.split_at(cut);
            assert_eq!(inflater().message(&[first, b"", second], NO_LIMIT), whole, "cut at {cut}");
        }
    }
}

#[test]
fn without_context_takeover_nothing_is_remembered() {
    let mut forgets = Inflater::new(&agreement(WindowBits::MAX, Takeover::No));
    assert_eq!(forgets.text(HELLO), hello());
    assert_eq!(forgets.text(HELLO), hello());
    assert_eq!(forgets.text(HELLO_AGAIN), corrupt());
}

/// Inflaters are pooled: one connection's messages must never show up in another's.
#[test]
fn a_state_that_served_another_connection_begins_anew() {
    inflater().text(HELLO).unwrap();
    assert_eq!(inflater().text(HELLO_AGAIN), corrupt());
}

/// After a block with BFINAL, zlib reports the end of the data and accepts no more. Inflaters that were not reset then
/// returned all later messages of the connection as empty, without an error.
#[test]
fn messages_go_on_after_a_block_with_bfinal() {
    let mut inflater = inflater();
    for _ in 0..2 {
        assert_eq!(inflater.text(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello());
        assert_eq!(inflater.text(HELLO), hello());
        assert_eq!(inflater.text(HELLO_AGAIN), hello());
    }
    // Also inside a message, and twice.
    let parts = [HELLO_FINAL, HELLO_FINAL, HELLO].concat();
    assert_eq!(inflater.text(&parts).unwrap(), "HelloHelloHello");
}

/// `zlib.deflateRaw` of Node.js produces this for a whole message, and `ws` accepts it.
#[test]
fn a_message_may_end_with_the_block_that_has_bfinal() {
    let mut inflater = inflater();
    assert_eq!(inflater.text(HELLO_FINAL), hello());
    assert_eq!(inflater.text(HELLO_FINAL), hello());
    assert_eq!(inflater.text(HELLO), hello());
}

#[test]
fn nothing_refers_to_what_was_before_a_block_with_bfinal() {
    for last in [HELLO_FINAL, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"] {
        let mut inflater = inflater();
        inflater.text(HELLO).unwrap();
        inflater.text(last).unwrap();
        assert_eq!(inflater.text(HELLO_AGAIN), corrupt());
    }
    let within = [HELLO_FINAL, HELLO_AGAIN].concat();
    assert_eq!(inflater().text(&within), corrupt());
}

#[test]
fn garbage() {
    for payload in [
        &b"\xff\xff\xff\xff"[..],         // a block of type 3
        b"\x06",                          // the same, found as soon as its first byte is there
        b"\x00\x05\x00\x05\x00Hello\x00", // a length and its complement do not match
        b"\xf2\x00\x11\x00\x00",          // a distance to before the beginning
        b"Hello, this was not compressed at all",
        b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", // what has to be taken off was not
    ] {
        assert_eq!(inflater().text(payload), corrupt(), "{payload:?}");
    }
}

#[test]
fn garbage_is_noticed_before_the_message_is_whole() {
    let mut inflater = inflater();
    let mut push = |piece: &[u8]| inflater.push(piece, NO_LIMIT, |_| Ok::<_, ()>(()));
    assert_eq!(push(b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff"), Ok(()));
    assert_eq!(push(b"\xff\x06"), Err(InflateFailure::Corrupt));
}

/// A truncated payload must not pass for a message, even if the four appended bytes look like a part of it: a stored
/// block that lacks four bytes would consume them.
#[test]
fn a_message_that_ends_inside_of_a_block() {
    for len in 0..HELLO.len() - 1 {
        assert_eq!(inflater().text(&HELLO[..len]), corrupt(), "{len} bytes");
    }
    let stored = b"\x00\x05\x00\xfa\xffHello\x00";
    // Its first byte alone is an empty message.
    for len in 2..stored.len() - 1 {
        assert_eq!(inflater().text(&stored[..len]), corrupt(), "{len} bytes");
    }
    assert_eq!(inflater().text(b"\x00\x09\x00\xf6\xffHello"), corrupt());
    assert_eq!(inflater().text(b"\x00\x0d\x00\xf2\xffHello"), corrupt());
    assert_eq!(inflater().text(b"\x00\x0e\x00\xf1\xffHello"), corrupt());
}

/// A block that announces its own codes is long: it swallows the appended bytes without an error and without output.
#[test]
fn a_message_that_ends_inside_of_a_table_of_codes() {
    let table = b"\x04\xc0\x01\x00\x00\x00\x00\x40\x10";
    assert_eq!(inflater().text(table), corrupt());
}

#[test]
fn a_message_without_a_byte_is_not_an_empty_one() {
    assert_eq!(inflater().message(&[], NO_LIMIT), Err(InflateFailure::Corrupt));
    assert_eq!(inflater().message(&[b"", b""], NO_LIMIT), Err(InflateFailure::Corrupt));
}

/// The limit used to be checked once the message was complete, when 64 KiB on the wire had already become 64 MiB in
/// memory.
#[test]
fn a_bomb_is_stopped_while_it_is_inflated() {
    let config = Deflate::dedicated();
    let mut bomb = Vec::new();
    let mut compressor = Compressor::new(&agreement(WindowBits::MAX, Takeover::Yes), &config);
    assert_eq!(compressor.compress(&vec![0; 64 << 20], &mut bomb), Compression::Applied);
    assert!(bomb.len() < 70_000);

    let limit = 1_000_000;
    let (mut handed_out, mut largest) = (0, 0);
    let stopped = inflater().push(&bomb, limit, |chunk| {
        handed_out += chunk.len();
        largest = largest.max(chunk.len());
        Ok::<_, ()>(())
    });
    assert_eq!(stopped, Err(InflateFailure::TooBig));
    assert!(largest <= CHUNK);
    assert!(handed_out <= limit && handed_out > limit - CHUNK, "{handed_out}");
}

#[test]
fn the_limit_is_the_largest_message_that_passes() {
    let message = vec![b'a'; 3 * CHUNK];
    let mut payload = Vec::new();
    let mut compressor =
        Compressor::new(&agreement(WindowBits::MAX, Takeover::Yes), &Deflate::default().level(0));
    assert_eq!(compressor.compress(&message, &mut payload), Compression::Applied);

    for pieces in [&[&payload[..]][..], &[&payload[..CHUNK], &payload[CHUNK..]]] {
        assert_eq!(inflater().message(pieces, message.len()).as_ref(), Ok(&message));
        assert_eq!(inflater().message(pieces, message.len() - 1), Err(InflateFailure::TooBig));
    }
    assert_eq!(inflater().message(&[b"\0"], 0), Ok(Vec::new()));
    assert_eq!(inflater().message(&[HELLO], 0), Err(InflateFailure::TooBig));
}

/// The last bits of a message may inflate to more than the buffer holds at a time.
#[test]
fn what_does_not_fit_into_the_room_comes_out_too() {
    let mut compressor = Compressor::new(&agreement(WindowBits::MAX, Takeover::No), &Deflate::dedicated());
    for len in 4 * CHUNK - 300..4 * CHUNK + 300 {
        let message = vec![0; len];
        let mut payload = Vec::new();
        assert_eq!(compressor.compress(&message, &mut payload), Compression::Applied);
        for cut in 0..=payload.len() {
            let (first, second) = payload.split_at(cut);
            assert_eq!(inflater().message(&[first, second], len).as_ref(), Ok(&message), "{len}");
        }
    }
}

#[test]
fn who_takes_the_bytes_may_refuse_them() {
    let refused = inflater().push(HELLO, NO_LIMIT, |_| Err("not UTF-8"));
    assert_eq!(refused, Err(InflateFailure::Sink("not UTF-8")));
}

/// A peer that refers beyond the agreed window gets an error, never wrong bytes.
#[test]
fn a_peer_with_a_larger_window_than_agreed() {
    let text: String = (0..600).map(|number| format!("{number} ")).collect();
    let config = Deflate::dedicated();
    let mut compressor = Compressor::new(&agreement(WindowBits::MAX, Takeover::Yes), &config);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert_eq!(compressor.compress(text.as_bytes(), &mut first), Compression::Applied);
    assert_eq!(compressor.compress(text.as_bytes(), &mut second), Compression::Applied);

    let mut as_agreed = inflater();
    assert_eq!(as_agreed.text(&first).as_ref(), Ok(&text));
    assert_eq!(as_agreed.text(&second).as_ref(), Ok(&text));

    let mut smaller = Inflater::new(&agreement(WindowBits::MIN, Takeover::Yes));
    assert_eq!(smaller.text(&first).as_ref(), Ok(&text));
    assert_eq!(smaller.text(&second), corrupt());
}

/// Blocks without output: 500,000 of them end, and none loops forever.
#[test]
fn input_without_output_comes_to_an_end() {
    let empty_blocks = b"\x00\x00\x00\xff\xff".repeat(500_000);
    assert_eq!(inflater().text(&[&empty_blocks, HELLO].concat()), hello());
    let empty_final_blocks = b"\x03\x00".repeat(500_000);
    assert_eq!(inflater().text(&[&empty_final_blocks, HELLO].concat()), hello());
}
