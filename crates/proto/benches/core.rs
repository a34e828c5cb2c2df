//! Time benchmarks of the protocol: `cargo bench -p longwire-proto --bench core`.
//!
//! One iteration is one stream of [`READ`] bytes, unless the benchmark's name says otherwise.

mod stream;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use longwire_proto::deflate::{Deflate, Retain};
use longwire_proto::{FrameKind, Header, MessageKind, Role};

use stream::{Cut, READ};

fn main() {
    divan::main();
}

/// Decodes and encodes the headers of 1,000 frames of each length.
#[divan::bench(args = [16, 1_000, 100_000])]
fn header(bencher: Bencher<'_, '_>, len: usize) {
    let frame = stream::frames(Role::Client, MessageKind::Binary, &vec![b'a'; len], Cut::Whole, 0);
    let mut out = Vec::with_capacity(14);
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        for _ in 0..1_000 {
            if let Ok(Some((header, _))) = Header::decode(black_box(&frame)) {
                assert!(matches!(header.kind, FrameKind::Data { .. }));
                out.clear();
                header.encode(black_box(&mut out));
            }
        }
    });
}

/// Small masked text messages, with all checks on.
#[divan::bench(args = [0, 16, 125, 1_000])]
fn parse_text(bencher: Bencher<'_, '_>, len: usize) {
    let text = vec![b'a'; len];
    let mut bytes = stream::frames(Role::Client, MessageKind::Text, &text, Cut::Whole, READ);
    let count = bytes.len() / (len + if len < 126 { 6 } else { 8 });
    let mut end = stream::end(Role::Server);
    bencher.counter(ItemsCount::new(count)).bench_local(|| stream::parse(&mut end, black_box(&mut bytes)));
}

/// The same, with each message echoed.
#[divan::bench(args = [16, 125, 1_000])]
fn echo_text(bencher: Bencher<'_, '_>, len: usize) {
    let text = vec![b'a'; len];
    let mut bytes = stream::frames(Role::Client, MessageKind::Text, &text, Cut::Whole, READ);
    let count = bytes.len() / (len + if len < 126 { 6 } else { 8 });
    let mut end = stream::end(Role::Server);
    let _taken = end.lend_buffer(Vec::with_capacity(2 * READ).into());
    bencher.counter(ItemsCount::new(count)).bench_local(|| stream::echo(&mut end, black_box(&mut bytes)));
}

/// One masked binary message: apart from the header, only unmasking.
#[divan::bench(args = [16, 1 << 10, 16 << 10, 256 << 10])]
fn mask(bencher: Bencher<'_, '_>, len: usize) {
    let mut bytes = stream::frames(Role::Client, MessageKind::Binary, &vec![b'a'; len], Cut::Whole, 0);
    let mut end = stream::end(Role::Server);
    bencher.counter(BytesCount::new(len)).bench_local(|| stream::parse(&mut end, black_box(&mut bytes)));
}

/// One unmasked text message: apart from the header, only UTF-8 validation.
#[divan::bench(args = ["ascii", "greek", "emoji"])]
fn utf8_16_kib(bencher: Bencher<'_, '_>, script: &str) {
    let text = match script {
        "ascii" => "a".repeat(16 << 10),
        "greek" => "κόσμε ".repeat((16 << 10) / "κόσμε ".len()),
        _ => "👋🌍 ".repeat((16 << 10) / "👋🌍 ".len()),
    };
    let mut bytes = stream::frames(Role::Server, MessageKind::Text, text.as_bytes(), Cut::Whole, 0);
    let mut end = stream::end(Role::Client);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| stream::parse(&mut end, black_box(&mut bytes)));
}

/// Messages in fragments of 64 bytes.
#[divan::bench(args = [2, 16])]
fn fragments(bencher: Bencher<'_, '_>, count: usize) {
    let mut bytes = stream::frames(Role::Client, MessageKind::Text, &[b'a'; 64], Cut::Fragments(count), READ);
    let frames = bytes.len() / 70;
    let mut end = stream::end(Role::Server);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| stream::parse(&mut end, black_box(&mut bytes)));
}

/// One message to 1,000 receivers.
#[divan::bench]
fn publish_125_bytes(bencher: Bencher<'_, '_>) {
    let mut ends: Vec<_> = std::iter::repeat_with(|| stream::end(Role::Server)).take(1_000).collect();
    bencher
        .counter(ItemsCount::new(ends.len()))
        .bench_local(|| stream::publish(black_box(&mut ends), &[b'a'; 125]));
}

/// 1 KiB of JSON, sent and received, by retention setting and window bits.
#[divan::bench(args = [(Retain::Window, 12), (Retain::Window, 15), (Retain::Compressor, 12), (Retain::Nothing, 12)])]
fn deflate_1_kib(bencher: Bencher<'_, '_>, (retain, bits): (Retain, u8)) {
    let (mut server, mut client) = stream::deflate_ends(Deflate::default().retain(retain), bits);
    let messages: Vec<String> = (0..64).map(stream::json).collect();
    let mut next = messages.iter().cycle();
    bencher.bench_local(|| {
        next.next().map(|message| stream::carry(&mut server, black_box(&mut client), message))
    });
}

/// The same on 64 connections in turn, with full windows.
#[divan::bench(args = [(Retain::Window, 12), (Retain::Compressor, 12)], sample_count = 2_000)]
fn deflate_1_kib_64_connections(bencher: Bencher<'_, '_>, (retain, bits): (Retain, u8)) {
    let mut ends: Vec<_> =
        (0..64).map(|_| stream::deflate_ends(Deflate::default().retain(retain), bits)).collect();
    let messages: Vec<String> = (0..64).map(stream::json).collect();
    for (server, client) in &mut ends {
        for message in messages.iter().take(8) {
            stream::carry(server, client, message);
        }
    }
    let mut turns = 0..;
    bencher.bench_local(|| {
        let turn: usize = turns.next()?;
        let (server, client) = ends.get_mut(turn % 64)?;
        // Each connection gets a different message on each of its turns.
        Some(stream::carry(server, black_box(client), messages.get((turn + turn / 64) % 64)?))
    });
}
