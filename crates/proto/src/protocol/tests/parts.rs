//! Messages that are received in parts.

use std::borrow::Cow;

use super::*;
use crate::deflate::Deflate;

fn text_part(text: &str) -> Event<'_> {
    Event::TextPart(text.into())
}

fn binary_part(bytes: &[u8]) -> Event<'_> {
    Event::BinaryPart(bytes.into())
}

impl End {
    fn receive_in_parts(&mut self, bytes: &[u8]) -> &mut End {
        let mut bytes = bytes.to_vec();
        let mut received = Received::new(&mut bytes);
        loop {
            match self.protocol.next_part(&mut received) {
                Ok(Some(event)) => self.events.push(Ok(event.into_owned())),
                Ok(None) => break,
                Err(error) => self.events.push(Err(error)),
            }
        }
        assert!(received.is_empty());
        self
    }
}

#[test]
fn a_message_that_is_whole_comes_in_one_part() {
    let mut end = client();
    end.receive_in_parts(b"\x81\x02hi\x82\x01\xff\x81\x00");
    end.expect(Event::Text("hi".into())).expect(Event::Binary(b"\xff"[..].into()));
    end.expect(Event::Text("".into())).expect_silence();
}

#[test]
fn what_has_arrived_of_a_frame_is_given_before_the_rest_has() {
    let mut end = client();
    end.receive_in_parts(b"\x82\x05ab").expect(binary_part(b"ab")).expect_silence();
    end.receive_in_parts(b"").expect_silence();
    end.receive_in_parts(b"cd").expect(binary_part(b"cd")).expect_silence();
    end.receive_in_parts(b"e\x81\x01x");
    end.expect(Event::Binary(b"e"[..].into())).expect(Event::Text("x".into())).expect_silence();
}

#[test]
fn a_fragment_is_given_before_the_next_one_comes_and_pings_go_between() {
    let mut end = client();
    end.receive_in_parts(b"\x01\x02ab").expect(text_part("ab"));
    end.receive_in_parts(b"\x89\x01p").expect(Event::Ping(b"p"[..].into()));
    end.receive_in_parts(b"\x00\x01c\x00\x01d\x8a\x01").expect(text_part("cd"));
    end.receive_in_parts(b"q\x80\x00").expect(Event::Pong(b"q"[..].into()));
    end.expect(Event::Text("".into())).expect_silence();
}

#[test]
fn parts_of_a_text_are_whole_characters_however_it_is_cut() {
    let source = "aé€𐍈z";
    let wire = [&[0x81, 11][..], source.as_bytes()].concat();
    for cut in 0..=wire.len() {
        let mut end = client();
        end.receive_in_parts(&wire[..cut]).receive_in_parts(&wire[cut..]);
        let mut text = String::new();
        for event in end.events.drain(..) {
            match event {
                Ok(Event::TextPart(part) | Event::Text(part)) => text += &part,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(text, source, "cut at {cut}");
    }
}

#[test]
fn a_text_that_turns_out_not_to_be_utf8_fails_after_its_good_parts() {
    let mut end = client();
    end.receive_in_parts(b"\x81\x05ab").expect(text_part("ab"));
    end.receive_in_parts(b"\xc3(").expect_error(ProtocolError::TextNotUtf8).expect_silence();

    let mut end = client();
    end.receive_in_parts(b"\x01\x03ab\xc3").expect(text_part("ab"));
    end.receive_in_parts(b"\x80\x00").expect_error(ProtocolError::TextNotUtf8);
}

#[test]
fn a_payload_is_read_straight_into_its_parts_and_unmasked_there() {
    let key = [1, 2, 3, 4];
    let mut end = server();
    let header = [&[0x82, 0xff][..], &200_000_u64.to_be_bytes(), &key].concat();
    end.receive_in_parts(&header);
    let mut arrived = Vec::new();
    for byte in 0.. {
        let Some(mut room) = end.protocol.payload_room() else { break };
        // Odd lengths, so that unmasking continues in the middle of the key.
        let count = room.remaining_mut().min(50_001);
        room.put_bytes(byte, count);
        end.receive_in_parts(b"");
        let Ok(Event::BinaryPart(part) | Event::Binary(part)) = end.events.remove(0) else { panic!() };
        assert_eq!(part.len(), count);
        assert_eq!(end.protocol.held(), 0);
        arrived.extend(part.iter().map(|unmasked| unmasked ^ byte));
    }
    let key_again: Vec<u8> = key.into_iter().cycle().take(arrived.len()).collect();
    assert!(arrived == key_again && arrived.len() == 200_000);
}

#[test]
fn a_longer_message_is_accepted_in_parts_than_whole_if_the_limits_say_so() {
    let limits = Limits::default().message(4).streamed(8);
    let mut end = End::new(Role::Client, limits.clone());
    end.receive_in_parts(b"\x02\x04abcd\x80\x04ef").expect(binary_part(b"abcdef"));
    end.receive_in_parts(b"gh").expect(Event::Binary(b"gh"[..].into()));
    end.receive_in_parts(b"\x02\x08abcdefgh").expect(binary_part(b"abcdefgh"));
    end.receive_in_parts(b"\x80\x01").expect_error(ProtocolError::MessageTooBig { limit: 8 });

    let mut end = End::new(Role::Client, limits);
    end.receive(b"\x82\x05").expect_error(ProtocolError::MessageTooBig { limit: 4 });

    let mut end = End::new(Role::Client, Limits::default().message(4));
    end.receive_in_parts(b"\x82\x04abcd").expect(Event::Binary(b"abcd"[..].into()));
    end.receive_in_parts(b"\x82\x05").expect_error(ProtocolError::MessageTooBig { limit: 4 });
}

#[test]
fn fragments_are_counted_between_two_parts() {
    let mut end = End::new(Role::Client, Limits::default().fragments(2));
    end.receive_in_parts(b"\x02\x01a").expect(binary_part(b"a"));
    for _ in 0..10 {
        end.receive_in_parts(b"\x00\x01b\x00\x00").expect(binary_part(b"b"));
    }
    end.receive_in_parts(b"\x00\x00\x00\x00").expect_silence();
    end.receive_in_parts(b"\x00\x00").expect_error(ProtocolError::TooManyFragments { limit: 2 });
}

/// Whether or not both arrive together.
#[test]
fn what_came_before_a_close_frame_is_given_before_it() {
    for wire in [&b"\x02\x01a\x88\x00"[..], b"\x02\x01a\x88\x02\x03\xe8"] {
        for cut in 3..=wire.len() {
            let mut end = client();
            end.receive_in_parts(&wire[..cut]).receive_in_parts(&wire[cut..]);
            end.expect(binary_part(b"a"));
            assert!(matches!(end.events.remove(0), Ok(Event::Close(_))), "cut at {cut}");
            end.expect_silence();
            end.take_sent();
            assert_eq!(end.protocol.held(), 0);
        }
    }
}

/// Otherwise a peer could make a receiver that keeps the parts hold 64 KiB for each of its bytes.
#[test]
fn a_short_part_of_a_large_frame_does_not_keep_the_room_that_there_was_for_more() {
    let mut end = client();
    end.receive_in_parts(&[&[0x82, 127][..], &1_000_000_u64.to_be_bytes()].concat());
    for _ in 0..3 {
        end.protocol.payload_room().unwrap().put_bytes(7, 10);
        end.receive_in_parts(b"");
        let Ok(Event::BinaryPart(Cow::Owned(part))) = end.events.remove(0) else { panic!() };
        assert_eq!(part, [7; 10]);
        assert!(part.capacity() < 100, "{} bytes", part.capacity());
        assert_eq!(end.protocol.held(), 0);
    }
}

#[test]
fn what_inflates_a_thousandfold_is_given_in_parts_of_bounded_length() {
    let config = Deflate::default();
    let (mut sender, mut receiver) = compressed::compressing(&config);
    receiver.protocol.config = Arc::new(Config::new(Limits::default().message(1 << 10).streamed(usize::MAX)));
    const LEN: usize = 20 << 20;
    sender.protocol.send_bytes(MessageKind::Binary, vec![0; LEN].into()).unwrap();
    let mut sent = sender.take_sent();
    assert!(sent.len() < LEN / 900, "{} bytes", sent.len());

    let mut received = Received::new(&mut sent);
    let mut arrived = 0;
    loop {
        match receiver.protocol.next_part(&mut received).unwrap() {
            Some(Event::BinaryPart(part)) => {
                assert!((64 << 10..600_000).contains(&part.len()), "{} bytes", part.len());
                arrived += part.len();
            }
            Some(Event::Binary(rest)) => {
                arrived += rest.len();
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(arrived, LEN);
    assert!(received.is_empty());
}

#[test]
fn compressed_fragments_of_a_text_are_given_one_by_one() {
    let (mut sender, mut receiver) = compressed::compressing(&Deflate::default().threshold(0));
    let text = "é€ again and again ".repeat(20);
    for round in 0..3 {
        sender.protocol.send_bytes(MessageKind::Text, Bytes::from(text.clone())).unwrap();
        let sent = sender.take_sent();
        let mut arrived = String::new();
        for byte in &sent {
            receiver.receive_in_parts(&[*byte]);
            while !receiver.events.is_empty() {
                let Ok(Event::TextPart(part) | Event::Text(part)) = receiver.events.remove(0) else {
                    panic!()
                };
                arrived += &part;
            }
        }
        assert_eq!(arrived, text, "message {round}, which refers to those before it");
    }
}

#[test]
fn a_message_begun_whole_can_be_taken_on_in_parts() {
    let mut end = client();
    end.receive(b"\x82\x05ab").expect_silence();
    end.receive_in_parts(b"cd").expect(binary_part(b"abcd"));
    end.receive_in_parts(b"e").expect(Event::Binary(b"e"[..].into())).expect_silence();
}
