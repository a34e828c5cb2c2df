use super::super::agreement::{Context, WindowBits};
use super::*;

fn compressor(config: &Deflate, takeover: Takeover) -> Compressor {
    let context = Context { window: config.window, takeover };
    Compressor::new(&Agreement { compress: Some(context), inflate: context }, config)
}

/// Compresses all messages, however short.
fn eager() -> Deflate {
    Deflate::default().threshold(0)
}

impl Compressor {
    fn payload(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert_eq!(self.compress(message, &mut out), Compression::Applied);
        out
    }
}

/// Bytes that cannot be compressed.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn hello_as_in_rfc_7692_section_7_2_3() {
    for retain in [Retain::Window, Retain::Compressor] {
        let mut compressor = compressor(&eager().retain(retain), Takeover::Yes);
        assert_eq!(compressor.payload(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00"); // §7.2.3.1
        assert_eq!(compressor.payload(b"Hello"), b"\xf2\x00\x11\x00\x00"); // §7.2.3.2
    }
}

#[test]
fn without_context_takeover_each_message_stands_alone() {
    let forgetful = eager().retain(Retain::Nothing);
    for mut compressor in [compressor(&eager(), Takeover::No), compressor(&forgetful, Takeover::Yes)] {
        for _ in 0..3 {
            assert_eq!(compressor.payload(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        }
    }
}

/// A connection's first message must not refer to those of the connection that had the state before.
#[test]
fn a_state_that_served_another_connection_begins_anew() {
    compressor(&eager(), Takeover::Yes).payload(b"Hello");
    compressor(&eager().retain(Retain::Compressor), Takeover::Yes).payload(b"Hello");
    let mut other = compressor(&eager(), Takeover::Yes);
    assert_eq!(other.payload(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
}

/// After a flush, `deflate` outputs nothing for an empty message; removing four bytes from that underflows.
#[test]
fn empty_messages_are_one_zero_byte_first_and_later() {
    for retain in [Retain::Nothing, Retain::Window, Retain::Compressor] {
        let mut compressor = compressor(&eager().retain(retain), Takeover::Yes);
        assert_eq!(compressor.payload(b""), b"\0"); // §7.2.3.6
        assert_eq!(compressor.payload(b""), b"\0");
        compressor.payload(b"Hello");
        assert_eq!(compressor.payload(b""), b"\0");
    }
}

/// A server compressed a message, saw that it had become longer, and sent it uncompressed. Its compressor had processed
/// the message all the same. The next message therefore referred to data that the client's inflater had not seen, and
/// the connection failed. This compressor decides by the length beforehand, and always sends what it compressed.
#[test]
fn a_message_that_does_not_shrink_is_sent_compressed() {
    let noise = noise(100_000);
    for retain in [Retain::Nothing, Retain::Window, Retain::Compressor] {
        for level in 0..=9 {
            let mut compressor = compressor(&eager().retain(retain).level(level), Takeover::Yes);
            let payload = compressor.payload(&noise);
            let longest = if level == 1 { noise.len() * 9 / 8 } else { noise.len() + noise.len() / 400 };
            assert!(payload.len() > noise.len() && payload.len() < longest, "{level}: {}", payload.len());
        }
    }
}

#[test]
fn the_length_decides_before_anything_is_compressed() {
    let mut compressor = compressor(&Deflate::default().threshold(5), Takeover::Yes);
    let mut out = b"before".to_vec();
    assert_eq!(compressor.compress(b"Hell", &mut out), Compression::Skipped);
    assert_eq!(out, b"before");
    assert_eq!(compressor.compress(b"Hello", &mut out), Compression::Applied);
    assert_eq!(out, b"before\xf2\x48\xcd\xc9\xc9\x07\x00");
    // Skipped messages leave no trace.
    assert_eq!(compressor.compress(b"Hell", &mut out), Compression::Skipped);
    assert_eq!(compressor.payload(b"Hello"), b"\xf2\x00\x11\x00\x00");
}

#[test]
fn a_window_of_256_bytes_is_not_compressed_with() {
    let inflate = Context { window: WindowBits::MAX, takeover: Takeover::Yes };
    let mut compressor = Compressor::new(&Agreement { compress: None, inflate }, &eager());
    let mut out = Vec::new();
    assert_eq!(compressor.compress(&[0; 5_000], &mut out), Compression::Skipped);
    assert_eq!(out, b"");
}

/// The peer's window then ends with a message that this compressor has not seen. A reference to earlier data would
/// count from the wrong end.
#[test]
fn after_a_message_that_was_compressed_for_many_the_next_one_stands_alone() {
    for retain in [Retain::Window, Retain::Compressor] {
        let once = OncePerWindow::default();
        let mut compressor = compressor(&eager().retain(retain), Takeover::Yes);
        assert_eq!(compressor.payload(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        let for_many = compressor.compress_once(b"Hello", &once);
        assert_eq!(for_many.map(|payload| &payload[..]), Some(&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..]));
        assert_eq!(compressor.payload(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        assert_eq!(compressor.payload(b"Hello"), b"\xf2\x00\x11\x00\x00");
    }
}

#[test]
fn what_is_too_short_or_has_no_window_goes_to_many_as_it_is_and_leaves_no_trace() {
    let once = OncePerWindow::default();
    let mut picky = compressor(&Deflate::default().threshold(6), Takeover::Yes);
    assert_eq!(picky.payload(b"Hello!"), b"\xf2\x48\xcd\xc9\xc9\x57\x04\x00");
    assert_eq!(picky.compress_once(b"Hello", &once), None);
    assert!(picky.payload(b"Hello!").len() < 7, "the compressor forgot the message before");

    let inflate = Context { window: WindowBits::MAX, takeover: Takeover::Yes };
    let mut unable = Compressor::new(&Agreement { compress: None, inflate }, &eager());
    assert_eq!(unable.compress_once(b"Hello", &once), None);
}

#[test]
fn a_message_for_many_may_be_empty() {
    let mut compressor = compressor(&eager(), Takeover::Yes);
    let once = OncePerWindow::default();
    let payload = compressor.compress_once(b"", &once);
    assert_eq!(payload.map(|payload| &payload[..]), Some(&b"\0"[..])); // §7.2.3.6
}
