//! Streams of frames.

use longwire_wire::{DeclaredLen, Mask, RawFrame, Role};

use crate::Seed;

/// Headers of all forms, valid and invalid.
pub(crate) fn headers() -> Vec<Seed> {
    let bytes: [(&str, &[u8]); 14] = [
        ("text-masked", b"\x81\x85\x37\xfa\x21\x3d"),
        ("text-unmasked", b"\x81\x05"),
        ("continuation", b"\x00\x7d"),
        ("binary-126", b"\x82\x7e\x00\x7e"),
        ("binary-65535-masked", b"\x82\xfe\xff\xff\x01\x02\x03\x04"),
        ("binary-65536", b"\x82\x7f\0\0\0\0\0\x01\0\0"),
        ("binary-longest", b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("ping", b"\x89\x7d"),
        ("close-masked", b"\x88\x82\0\0\0\0\x03\xe8"),
        ("compressed", b"\xc1\x07"),
        ("length-not-minimal", b"\x82\x7e\x00\x7d"),
        ("length-high-bit", b"\x82\x7f\x80\0\0\0\0\0\0\0"),
        ("ping-fragmented", b"\x09\x00"),
        ("opcode-reserved", b"\x83\x00"),
    ];
    bytes.map(|(name, bytes)| (name, bytes.to_vec())).to_vec()
}

/// A stream from one peer.
pub(crate) struct Stream {
    role: Role,
    bytes: Vec<u8>,
}

impl Stream {
    pub(crate) fn of_client() -> Stream {
        Stream { role: Role::Client, bytes: Vec::new() }
    }

    pub(crate) fn of_server() -> Stream {
        Stream { role: Role::Server, bytes: Vec::new() }
    }

    /// Adds a frame; `first` is its first byte.
    fn frame(self, first: u8, payload: &[u8]) -> Stream {
        self.add(RawFrame::new(first, payload))
    }

    /// Adds a header.
    fn header(self, first: u8, len: usize) -> Stream {
        self.add(RawFrame::new(first, "").declaring(DeclaredLen::Shortest(len as u64)))
    }

    /// A client's masking key is mostly zeros, so that a fuzzer can recognize the payload.
    fn add(mut self, frame: RawFrame) -> Stream {
        let mask = if self.role == Role::Client { Mask::Key([0, 0, 0, 1]) } else { Mask::Absent };
        self.bytes.extend(frame.masked(mask).encode(self.role));
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Stream {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

/// The streams of one role, taken from the protocol's tests.
pub(crate) fn streams(new: fn() -> Stream) -> Vec<Seed> {
    let bye = b"\x03\xe8bye";
    let streams = [
        ("hello", new().frame(0x81, b"Hello").frame(0x88, bye)),
        ("empty-messages", new().frame(0x81, b"").frame(0x82, b"").frame(0x02, b"").frame(0x80, b"")),
        ("utf8-all-lengths", new().frame(0x81, "aé€𐍈 κόσμε \u{10ffff}".as_bytes())),
        (
            "fragments",
            new().frame(0x01, b"frag\xe2").frame(0x89, b"between").frame(0x00, b"\x82").frame(0x80, b"\xac"),
        ),
        ("binary-medium", new().frame(0x82, &[7; 130]).frame(0x8a, b"unasked")),
        ("binary-over-1-kib", new().frame(0x82, &[9; 1100])),
        ("binary-in-two-over-1-kib", new().frame(0x02, &[9; 600]).frame(0x80, &[9; 600])),
        ("large-declared", new().header(0x82, 1 << 20).raw(&[0; 100])),
        ("large-begun-inside-of-fragments", new().frame(0x02, b"begin").header(0x80, 100_000).raw(&[1; 200])),
        ("over-the-limit", new().header(0x82, 1 << 21)),
        ("pings", new().frame(0x89, b"").frame(0x89, &[b'p'; 125]).frame(0x8a, b"").frame(0x89, b"2")),
        ("close-without-code", new().frame(0x88, b"").frame(0x81, b"too late")),
        ("close-twice", new().frame(0x88, bye).frame(0x88, bye)),
        ("close-application-code", new().frame(0x88, b"\x0f\xa1log in again")),
        ("close-1014", new().frame(0x88, b"\x03\xf6")),
        ("close-1005", new().frame(0x88, b"\x03\xed")),
        ("close-one-byte", new().frame(0x88, b"\x03")),
        ("close-reason-not-utf8", new().frame(0x88, b"\x03\xe8\xff")),
        ("text-not-utf8", new().frame(0x81, b"ok").frame(0x81, b"caf\xc3\x28")),
        ("text-ends-in-character", new().frame(0x01, b"caf\xc3").frame(0x80, b"")),
        ("text-surrogate", new().frame(0x81, b"\xed\xa0\x80")),
        ("text-fails-early", new().header(0x81, 1000).raw(b"ok \xf4\x90")),
        ("continuation-alone", new().frame(0x80, b"what of?")),
        ("message-unfinished", new().frame(0x01, b"a").frame(0x81, b"b")),
        ("many-fragments", (0..70).fold(new().frame(0x02, b""), |stream, _| stream.frame(0x00, b""))),
        ("reserved-bit", new().frame(0x81, b"ok").raw(b"\xc1\x80\0\0\0\0")),
        ("opcode-reserved", new().frame(0x81, b"ok").raw(b"\x83\x80\0\0\0\0")),
        ("ping-too-long", new().raw(b"\x89\xfe\x00\x7e\0\0\0\0")),
        ("length-not-minimal", new().raw(b"\x82\xfe\x00\x01\0\0\0\0a")),
        ("length-of-2-62", new().raw(b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0abc")),
        ("other-role", new().raw(b"\x81\x05Hello\x81\x85\0\0\0\0Hello")),
    ];
    streams.map(|(name, stream)| (name, stream.bytes)).to_vec()
}

/// Streams of one role with compressed messages (RFC 7692 §7.2.3).
pub(crate) fn compressed(new: fn() -> Stream) -> Vec<Seed> {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let streams = [
        ("compressed", new().frame(0xc1, hello).frame(0xc1, b"\xf2\x00\x11\x00\x00").frame(0x81, b"plain")),
        (
            "compressed-fragments",
            new().frame(0x41, &hello[..3]).frame(0x89, b"between").frame(0x80, &hello[3..]),
        ),
        ("compressed-straight", new().header(0xc2, 100_000).raw(hello)),
        ("compressed-continuation", new().frame(0x41, &hello[..3]).frame(0xc0, &hello[3..])),
        ("compressed-not-deflate", new().frame(0xc2, b"\x06\x00")),
        ("compressed-not-utf8", new().frame(0xc1, b"\x00\x01\x00\xfe\xff\xff\x00")),
    ];
    streams.map(|(name, stream)| (name, stream.bytes)).to_vec()
}
