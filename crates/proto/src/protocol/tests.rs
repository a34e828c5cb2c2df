mod compressed;
mod parts;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::assembler::MessageKind;
use crate::close_code::CloseCode;
use crate::closed::By;
use crate::error::SendError;
use crate::limits::{Keepalive, Limits};
use crate::liveness::GivingUp;
use crate::sending::Last;

/// One endpoint, and a transcript of its events.
struct End {
    protocol: Protocol,
    events: Vec<Result<Event<'static>, ProtocolError>>,
}

fn server() -> End {
    End::new(Role::Server, Limits::default())
}

/// A client with known masking keys: with seed 0, `take_sent` removes them.
fn client() -> End {
    End::new(Role::Client, Limits::default())
}

impl End {
    fn new(role: Role, limits: Limits) -> End {
        let protocol =
            Protocol::new(role, Arc::new(Config::new(limits))).with_masking_keys(MaskingKeys::seeded(0));
        End { protocol, events: Vec::new() }
    }

    fn receive(&mut self, bytes: &[u8]) -> &mut End {
        let mut bytes = bytes.to_vec();
        let mut received = Received::new(&mut bytes);
        loop {
            match self.protocol.next_event(&mut received) {
                Ok(Some(event)) => self.events.push(Ok(event.into_owned())),
                Ok(None) => break,
                Err(error) => self.events.push(Err(error)),
            }
        }
        assert!(received.is_empty());
        self
    }

    fn expect(&mut self, event: Event<'_>) -> &mut End {
        assert!(!self.events.is_empty(), "no event, expected {event:?}");
        assert_eq!(self.events.remove(0), Ok(event.into_owned()));
        self
    }

    fn expect_error(&mut self, error: ProtocolError) -> &mut End {
        assert!(!self.events.is_empty(), "no event, expected {error:?}");
        assert_eq!(self.events.remove(0), Err(error));
        self
    }

    fn expect_silence(&mut self) -> &mut End {
        assert_eq!(self.events, []);
        self
    }

    fn take_sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while self.protocol.queued() > 0 {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = self.protocol.transmit(&mut slices);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            self.protocol.transmitted(bytes.len());
            sent.extend(bytes);
        }
        sent
    }

    fn expect_sent(&mut self, expected: &[u8]) -> &mut End {
        let sent = self.take_sent();
        assert_eq!(sent, expected, "{}", sent.escape_ascii());
        self
    }
}

fn frame(code: u16, reason: &str) -> Option<CloseFrame> {
    Some(CloseFrame::new(code, reason).unwrap())
}

#[test]
fn a_server_says_hello_unmasked() {
    let mut end = server();
    end.protocol.send_text("Hello").unwrap();
    end.protocol.send_binary(b"\x00\xff").unwrap();
    end.protocol.send_bytes(MessageKind::Text, Bytes::from_static(b"x")).unwrap();
    end.expect_sent(b"\x81\x05Hello\x82\x02\x00\xff\x81\x01x");
}

#[test]
fn a_client_masks_each_frame_with_a_key_of_its_own() {
    let mut end = client();
    end.protocol.send_binary(&[0; 4]).unwrap();
    end.protocol.send_binary(&[0; 4]).unwrap();
    let sent = end.take_sent();
    // Four zero bytes, masked, are the key.
    let (first, second) = sent.split_at(10);
    assert_eq!((&first[..2], &first[2..6]), (&b"\x82\x84"[..], &first[6..]));
    assert_eq!((&second[..2], &second[2..6]), (&b"\x82\x84"[..], &second[6..]));
    assert_ne!(first[2..6], second[2..6]);
}

#[test]
fn pings_are_answered_in_order_and_told() {
    let mut end = server();
    end.receive(b"\x89\x81\0\0\0\0a\x89\x80\0\0\0\0\x8a\x81\0\0\0\0p");
    end.expect(Event::Ping(b"a"[..].into()))
        .expect(Event::Ping(b""[..].into()))
        .expect(Event::Pong(b"p"[..].into()));
    end.expect_silence().expect_sent(b"\x8a\x01a\x8a\x00");
}

#[test]
fn pings_that_pile_up_behind_a_full_queue_get_one_answer_the_newest() {
    let mut end = End::new(Role::Server, Limits::default().control_replies(8));
    end.protocol.send_text("12345678").unwrap();
    for name in [b"a", b"b", b"c"] {
        end.receive(&[b"\x89\x81\0\0\0\0", &name[..]].concat());
    }
    assert_eq!(end.protocol.queued(), 10);
    end.expect_sent(b"\x81\x0812345678\x8a\x01c");
}

#[test]
fn own_pings_and_pongs_carry_at_most_125_bytes() {
    let mut end = server();
    assert_eq!(end.protocol.send_ping(&[0; 126]), Err(SendError::ControlTooLong));
    assert_eq!(end.protocol.send_pong(&[0; 126]), Err(SendError::ControlTooLong));
    end.protocol.send_ping(b"hi").unwrap();
    end.protocol.send_pong(&[]).unwrap();
    end.expect_sent(b"\x89\x02hi\x8a\x00");
}

#[test]
fn fragments_are_sent_with_control_frames_between_and_no_other_message() {
    let mut end = server();
    end.protocol.send_fragment(MessageKind::Text, b"one ", Last::No).unwrap();
    assert_eq!(end.protocol.unfinished_message(), Some(MessageKind::Text));
    assert_eq!(end.protocol.send_text("other"), Err(SendError::MessageUnfinished));
    assert_eq!(end.protocol.send_bytes(MessageKind::Binary, Bytes::new()), Err(SendError::MessageUnfinished));
    end.protocol.send_ping(b"").unwrap();
    end.protocol.send_fragment(MessageKind::Binary, b"two ", Last::No).unwrap();
    assert_eq!(
        end.protocol.unfinished_message(),
        Some(MessageKind::Text),
        "only the first fragment sets the kind"
    );
    end.protocol.send_fragment(MessageKind::Text, b"three", Last::Yes).unwrap();
    assert_eq!(end.protocol.unfinished_message(), None);
    end.protocol.send_fragment(MessageKind::Binary, b"!", Last::Yes).unwrap();
    end.expect_sent(b"\x01\x04one \x89\x00\x00\x04two \x80\x05three\x82\x01!");
}

#[test]
fn the_peer_closes_and_the_server_ends_the_transport() {
    let mut end = server();
    end.receive(b"\x88\x85\0\0\0\0\x03\xe9bye");
    end.expect(Event::Close(frame(1001, "bye")));
    assert!(!end.protocol.wants_shutdown(), "the Close frame has not been written");
    end.expect_sent(b"\x88\x05\x03\xe9bye");
    assert!(end.protocol.wants_shutdown() && !end.protocol.is_over());
    end.protocol.receive_eof();
    assert!(end.protocol.is_over());
    let closed = end.protocol.closed().unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (CloseCode::GOING_AWAY, "bye"));
    assert_eq!((closed.by, closed.clean), (By::Peer, true));
}

#[test]
fn a_client_too_answers_with_code_and_reason() {
    let mut end = client();
    end.receive(b"\x88\x05\x0f\xa1bye").expect(Event::Close(frame(4001, "bye")));
    let mut sent = end.take_sent();
    let (header, payload) = sent.split_at_mut(6);
    for (byte, key) in payload.iter_mut().zip(header[2..].iter().cycle()) {
        *byte ^= key;
    }
    assert_eq!((&header[..2], &*payload), (&b"\x88\x85"[..], &b"\x0f\xa1bye"[..]));
}

#[test]
fn the_longest_reason_is_answered_whole() {
    let mut end = server();
    let payload = [&b"\x03\xe8"[..], &[b'x'; CloseFrame::MAX_REASON]].concat();
    end.receive(&[&b"\x88\xfd\0\0\0\0"[..], &payload].concat());
    end.expect_sent(&[&b"\x88\x7d"[..], &payload].concat());
}

#[test]
fn a_close_code_that_must_not_be_sent_is_answered_with_1002_and_not_echoed() {
    let mut end = server();
    end.receive(b"\x88\x85\0\0\0\0\x03\xeebye").expect_error(ProtocolError::CloseCode(1006));
    let sent = end.take_sent();
    assert_eq!((sent[0], &sent[2..4]), (0x88, &b"\x03\xea"[..]), "{}", sent.escape_ascii());
    assert!(!sent.ends_with(b"bye"));
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    let mut end = server();
    end.receive(b"\x88\x80\0\0\0\0").expect(Event::Close(None)).expect_sent(b"\x88\x00");
    assert_eq!(end.protocol.closed().map(|closed| closed.code), Some(CloseCode::NO_STATUS));
}

#[test]
fn a_client_closes_once_and_waits_for_the_server_to_end_the_transport() {
    let mut end = client();
    end.protocol.close(frame(1000, ""));
    end.protocol.close(frame(4000, "again"));
    assert_eq!(end.take_sent().len(), 8);
    assert!(end.protocol.closed().is_none());
    end.receive(b"\x81\x04late\x88\x02\x03\xe8");
    end.expect(Event::Text("late".into())).expect(Event::Close(frame(1000, ""))).expect_sent(b"");
    assert!(!end.protocol.wants_shutdown());
    end.protocol.receive_eof();
    let closed = end.protocol.closed().unwrap();
    assert_eq!((closed.code, closed.by, closed.clean), (CloseCode::NORMAL, By::Local, true));
}

#[test]
fn nothing_is_sent_after_a_close_frame() {
    let mut end = server();
    end.protocol.close(None);
    end.receive(b"\x89\x80\0\0\0\0").expect(Event::Ping(b""[..].into()));
    assert_eq!(end.protocol.send_text(""), Err(SendError::Closed));
    assert_eq!(end.protocol.send_binary(b""), Err(SendError::Closed));
    assert_eq!(end.protocol.send_bytes(MessageKind::Binary, Bytes::new()), Err(SendError::Closed));
    assert_eq!(end.protocol.send_fragment(MessageKind::Text, b"", Last::Yes), Err(SendError::Closed));
    assert_eq!(end.protocol.send_ping(b""), Err(SendError::Closed));
    assert_eq!(end.protocol.send_pong(b""), Err(SendError::Closed));
    end.expect_sent(b"\x88\x00");
}

#[test]
fn a_failure_is_told_once_with_its_code_and_the_rest_is_discarded() {
    let mut end = server();
    end.receive(b"\x81\x80\0\0\0\0\x83\x80\0\0\0\0\x81\x80\0\0\0\0");
    end.receive(b"\x81\x80\0\0\0\0garbage");
    end.expect(Event::Text("".into())).expect_error(ProtocolError::ReservedOpcode(3)).expect_silence();
    end.expect_sent(b"\x88\x16\x03\xeaopcode 3 is reserved");
    assert!(end.protocol.wants_shutdown());
    assert_eq!(end.protocol.send_text("late"), Err(SendError::Closed));
    end.protocol.receive_eof();
    let closed = end.protocol.closed().unwrap();
    assert_eq!((closed.code, closed.by, closed.clean), (CloseCode::PROTOCOL_ERROR, By::Local, false));
}

#[test]
fn frames_behind_the_peers_close_are_discarded_not_parsed() {
    let mut end = server();
    end.receive(b"\x88\x80\0\0\0\0\x83\xff\xff").expect(Event::Close(None)).expect_silence();
    assert_eq!(end.protocol.closed().map(|closed| closed.clean), Some(true));
}

#[test]
fn a_failure_after_our_close_sends_no_second_one() {
    let mut end = server();
    end.protocol.close(None);
    end.receive(b"\x81\x00").expect_error(ProtocolError::NotMasked).expect_sent(b"\x88\x00");
    assert!(end.protocol.wants_shutdown());
}

#[test]
fn a_transport_that_vanishes_is_an_end_that_is_not_clean() {
    let mut end = server();
    end.receive(b"\x01\x81\0\0\0\0a");
    end.protocol.receive_eof();
    assert!(end.protocol.is_over());
    assert_eq!(end.protocol.closed(), Some(&Closed::lost()));
    assert_eq!(end.protocol.send_text(""), Err(SendError::Closed));
}

#[test]
fn the_closing_handshake_has_a_deadline_that_starts_when_the_time_is_first_told() {
    let start = Instant::now();
    let limit = Duration::from_secs(5);
    let mut end = End::new(Role::Client, Limits::default().close_time(limit));
    assert_eq!(end.protocol.poll_timeout(start), Some(start + 30 * SECOND), "keepalive");
    end.protocol.close(None);
    assert_eq!(end.protocol.poll_timeout(start), Some(start + limit));
    assert_eq!(end.protocol.poll_timeout(start + limit / 2), Some(start + limit));
    end.protocol.handle_timeout(start + limit - Duration::from_nanos(1));
    assert!(!end.protocol.is_over());
    end.protocol.handle_timeout(start + limit);
    assert_eq!(end.protocol.closed(), Some(&Closed::unanswered()));
    assert_eq!(end.protocol.poll_timeout(start + limit), None);
}

#[test]
fn times_may_be_longer_than_a_clock_counts() {
    let (start, never) = (Instant::now(), Duration::MAX);
    let mut limits = Limits::default().keepalive(Keepalive::every(never).within(never)).close_time(never);
    limits.idle_time = Some(never);
    let decades = start + 500_000_000 * SECOND..start + 1_000_000_000 * SECOND;
    let mut end = End::new(Role::Client, limits);
    assert!(end.protocol.poll_timeout(start).is_some_and(|at| decades.contains(&at)));
    end.receive(b"\x01\x01a");
    end.protocol.heard(start);
    end.protocol.handle_timeout(start);
    assert!(end.protocol.is_open());
    end.protocol.close(None);
    assert!(end.protocol.poll_timeout(start).is_some_and(|at| decades.contains(&at)));
}

#[test]
fn a_server_that_does_not_end_the_transport_is_given_up_and_the_end_stays_clean() {
    let start = Instant::now();
    let mut end = client();
    end.protocol.close(None);
    end.receive(b"\x88\x00");
    let deadline = end.protocol.poll_timeout(start).unwrap();
    end.protocol.handle_timeout(deadline);
    assert!(end.protocol.is_over() && end.protocol.closed().is_some_and(|closed| closed.clean));
}

#[test]
fn an_observer_sees_every_frame_both_ways() {
    use std::sync::Mutex;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let observer = crate::config::FrameObserver::new(move |frame| {
        let payload = String::from_utf8_lossy(frame.control_payload).into_owned();
        let line = format!(
            "{:?} {} {} {payload}",
            frame.direction,
            frame.header.opcode(),
            frame.header.payload_len()
        );
        log.lock().unwrap().push(line.trim_end().to_owned());
    });
    assert_eq!(format!("{observer:?}"), "FrameObserver");
    let config = Config { observer: Some(observer), ..Config::default() };
    let mut end = server();
    end.protocol = Protocol::new(Role::Server, Arc::new(config));
    end.receive(b"\x01\x81\0\0\0\0a\x89\x82\0\0\0\0hi\x80\x81\0\0\0\0b");
    end.protocol.close(None);
    let expected = [
        "Received text 1",
        "Received ping 2 hi",
        "Sent pong 2 hi",
        "Received continuation 1",
        "Sent close 0",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn room_for_a_payload_is_never_empty() {
    let mut end = server();
    assert!(end.protocol.payload_room().is_none());
    end.receive(b"\x82\xff\0\0\0\0\0\x0f\0\0\0\0\0\0abc");
    let mut room = end.protocol.payload_room().unwrap();
    let count = room.remaining_mut();
    assert!(count > 0);
    room.put_bytes(1, count);
    end.receive(b"").expect_silence();
    assert_eq!(end.protocol.role(), Role::Server);
    assert_eq!(end.protocol.config().limits, Limits::default());
}

#[test]
fn a_large_frame_is_worth_larger_reads_until_most_of_it_has_come() {
    let mut end = client();
    end.receive(b"\x81\x7f\0\0\0\0\0\x01\0\0");
    assert!(end.protocol.is_amid_large_frame());
    end.receive(&[b'x'; 32 << 10]);
    assert!(end.protocol.is_amid_large_frame());
    end.receive(b"x");
    assert!(!end.protocol.is_amid_large_frame());
}

#[test]
fn a_preface_goes_out_before_the_first_frame() {
    let mut end = server();
    end.protocol = Protocol::new(Role::Server, Arc::default()).with_preface(b"HTTP/1.1 101 ...\r\n\r\n");
    end.protocol.send_text("hi").unwrap();
    end.expect_sent(b"HTTP/1.1 101 ...\r\n\r\n\x81\x02hi");
}

const SECOND: Duration = Duration::from_secs(1);

/// The first numbered ping of a server, and a client's pong to it.
const PING_1: &[u8] = b"\x89\x08\0\0\0\0\0\0\0\x01";
const PONG_1: &[u8] = b"\x8a\x88\0\0\0\0\0\0\0\0\0\0\0\x01";

#[test]
fn a_peer_that_does_not_close_is_about_to_be_given_up_when_the_time_for_it_is_up() {
    let start = Instant::now();
    let mut end = End::new(Role::Client, Limits::default().close_time(5 * SECOND));
    end.protocol.close(None);
    end.protocol.poll_timeout(start);
    assert_eq!(end.protocol.giving_up(start + 4 * SECOND), None);
    assert_eq!(end.protocol.giving_up(start + 5 * SECOND), Some(GivingUp::Unclosed));
    end.receive(b"\x88\0").expect(Event::Close(None));
    assert_eq!(end.protocol.giving_up(start + 5 * SECOND), None, "the peer has closed");
}

/// However the bytes are split, and however many of them are parsed.
#[test]
fn a_pong_is_found_among_what_is_not_parsed() {
    let bytes = [
        &b"\x81\x85\x01\x02\x03\x04hello"[..],
        b"\x89\x81\x01\x02\x03\x04x",
        b"\x02\xfe\x01\0\0\0\0\0",
        &[7; 256],
        PONG_1,
        b"\x80\x80\0\0\0\0",
    ]
    .concat();
    let pong_ends = bytes.len() - 6;
    for parsed in 0..pong_ends {
        let mut end = server();
        assert_eq!(end.protocol.send_numbered_ping(), Ok(1));
        end.receive(&bytes[..parsed]);
        let mut from = 0;
        for arrived in parsed..bytes.len() {
            from = end.protocol.look_for_pongs(&bytes[parsed..arrived], from);
            assert_eq!(
                end.protocol.is_answered(1),
                arrived >= pong_ends,
                "{parsed} of {arrived} bytes parsed"
            );
        }
    }
}

#[test]
fn what_is_wrong_with_a_frame_is_left_to_who_parses_it() {
    let mut end = server();
    end.protocol.send_numbered_ping().unwrap();
    for bytes in [&b"\xff\xff"[..], b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", b""] {
        let from = end.protocol.look_for_pongs(bytes, 0);
        end.protocol.look_for_pongs(bytes, from);
    }
    assert!(!end.protocol.is_answered(1));
}

#[test]
fn a_silent_peer_is_pinged_and_given_up_if_it_stays_silent() {
    let start = Instant::now();
    let keepalive = Keepalive::every(10 * SECOND).within(3 * SECOND);
    let mut end = End::new(Role::Server, Limits::default().keepalive(keepalive));
    assert!(end.protocol.keeps_time());
    assert_eq!(end.protocol.poll_timeout(start), Some(start + 10 * SECOND));
    end.protocol.handle_timeout(start + 10 * SECOND);
    end.expect_sent(PING_1);
    assert_eq!(end.protocol.poll_timeout(start + 11 * SECOND), Some(start + 14 * SECOND));
    end.protocol.handle_timeout(start + 14 * SECOND);
    assert_eq!(end.protocol.closed(), Some(&Closed::lost()));
}

#[test]
fn a_pong_keeps_the_connection() {
    let start = Instant::now();
    let keepalive = Keepalive::every(10 * SECOND).within(3 * SECOND);
    let mut end = End::new(Role::Server, Limits::default().keepalive(keepalive));
    end.protocol.poll_timeout(start);
    end.protocol.handle_timeout(start + 10 * SECOND);
    end.expect_sent(PING_1);
    assert_eq!(end.protocol.poll_timeout(start + 10 * SECOND), Some(start + 13 * SECOND));
    end.protocol.heard(start + 11 * SECOND);
    end.receive(PONG_1).expect(Event::Pong(b"\0\0\0\0\0\0\0\x01"[..].into()));
    end.protocol.handle_timeout(start + 19 * SECOND);
    assert!(end.protocol.is_open());
    assert_eq!(end.protocol.poll_timeout(start + 19 * SECOND), Some(start + 20 * SECOND));
}

#[test]
fn a_driver_can_look_once_more_before_a_silent_peer_is_given_up() {
    let start = Instant::now();
    let keepalive = Keepalive::every(10 * SECOND).within(3 * SECOND);
    let mut end = End::new(Role::Server, Limits::default().keepalive(keepalive));
    end.protocol.poll_timeout(start);
    end.protocol.handle_timeout(start + 10 * SECOND);
    assert_eq!(end.protocol.giving_up(start + 22 * SECOND), None, "the ping has not been written");
    assert_eq!(end.protocol.giving_up(start + 23 * SECOND), Some(GivingUp::Stuck));
    end.expect_sent(PING_1);
    end.protocol.poll_timeout(start + 10 * SECOND);
    assert_eq!(end.protocol.giving_up(start + 12 * SECOND), None);
    assert_eq!(end.protocol.giving_up(start + 13 * SECOND), Some(GivingUp::Silent));
    end.protocol.heard(start + 13 * SECOND);
    assert_eq!(end.protocol.giving_up(start + 13 * SECOND), None);
    end.protocol.handle_timeout(start + 13 * SECOND);
    assert!(end.protocol.is_open());
}

#[test]
fn the_round_trip_is_from_when_the_ping_was_written_to_when_its_pong_came() {
    let start = Instant::now();
    let keepalive = Keepalive::every(10 * SECOND).within(30 * SECOND);
    let mut end = End::new(Role::Server, Limits::default().keepalive(keepalive));
    end.protocol.poll_timeout(start);
    end.protocol.handle_timeout(start + 10 * SECOND);
    end.expect_sent(PING_1);
    end.protocol.poll_timeout(start + 12 * SECOND);
    end.protocol.heard(start + 15 * SECOND);
    end.receive(b"\x8a\x81\0\0\0\0x").expect(Event::Pong(b"x"[..].into()));
    end.receive(b"\x8a\x80\0\0\0\0").expect(Event::Pong(b""[..].into()));
    assert_eq!(end.protocol.round_trip(), None, "the pongs were unsolicited");
    end.receive(PONG_1).expect(Event::Pong(b"\0\0\0\0\0\0\0\x01"[..].into()));
    assert_eq!(end.protocol.round_trip(), Some(3 * SECOND));
}

#[test]
fn a_connection_without_messages_is_closed_as_idle_unless_one_is_arriving() {
    let start = Instant::now();
    let limits = Limits::default().keepalive(None).idle_time(5 * SECOND);
    let mut end = End::new(Role::Server, limits);
    end.protocol.poll_timeout(start);
    end.receive(b"\x01\x81\0\0\0\0a").expect_silence();
    end.protocol.heard(start + 4 * SECOND);
    end.protocol.handle_timeout(start + 5 * SECOND);
    assert!(end.protocol.is_open(), "half a message had arrived");
    end.receive(b"\x80\x80\0\0\0\0").expect(Event::Text("a".into()));
    assert_eq!(end.protocol.poll_timeout(start + 6 * SECOND), Some(start + 11 * SECOND));
    end.protocol.handle_timeout(start + 11 * SECOND);
    end.expect_sent(b"\x88\x06\x03\xe9idle");
}

#[test]
fn what_is_held_is_what_has_arrived_and_what_waits() {
    let mut end = server();
    end.receive(b"\x02\x83\0\0\0\0abc").expect_silence();
    let held = end.protocol.held();
    assert!((3..100).contains(&held), "{held}");
    end.protocol.send_binary(&[0; 1000]).unwrap();
    let with_message = end.protocol.held();
    assert!((held + 1004..held + 1100).contains(&with_message), "{with_message}");
}

#[test]
fn a_connection_that_is_shed_is_told_why_and_gives_back_what_it_holds() {
    let mut end = server();
    end.receive(b"\x02\x83\0\0\0\0abc").expect_silence();
    end.protocol.shed();
    end.expect_sent(b"\x88\x1d\x03\xf5this end is short of memory");
    assert_eq!(end.protocol.held(), 0);
    end.receive(b"\x80\x80\0\0\0\0").expect_silence();
    let mut slow = server();
    slow.protocol.shed_slow();
    slow.expect_sent(b"\x88\x2c\x03\xf5messages are not read as fast as they come");
}

/// A server holds one per connection, and most connections are idle.
#[test]
fn an_idle_connection_is_small() {
    let bytes = size_of::<Protocol>();
    assert!(bytes <= 232, "{bytes} bytes");
}

/// Every connection has one, and a server may have a million connections.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_protocol_between_two_messages_is_small() {
    assert_eq!(size_of::<Protocol>(), 120);
}
