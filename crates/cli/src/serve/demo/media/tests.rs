use longwire::{Limits, Stage, StageClient};

use super::*;

const ROOM: &str = "/demo/media/room/lobby";
const START: &str = r#"{"type":"start","format":{"video":{"codec":"vp8","width":640,"height":360},"audio":{"codec":"opus","rate":48000}}}"#;

fn media() -> Media {
    let (rooms, statistics) = (Arc::new(Rooms::new()), Arc::new(Statistics::new()));
    Media { rooms, statistics, access: AccessLog { is_on: false } }
}

fn stage() -> Stage {
    Stage::routes().route(PATH, media()).start().unwrap()
}

fn piece(flags: u8, content: &[u8]) -> Vec<u8> {
    [&[flags][..], &[0; 8], content].concat()
}

/// The contents of the pieces that have come, and the texts.
fn contents(client: &StageClient) -> Vec<String> {
    let content = |message: Message| match message {
        Message::Text(text) => text.as_str().to_owned(),
        Message::Binary(piece) => String::from_utf8_lossy(&piece[17..]).into_owned(),
    };
    client.received().into_iter().map(content).collect()
}

fn code(client: &StageClient) -> Option<u16> {
    client.closed().map(|closed| closed.code.into())
}

/// Sends the same until the server closes.
fn flood(client: &StageClient, message: impl Into<Message>) -> Option<u16> {
    let message = message.into();
    for _ in 0..2_000 {
        if client.closed().is_some() {
            break;
        }
        client.send(message.clone());
    }
    code(client)
}

#[test]
fn who_comes_late_gets_the_key_frame_at_once() {
    let mut stage = stage();
    let sender = stage.connect(ROOM).unwrap();
    sender.send(START);
    for (flags, content) in [(2, "old"), (2, "key"), (0, "delta"), (1, "sound")] {
        sender.send(piece(flags, content.as_bytes()));
    }
    let viewer = stage.connect(ROOM).unwrap();
    let received = contents(&viewer);
    assert!(received[0].contains(r#""sender":"another","viewers":1,"#), "{received:?}");
    assert_eq!(received[1..], ["key", "delta", "sound"]);
    sender.send(piece(0, b"live"));
    assert_eq!(contents(&viewer), ["live"]);
    assert!(contents(&sender).iter().all(|text| text.contains(r#""type":"state""#)));
    assert!(contents(&stage.connect("/demo/media/room/other").unwrap())[0].contains("nobody"));
}

#[test]
fn a_viewer_that_does_not_acknowledge_gets_no_more_than_its_window() {
    let mut stage = stage();
    let (sender, viewer) = (stage.connect(ROOM).unwrap(), stage.connect(ROOM).unwrap());
    sender.send(START);
    contents(&viewer);
    sender.send(piece(2, b"first"));
    for _ in 0..30 {
        sender.send(piece(0, &[b'x'; 10_000]));
    }
    let first = contents(&viewer);
    assert!((4..6).contains(&first.len()), "{} pieces", first.len());
    viewer.send(format!(r#"{{"type":"ack","number":{}}}"#, first.len() - 1));
    assert_eq!(contents(&viewer).len(), 4);
}

#[test]
fn a_viewer_whose_queue_is_full_goes_on_when_it_drains() {
    let mut stage = Stage::routes().route(PATH, media()).limits(high_water(4_096)).start().unwrap();
    let (sender, viewer) = (stage.connect(ROOM).unwrap(), stage.connect(ROOM).unwrap());
    sender.send(START);
    contents(&viewer);
    viewer.stop_reading();
    for number in 0..40_u8 {
        sender.send(piece(if number == 0 { 2 } else { 0 }, &[b'x'; 700]));
    }
    viewer.resume_reading();
    stage.advance(Duration::from_millis(10));
    assert_eq!(contents(&viewer).len(), 40);
}

fn high_water(bytes: usize) -> Limits {
    let mut limits = Limits::default();
    (limits.high_water, limits.low_water) = (bytes, bytes / 4);
    limits
}

#[test]
fn one_sends_at_a_time_and_the_others_are_told() {
    let mut stage = stage();
    let (first, second) = (stage.connect(ROOM).unwrap(), stage.connect(ROOM).unwrap());
    first.send(START);
    contents(&second);
    second.send(START);
    assert_eq!(contents(&second), [r#"{"type":"busy"}"#]);
    drop(first);
    assert!(contents(&second)[0].contains(r#""sender":"nobody""#));
    second.send(START);
    assert!(contents(&second)[0].contains(r#""sender":"you""#));
}

#[test]
fn clocks_are_compared() {
    let mut stage = stage();
    let client = stage.connect(ROOM).unwrap();
    contents(&client);
    client.send(r#"{"type":"time","sent":12.5}"#);
    let answer = contents(&client).remove(0);
    assert!(answer.starts_with(r#"{"type":"time","sent":12.5,"now":"#), "{answer}");
}

#[test]
fn nonsense_is_closed() {
    let number = r#"{"type":"ack","number":7}"#.to_owned();
    let long = format!("{START}{}", " ".repeat(600));
    let texts = ["".to_owned(), "{}".into(), number, long].map(Message::from);
    let pieces = [vec![], vec![9; 20], piece(0, b"")].map(Message::from);
    let bad = texts.into_iter().chain(pieces).map(|message| (message, 1008));
    let too_large = (piece(2, &[0; LARGEST_PIECE]).into(), 1009);
    for (nonsense, closed) in bad.chain([too_large]) {
        let mut stage = stage();
        let client = stage.connect(ROOM).unwrap();
        client.send(nonsense.clone());
        assert_eq!(code(&client), Some(closed), "{nonsense}");
    }
}

#[test]
fn floods_are_closed() {
    let mut stage = stage();
    let client = stage.connect(ROOM).unwrap();
    assert_eq!(flood(&client, r#"{"type":"stop"}"#), Some(1008));
    let client = stage.connect(ROOM).unwrap();
    client.send(START);
    assert_eq!(flood(&client, piece(2, &[0; 100_000])), Some(1008));
}

#[test]
fn rooms_are_limited_in_number_names_and_guests() {
    let mut stage = stage();
    for name in ["", "%20", &"a".repeat(33), "a%2Fb"] {
        assert!(stage.connect(&format!("/demo/media/room/{name}")).is_err(), "{name}");
    }
    let guests: Vec<_> = (0..room::MOST_GUESTS).map(|_| stage.connect(ROOM).unwrap()).collect();
    assert_eq!(code(&stage.connect(ROOM).unwrap()), Some(1013));
    let path = |number: usize| format!("/demo/media/room/{number}");
    let others: Vec<_> = (1..MOST_ROOMS).map(|number| stage.connect(&path(number)).unwrap()).collect();
    assert!(stage.connect(&path(99)).is_err());
    assert!(stage.connect(&path(1)).is_ok());
    drop((guests, others));
    stage.advance(Duration::from_millis(1));
    assert!(stage.connect(&path(99)).is_ok(), "empty rooms are gone");
}
