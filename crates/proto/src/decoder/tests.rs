use super::*;
use crate::close_frame::CloseFrame;
use crate::header::ControlLen;
use crate::limits::Limits;
use crate::opcode::Opcode;

/// A decoder fed in pieces. Each piece has its own buffer, which is freed before the next one arrives.
struct Reader {
    decoder: Decoder,
    config: Config,
}

impl Reader {
    fn server() -> Reader {
        Reader { decoder: Decoder::new(Role::Server), config: Config::default() }
    }

    fn client() -> Reader {
        Reader { decoder: Decoder::new(Role::Client), config: Config::default() }
    }

    fn limited(mut self, limits: Limits) -> Reader {
        self.config.limits = limits;
        self
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Event<'static>>, ProtocolError> {
        let mut bytes = bytes.to_vec();
        let mut received = Received::new(&mut bytes);
        let mut events = Vec::new();
        while let Some(event) = self.decoder.next(&mut received, &self.config)? {
            events.push(event.into_owned());
        }
        assert!(received.is_empty(), "bytes were left in the buffer");
        Ok(events)
    }

    fn fails(mut self, bytes: &[u8]) -> ProtocolError {
        self.receive(bytes).expect_err("it should have failed")
    }
}

fn text(text: &str) -> Event<'_> {
    Event::Text(text.into())
}

fn binary(payload: &[u8]) -> Event<'_> {
    Event::Binary(payload.into())
}

/// A client's stream with every kind of frame, and its events. Masking keys differ from frame to frame.
fn recorded() -> (Vec<u8>, Vec<Event<'static>>) {
    let mut stream = Vec::new();
    let mut frame = |first: u8, payload: &[u8]| {
        let key = [first, 0x5a, payload.len().to_le_bytes()[0], 0xc3];
        let opcode = Opcode::from_bits(first).unwrap();
        let kind = match opcode {
            Opcode::Data(opcode) => {
                FrameKind::Data { opcode, fin: first & 0x80 != 0, len: payload.len() as u64 }
            }
            Opcode::Control(opcode) => {
                FrameKind::Control { opcode, len: ControlLen::new(payload.len()).unwrap() }
            }
        };
        Header { kind, reserved: ReservedBits::NONE, masking_key: Some(key) }.encode(&mut stream);
        let start = stream.len();
        stream.extend_from_slice(payload);
        Mask::new(key).apply(&mut stream[start..]);
    };
    frame(0x81, b"");
    frame(0x81, "κόσμε".as_bytes());
    frame(0x01, "frag\u{20ac}".as_bytes().split_at(5).0);
    frame(0x89, b"ping inside");
    frame(0x00, "frag\u{20ac}".as_bytes().split_at(5).1);
    frame(0x8a, b"");
    frame(0x80, b" end");
    frame(0x82, &[7; 130]);
    frame(0x02, &[]);
    frame(0x80, &[]);
    frame(0x88, b"\x03\xe8done");
    let events = vec![
        text(""),
        text("κόσμε"),
        Event::Ping(b"ping inside"[..].into()),
        Event::Pong(b""[..].into()),
        text("frag\u{20ac} end"),
        binary(&[7; 130]).into_owned(),
        binary(b""),
        Event::Close(CloseFrame::new(1000, "done").ok()),
    ];
    (stream, events)
}

#[test]
fn every_cut_of_a_recorded_stream_gives_the_same_events() {
    let (stream, expected) = recorded();
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let mut reader = Reader::server();
            let mut events = reader.receive(&stream[..first]).unwrap();
            events.extend(reader.receive(&stream[first..second]).unwrap());
            events.extend(reader.receive(&stream[second..]).unwrap());
            assert_eq!(events, expected, "cut at {first} and {second}");
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same_events() {
    let (stream, expected) = recorded();
    let mut reader = Reader::server();
    let events: Vec<_> = stream.iter().flat_map(|byte| reader.receive(&[*byte]).unwrap()).collect();
    assert_eq!(events, expected);
}

#[test]
fn a_message_that_lies_whole_in_the_buffer_is_lent() {
    let mut bytes = *b"\x81\x05Hello\x82\x01\xff";
    let mut received = Received::new(&mut bytes);
    let mut reader = Reader::client();
    let first = reader.decoder.next(&mut received, &reader.config).unwrap();
    let second = reader.decoder.next(&mut received, &reader.config).unwrap();
    assert!(matches!(first, Some(Event::Text(Cow::Borrowed("Hello")))));
    assert!(matches!(second, Some(Event::Binary(Cow::Borrowed(b"\xff")))));
}

#[test]
fn the_role_decides_about_the_mask() {
    assert_eq!(Reader::server().fails(b"\x81\x00"), ProtocolError::NotMasked);
    assert_eq!(Reader::client().fails(b"\x81\x80\0\0\0\0"), ProtocolError::Masked);
    assert_eq!(Reader::server().receive(b"\x81\x80\0\0\0\0"), Ok(vec![text("")]));
    assert_eq!(Reader::client().receive(b"\x81\x00"), Ok(vec![text("")]));
}

#[test]
fn reserved_bits_fail_unless_agreed() {
    for first in [0xc1, 0xa1, 0x91, 0xf1, 0xc9, 0x90] {
        assert_eq!(Reader::client().fails(&[first, 0]), ProtocolError::ReservedBit, "{first:x}");
    }
}

#[test]
fn fragments_follow_the_order_of_section_5_4() {
    assert_eq!(Reader::client().fails(b"\x80\x00"), ProtocolError::ContinuationWithoutStart);
    assert_eq!(Reader::client().fails(b"\x01\x01a\x81\x01b"), ProtocolError::MessageUnfinished);
    assert_eq!(Reader::client().fails(b"\x02\x01a\x02\x01b"), ProtocolError::MessageUnfinished);
    assert_eq!(
        Reader::client().fails(b"\x01\x01a\x80\x01b\x80\x00"),
        ProtocolError::ContinuationWithoutStart
    );
}

#[test]
fn text_fails_at_the_first_bad_byte_of_an_unfinished_frame() {
    let mut reader = Reader::client();
    assert_eq!(reader.receive(b"\x81\x7e\x03\xe8ok \xf4"), Ok(vec![]));
    assert_eq!(reader.receive(b"\x90"), Err(ProtocolError::TextNotUtf8));

    assert_eq!(Reader::client().fails(b"\x81\x01\xff"), ProtocolError::TextNotUtf8);
    assert_eq!(Reader::client().fails(b"\x01\x01\xc3\x80\x00"), ProtocolError::TextNotUtf8);
    assert_eq!(Reader::client().receive(b"\x01\x01\xc3\x80\x01\xa9"), Ok(vec![text("é")]));
}

#[test]
fn limits_hold_before_the_payload_arrives() {
    let small = Limits::default().message(10).fragments(2);
    let reader = || Reader::client().limited(small.clone());
    let too_big = ProtocolError::MessageTooBig { limit: 10 };
    assert_eq!(reader().receive(b"\x82\x0a0123456789"), Ok(vec![binary(b"0123456789")]));
    assert_eq!(reader().fails(b"\x82\x0b"), too_big);
    assert_eq!(reader().fails(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), too_big);
    assert_eq!(reader().fails(b"\x02\x0a0123456789\x80\x01"), too_big);
    assert_eq!(reader().fails(b"\x02\x00\x00\x00\x80\x00"), ProtocolError::TooManyFragments { limit: 2 });
    assert_eq!(reader().receive(b"\x02\x00\x80\x00"), Ok(vec![binary(b"")]));
}

#[test]
fn a_declared_length_takes_no_memory() {
    let mut reader = Reader::client().limited(Limits::default().message(usize::MAX));
    reader.receive(b"\x82\x7f\x40\0\0\0\0\0\0\0abc").unwrap();
    let Some(Partial::Message(Arriving { message, position: Position::Fragment(fragment) })) =
        reader.decoder.partial.as_deref_mut()
    else {
        panic!("not in a frame")
    };
    assert_eq!(fragment.remaining, (1 << 62) - 3);
    assert!(message.room(usize::MAX).is_some_and(|room| bytes::BufMut::remaining_mut(&room) <= 64 << 10));
}

#[test]
fn a_large_binary_payload_is_read_straight_into_its_message() {
    let payload: Vec<u8> = (0..200_000u32).map(|i| i.to_le_bytes()[0]).collect();
    let key = [9, 8, 7, 6];
    let mut masked = payload.clone();
    Mask::new(key).apply(&mut masked);
    let mut stream = Vec::new();
    let kind = FrameKind::Data { opcode: DataOpcode::Binary, fin: true, len: payload.len() as u64 };
    Header { kind, reserved: ReservedBits::NONE, masking_key: Some(key) }.encode(&mut stream);
    stream.extend_from_slice(&masked[..101]);

    let mut reader = Reader::server();
    assert_eq!(reader.receive(&stream), Ok(vec![]));
    let mut from = 101;
    let mut direct_reads = 0;
    while let Some(mut room) = reader.decoder.payload_room() {
        let count = bytes::BufMut::remaining_mut(&room).min(33_333);
        bytes::BufMut::put_slice(&mut room, &masked[from..from + count]);
        from += count;
        direct_reads += 1;
        assert_eq!(reader.receive(b""), Ok(vec![]));
    }
    assert!(direct_reads >= 5 && payload.len() - from < 32 << 10);
    assert_eq!(reader.receive(&masked[from..]), Ok(vec![binary(&payload)]));
}

#[test]
fn text_and_small_payloads_are_not_read_past_the_buffer() {
    let mut reader = Reader::client();
    reader.receive(b"\x81\x7f\0\0\0\0\0\x0f\0\0abc").unwrap();
    assert!(reader.decoder.payload_room().is_none(), "text has to be checked as it arrives");
    let mut reader = Reader::client();
    reader.receive(b"\x82\x7e\x70\0abc").unwrap();
    assert!(reader.decoder.payload_room().is_none(), "28 KiB do not justify a separate read");
}

#[test]
fn after_stop_everything_is_discarded() {
    let mut reader = Reader::client();
    reader.receive(b"\x01\x01a").unwrap();
    reader.decoder.stop();
    assert_eq!(reader.receive(b"\x80\x01b\xff\xff\xff"), Ok(vec![]));
}

#[test]
fn close_frames_are_read_strictly() {
    assert_eq!(Reader::client().receive(b"\x88\x00"), Ok(vec![Event::Close(None)]));
    assert_eq!(Reader::client().fails(b"\x88\x01\x03"), ProtocolError::CloseTooShort);
    assert_eq!(Reader::client().fails(b"\x88\x02\x03\xee"), ProtocolError::CloseCode(1006));
    assert_eq!(Reader::client().fails(b"\x88\x03\x03\xe8\xff"), ProtocolError::CloseReasonNotUtf8);
}

/// netty#14118: the reason of a Close frame inside a fragmented text was taken for a part of the text.
#[test]
fn a_close_frame_amid_a_text_is_not_a_part_of_it() {
    // The text has begun a character of two bytes; the code of the Close frame must not become its second byte.
    let events = Reader::client().receive(b"\x01\x02a\xc3\x88\x05\x03\xe8end");
    let frame = CloseFrame::new(1000, "end").unwrap();
    assert_eq!(events, Ok(vec![Event::Close(Some(frame))]));
}
