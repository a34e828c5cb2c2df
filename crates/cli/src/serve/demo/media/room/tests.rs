use super::super::message::{VideoCodec, VideoFormat};
use super::*;

const SENDER: GuestId = GuestId(1);
const VIEWER: GuestId = GuestId(2);
const VIDEO: MediaFormat =
    MediaFormat { video: Some(VideoFormat { codec: VideoCodec::Vp8, width: 640, height: 360 }), audio: None };

const START: u8 = 2;
const CONTINUATION: u8 = 0;

fn at(milliseconds: u64) -> Moment {
    Duration::from_millis(milliseconds)
}

fn piece(flags: u8, size: usize) -> Vec<u8> {
    let mut piece = vec![0; 9 + size];
    piece[0] = flags;
    piece
}

/// A room in which somebody sends, and somebody views.
fn on_air() -> Room {
    let mut room = Room::default();
    assert!(room.enter() && room.enter());
    room.start(SENDER, VIDEO, at(0)).unwrap();
    room
}

/// The numbers of the pieces that the viewer gets now.
fn receive(room: &Room, reader: &mut PieceReader, now: Moment) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(delivery) = room.next(VIEWER, reader, now) {
        reader.take(&delivery);
        if let Delivery::Piece { number, .. } = delivery {
            numbers.push(number);
        }
    }
    numbers
}

fn push(room: &mut Room, flags: u8, size: usize, now: Moment) {
    room.push(SENDER, &piece(flags, size), now).unwrap();
}

#[test]
fn a_late_viewer_starts_at_the_newest_key_frame_and_misses_nothing_after_it() {
    let mut room = on_air();
    for flags in [START, CONTINUATION, START, CONTINUATION, CONTINUATION] {
        push(&mut room, flags, 100, at(10));
    }
    let mut reader = PieceReader::default();
    assert_eq!(receive(&room, &mut reader, at(20)), [2, 3, 4]);
    push(&mut room, CONTINUATION, 100, at(30));
    assert_eq!(receive(&room, &mut reader, at(30)), [5]);
}

#[test]
fn a_viewer_of_an_earlier_broadcast_starts_at_a_key_frame_of_the_next() {
    let mut room = on_air();
    push(&mut room, START, 100, at(10));
    let mut reader = PieceReader::default();
    assert_eq!(receive(&room, &mut reader, at(10)), [0]);
    room.start(SENDER, VIDEO, at(20)).unwrap();
    push(&mut room, CONTINUATION, 100, at(30));
    assert_eq!(receive(&room, &mut reader, at(30)), [0; 0]);
    push(&mut room, START, 100, at(40));
    assert_eq!(receive(&room, &mut reader, at(40)), [2]);
}

#[test]
fn without_a_key_frame_there_is_nothing_to_start_with() {
    let mut room = on_air();
    push(&mut room, CONTINUATION, 100, at(10));
    let mut reader = PieceReader::default();
    assert_eq!(receive(&room, &mut reader, at(10)), [0; 0]);
    push(&mut room, START, 100, at(20));
    assert_eq!(receive(&room, &mut reader, at(20)), [1]);
}

#[test]
fn a_viewer_gets_more_when_it_has_got_some() {
    let mut room = on_air();
    push(&mut room, START, 20_000, at(0));
    for _ in 0..3 {
        push(&mut room, CONTINUATION, 20_000, at(0));
    }
    let mut reader = PieceReader::default();
    assert_eq!(receive(&room, &mut reader, at(0)), [0, 1]);
    assert_eq!(receive(&room, &mut reader, at(0)), [0; 0]);
    reader.acknowledge(0).unwrap();
    assert_eq!(receive(&room, &mut reader, at(0)), [2]);
    reader.acknowledge(2).unwrap();
    assert_eq!(receive(&room, &mut reader, at(0)), [3]);
}

#[test]
fn small_pieces_are_bounded_by_their_number() {
    let mut room = on_air();
    push(&mut room, START, 1, at(0));
    for _ in 0..200 {
        push(&mut room, CONTINUATION, 1, at(0));
    }
    assert_eq!(receive(&room, &mut PieceReader::default(), at(0)).len(), WINDOW_PIECES);
}

#[test]
fn a_slow_viewer_skips_to_the_newest_key_frame() {
    let mut room = on_air();
    let mut reader = PieceReader::default();
    let mut now = 0;
    // A key frame each second, of ten pieces.
    for number in 0..40_u64 {
        now = number * 100;
        push(&mut room, if number % 10 == 0 { START } else { CONTINUATION }, 20_000, at(now));
        if number == 1 {
            assert_eq!(receive(&room, &mut reader, at(now)), [0, 1], "the window is full");
        }
    }
    reader.acknowledge(1).unwrap();
    assert_eq!(receive(&room, &mut reader, at(now)), [30, 31]);
    reader.acknowledge(31).unwrap();
    // It is late, but there is no newer one to start at.
    assert_eq!(receive(&room, &mut reader, at(now + 300)), [32, 33]);
}

#[test]
fn a_viewer_that_keeps_up_gets_everything() {
    let mut room = on_air();
    let mut reader = PieceReader::default();
    let mut got = Vec::new();
    for number in 0..100_u64 {
        let now = at(number * 40);
        push(&mut room, if number % 25 == 0 { START } else { CONTINUATION }, 3_000, now);
        let numbers = receive(&room, &mut reader, now);
        if let Some(last) = numbers.last() {
            reader.acknowledge(*last).unwrap();
        }
        got.extend(numbers);
    }
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[test]
fn what_a_room_keeps_is_bounded_and_a_viewer_whose_place_is_gone_starts_anew() {
    let mut room = on_air();
    let mut reader = PieceReader::default();
    push(&mut room, START, 100, at(0));
    assert_eq!(receive(&room, &mut reader, at(0)), [0]);
    for second in 1..=9 {
        push(&mut room, START, 120_000, at(second * 1_000));
        for _ in 0..200 {
            push(&mut room, CONTINUATION, 1_000, at(second * 1_000));
        }
        assert!(room.kept_bytes <= KEPT_BYTES && room.kept.len() <= KEPT_PIECES);
        assert_eq!(room.kept_bytes, room.kept.iter().map(|piece| piece.message.len()).sum::<usize>());
    }
    assert!(room.kept(1).is_none());
    assert_eq!(receive(&room, &mut reader, at(9_000)), [1 + 8 * 201]);
}

#[test]
fn what_a_room_keeps_is_bounded_in_bytes_too() {
    let mut room = on_air();
    for second in 0..20 {
        for _ in 0..4 {
            push(&mut room, START, 120_000, at(second * 1_000));
        }
    }
    assert!((KEPT_BYTES - 121_000..=KEPT_BYTES).contains(&room.kept_bytes), "{}", room.kept_bytes);
}

#[test]
fn one_sends_until_it_stops_leaves_or_is_silent() {
    let mut room = on_air();
    assert_eq!(room.start(VIEWER, VIDEO, at(100)), Err(Busy));
    push(&mut room, START, 10, at(1_000));
    assert_eq!(room.start(VIEWER, VIDEO, at(2_999)), Err(Busy));
    assert_eq!(room.start(VIEWER, VIDEO, at(3_000)), Ok(()));
    // The first one does not know it yet.
    assert_eq!(room.push(SENDER, &piece(START, 10), at(3_001)), Ok(()));
    assert!(room.kept.is_empty());
    assert_eq!(room.start(SENDER, VIDEO, at(3_100)), Err(Busy));
    room.stop(VIEWER);
    assert_eq!(room.start(SENDER, VIDEO, at(3_200)), Ok(()));
    room.leave(SENDER);
    assert_eq!(room.start(VIEWER, VIDEO, at(3_300)), Ok(()));
}

#[test]
fn everybody_knows_who_sends_before_the_first_piece() {
    let mut room = on_air();
    push(&mut room, START, 10, at(0));
    let mut reader = PieceReader::default();
    let delivery = room.next(VIEWER, &reader, at(0)).unwrap();
    let Delivery::State { notice, .. } = &delivery else { panic!("{delivery:?}") };
    assert_eq!(
        notice.json(),
        r#"{"type":"state","sender":"another","viewers":1,"format":{"video":{"codec":"vp8","width":640,"height":360},"audio":null}}"#
    );
    reader.take(&delivery);
    assert!(matches!(room.next(VIEWER, &reader, at(0)), Some(Delivery::Piece { number: 0, .. })));
    room.stop(SENDER);
    let Some(Delivery::State { notice, .. }) = room.next(VIEWER, &reader, at(0)) else { panic!("news") };
    assert_eq!(notice.json(), r#"{"type":"state","sender":"nobody","viewers":2}"#);
}

#[test]
fn a_sender_does_not_get_its_own_pieces() {
    let mut room = on_air();
    push(&mut room, START, 10, at(0));
    let mut reader = PieceReader::default();
    reader.take(&room.next(SENDER, &reader, at(0)).unwrap());
    assert_eq!(room.next(SENDER, &reader, at(0)), None);
}

#[test]
fn bad_pieces_and_acknowledgements_are_refused() {
    let mut room = on_air();
    for bad in [&[][..], &[0; 9], &[4; 20]] {
        assert_eq!(room.push(SENDER, bad, at(0)), Err(BadPiece::Malformed), "{bad:?}");
    }
    let mut reader = PieceReader::default();
    assert_eq!(reader.acknowledge(0), Err(NotSent));
    push(&mut room, START, 10, at(0));
    receive(&room, &mut reader, at(0));
    assert_eq!(reader.acknowledge(1), Err(NotSent));
    assert_eq!(reader.acknowledge(0), Ok(()));
    assert_eq!(reader.acknowledge(0), Ok(()), "twice is harmless");
}

#[test]
fn a_sender_that_sends_too_much_is_refused() {
    let mut room = on_air();
    let large = piece(START, 100_000);
    let accepted = (0..100).take_while(|_| room.push(SENDER, &large, at(0)).is_ok()).count();
    assert_eq!(accepted, 5);
    assert_eq!(room.push(SENDER, &large, at(1)), Err(BadPiece::TooMuch));
    assert_eq!(room.push(SENDER, &large, at(1_000)), Ok(()));
}

#[test]
fn a_room_has_a_limited_number_of_guests() {
    let mut room = Room::default();
    assert_eq!((0..100).filter(|_| room.enter()).count(), MOST_GUESTS);
    for guest in 0..24 {
        room.leave(GuestId(guest));
    }
    assert!(room.is_empty());
}
