//! Compressed payloads, most of them from RFC 7692 §7.2.3.

use longwire_proto::deflate::{Agreement, Compression, Compressor, Context, Deflate, Takeover, WindowBits};

use crate::Seed;

/// Connections of one or more payloads, each preceded by a byte for its length. The first four bytes select the largest
/// window with context takeover, and no cuts.
pub(crate) fn connections() -> Vec<Seed> {
    let zeros = &compressed(&[&[0; 60_000]])[0];
    let bomb = &compressed(&[&[0; 70_000]])[0];
    let chat = compressed(&[br#"{"from":"ada","text":"hello"}"#, br#"{"from":"bob","text":"hello, ada"}"#]);
    let chat: Vec<&[u8]> = chat.iter().map(Vec::as_slice).collect();
    let connections: [(&str, &[&[u8]]); 12] = [
        ("one-block", &[b"\xf2\x48\xcd\xc9\xc9\x07\x00"]),
        ("shared-window", &[b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00"]),
        ("stored", &[b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"]),
        ("bfinal", &[b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", b"\xf2\x48\xcd\xc9\xc9\x07\x00"]),
        ("two-blocks", &[b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"]),
        ("empty", &[b"\x00", b"\x02\x00", b"\x00"]),
        ("no-bytes", &[b""]),
        ("cut-off", &[b"\xf2\x48\xcd"]),
        ("reserved-block", &[b"\x06\x00"]),
        ("distance-too-far", &[b"\xf2\x00\x11\x00\x00"]),
        ("zeros", &[zeros]),
        ("over-the-limit", &[bomb]),
    ];
    let mut seeds: Vec<Seed> = connections.map(|(name, payloads)| (name, connection(payloads))).to_vec();
    seeds.push(("chat", connection(&chat)));
    seeds
}

fn connection(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![7, 7, 0, 0];
    for payload in payloads {
        bytes.push(u8::try_from(payload.len()).expect("a short payload"));
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// The payloads of the messages of one connection.
fn compressed(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let context = Context { window: WindowBits::MAX, takeover: Takeover::Yes };
    let agreement = Agreement { compress: Some(context), inflate: context };
    let mut compressor = Compressor::new(&agreement, &Deflate::dedicated().threshold(0));
    let compress = |message: &&[u8]| {
        let mut payload = Vec::new();
        assert_eq!(compressor.compress(message, &mut payload), Compression::Applied);
        payload
    };
    messages.iter().map(compress).collect()
}
