//! permessage-deflate.

use super::*;

/// A client and a server that have agreed on compression.
pub(super) fn compressing(config: &crate::deflate::Deflate) -> (End, End) {
    let offer = config.offers().remove(0);
    let (answer, of_server) = config.answer(&offer).unwrap();
    let of_client = config.confirm(&answer).unwrap();
    let end = |role, agreement| {
        let config = Config { deflate: Some(config.clone()), ..Config::default() };
        let protocol = Protocol::new(role, Arc::new(config)).with_deflate(agreement);
        End { protocol, events: Vec::new() }
    };
    (end(Role::Client, &of_client), end(Role::Server, &of_server))
}

#[test]
fn messages_are_compressed_both_ways_unless_they_are_small_or_not_to_be() {
    let (mut client, mut server) = compressing(&crate::deflate::Deflate::default());
    let text = "all work and no play ".repeat(100);
    for (from, to) in [(0, 1), (1, 0)] {
        let ends = [&mut client, &mut server];
        for _ in 0..3 {
            ends[from].protocol.send_text(&text).unwrap();
            let sent = ends[from].take_sent();
            assert_eq!(sent[0], 0xc1, "RSV1 is not set");
            assert!(sent.len() < text.len() / 10, "{} bytes", sent.len());
            ends[to].receive(&sent).expect(Event::Text(text.as_str().into()));
        }
        ends[from].protocol.send_uncompressed(MessageKind::Text, Bytes::from(text.clone())).unwrap();
        ends[from].protocol.send_text("small").unwrap();
        let sent = ends[from].take_sent();
        assert!(sent[0] == 0x81 && sent.len() > text.len());
        ends[to].receive(&sent).expect(Event::Text(text.as_str().into())).expect(Event::Text("small".into()));
    }
}

#[test]
fn a_message_that_does_not_shrink_is_sent_as_it_was_compressed() {
    // Peers that compressed such a message but sent it uncompressed broke every message after it.
    let (mut client, mut server) = compressing(&crate::deflate::Deflate::default().threshold(0));
    let mut keys = MaskingKeys::seeded(7);
    let noise: Vec<u8> = (0..500).flat_map(|_| keys.next_key()).collect();
    for payload in [&noise[..], b"", &noise[..1000], &noise] {
        client.protocol.send_binary(payload).unwrap();
        let sent = client.take_sent();
        assert_eq!(sent[0], 0xc2);
        server.receive(&sent).expect(Event::Binary(payload.into()));
    }
}

#[test]
fn a_compressed_message_may_come_in_fragments_with_pings_between() {
    let (_, mut server) = compressing(&crate::deflate::Deflate::default());
    // "Hello" of RFC 7692 §7.2.3.1, in two fragments.
    server.receive(b"\x41\x83\0\0\0\0\xf2\x48\xcd\x89\x80\0\0\0\0\x80\x84\0\0\0\0\xc9\xc9\x07\0");
    server.expect(Event::Ping(b""[..].into())).expect(Event::Text("Hello".into())).expect_silence();
}

#[test]
fn the_mark_of_compression_stands_on_first_frames_only_and_only_if_agreed() {
    let continued = |second: &[u8]| [b"\x41\x81\0\0\0\0\xf2", second].concat();
    for (frames, what) in [
        (continued(b"\xc0\x80\0\0\0\0"), "continuation"),
        (b"\xc9\x80\0\0\0\0".to_vec(), "ping"),
        (b"\xa1\x80\0\0\0\0".to_vec(), "RSV2"),
    ] {
        let (_, mut server) = compressing(&crate::deflate::Deflate::default());
        server.receive(&frames);
        assert_eq!(server.events, [Err(ProtocolError::ReservedBit)], "{what}");
    }
    server().receive(b"\xc1\x80\0\0\0\0").expect_error(ProtocolError::ReservedBit);
}

#[test]
fn what_cannot_be_inflated_or_is_too_big_inflated_fails_the_connection() {
    let (_, mut server) = compressing(&crate::deflate::Deflate::default());
    server.receive(b"\xc1\x84\0\0\0\0\xff\xff\xff\xff").expect_error(ProtocolError::Inflate);

    let (mut client, mut server) = compressing(&crate::deflate::Deflate::default());
    let limits = Limits::default().message(10_000);
    server.protocol.config = Arc::new(Config::new(limits));
    client.protocol.send_binary(&vec![0; 1 << 20]).unwrap();
    let bomb = client.take_sent();
    assert!(bomb.len() < 5000);
    server.receive(&bomb).expect_error(ProtocolError::MessageTooBig { limit: 10_000 });

    let (_, mut server) = compressing(&crate::deflate::Deflate::default());
    // "\xff" in a stored block: it inflates, but is not UTF-8.
    server.receive(b"\xc1\x87\0\0\0\0\x00\x01\x00\xfe\xff\xff\x00").expect_error(ProtocolError::TextNotUtf8);
}

#[test]
fn a_message_at_the_limit_may_be_longer_while_it_is_compressed() {
    // Incompressible content grows a little. Such messages used to be rejected as too long before they were inflated.
    let (mut client, mut server) = compressing(&crate::deflate::Deflate::default().threshold(0));
    server.protocol.config = Arc::new(Config::new(Limits::default().message(4000)));
    let mut keys = MaskingKeys::seeded(7);
    let noise: Vec<u8> = (0..1000).flat_map(|_| keys.next_key()).collect();
    client.protocol.send_binary(&noise).unwrap();
    let sent = client.take_sent();
    assert!(sent.len() > 4000 + 8, "the message did not grow");
    server.receive(&sent).expect(Event::Binary(noise.as_slice().into()));

    client.protocol.send_binary(&[&noise[..], b"x"].concat()).unwrap();
    let sent = client.take_sent();
    server.receive(&sent).expect_error(ProtocolError::MessageTooBig { limit: 4000 });
}
