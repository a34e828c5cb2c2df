use longwire::{Stage, StageClient};

use super::*;

const KEY: [u8; 8] = *b"a secret";

fn stage() -> (Stage, Arc<Arena>) {
    let arena = Arc::new(Arena::new(5));
    let game = Game {
        arena: Arc::clone(&arena),
        statistics: Arc::new(Statistics::new()),
        access: AccessLog { is_on: false },
    };
    let ticked = Arc::clone(&arena);
    let stage = Stage::routes().route(PATH, game).every(PERIOD, move |topics| ticked.tick(topics));
    (stage.start().unwrap(), arena)
}

fn join(name: &str) -> Vec<u8> {
    [&[1][..], &KEY, &[0], name.as_bytes()].concat()
}

/// The first bytes of the messages that have come: their kinds.
fn kinds(client: &StageClient) -> Vec<u8> {
    client.received().iter().map(|message| message.as_bytes()[0]).collect()
}

fn code(client: &StageClient) -> Option<u16> {
    client.closed().map(|closed| closed.code.into())
}

#[test]
fn who_comes_gets_the_whole_world_at_once_and_then_thirty_snapshots_a_second() {
    let (mut stage, _) = stage();
    let client = stage.connect(PATH).unwrap();
    assert_eq!(kinds(&client), [2, 1], "the roster, and a snapshot");
    client.send(join("Ada"));
    assert_eq!(kinds(&client), [4], "a seat");
    stage.advance(PERIOD);
    assert_eq!(kinds(&client), [2, 1], "Ada is in the roster");
    stage.advance(Duration::from_millis(1_001));
    assert_eq!(kinds(&client), [1; 30]);
}

#[test]
fn the_world_stands_still_while_nobody_is_there() {
    let (mut stage, arena) = stage();
    stage.advance(10 * PERIOD);
    assert_eq!(arena.world().now(), 0);
    let client = stage.connect(PATH).unwrap();
    stage.advance(10 * PERIOD);
    assert_eq!(arena.world().now(), 10);
    client.close(1000, "");
    stage.advance(10 * PERIOD);
    assert_eq!(arena.world().now(), 10);
}

#[test]
fn a_ping_comes_back() {
    let (mut stage, _) = stage();
    let client = stage.connect(PATH).unwrap();
    drop(client.received());
    client.send(vec![3, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(client.received(), [Message::from(vec![3, 1, 2, 3, 4, 5, 6, 7, 8])]);
}

#[test]
fn a_player_gets_the_seat_back_over_another_connection_while_the_old_one_seems_open() {
    let (mut stage, _) = stage();
    let seat = |client: &StageClient| {
        drop(client.received());
        client.send(join("Ada"));
        let [seated] = &client.received()[..] else { panic!("a seat") };
        seated.as_bytes()[1]
    };
    let old = stage.connect(PATH).unwrap();
    let first = seat(&old);
    let new = stage.connect(PATH).unwrap();
    assert_eq!(seat(&new), first);
    drop(old);
    stage.advance(Duration::from_secs(20));
    let roster = new.received().into_iter().rfind(|message| message.as_bytes()[0] == 2).unwrap();
    assert!(roster.as_bytes().windows(3).any(|bytes| bytes == b"Ada"));
}

#[test]
fn nonsense_is_closed() {
    let too_large = vec![1; message::LONGEST + 1];
    for (nonsense, closed) in [
        (Message::from("text"), 1008),
        (vec![].into(), 1008),
        (vec![9].into(), 1008),
        (too_large.into(), 1009),
    ] {
        let (mut stage, _) = stage();
        let client = stage.connect(PATH).unwrap();
        client.send(nonsense);
        assert_eq!(code(&client), Some(closed));
    }
}

#[test]
fn a_client_may_send_what_the_page_sends_and_a_flood_is_closed() {
    let (mut stage, _) = stage();
    let client = stage.connect(PATH).unwrap();
    for _ in 0..300 {
        client.send(vec![2, 0, 0, 0]);
        client.send(vec![2, 1, 0, 0]);
        stage.advance(PERIOD);
    }
    assert_eq!(code(&client), None);
    for _ in 0..200 {
        if client.closed().is_none() {
            client.send(vec![2, 0, 0, 0]);
        }
    }
    assert_eq!(code(&client), Some(1008));
}

#[test]
fn the_stands_have_a_limited_number_of_places() {
    let (mut stage, _) = stage();
    let clients: Vec<_> = (0..MOST_GUESTS).map(|_| stage.connect(PATH).unwrap()).collect();
    assert!(stage.connect(PATH).is_err());
    drop(clients);
    stage.advance(PERIOD);
    assert!(stage.connect(PATH).is_ok());
}

#[test]
fn a_client_that_does_not_read_gets_the_newest_snapshot_when_it_reads_again() {
    let (mut stage, arena) = stage();
    let client = stage.connect(PATH).unwrap();
    drop(client.received());
    client.stop_reading();
    stage.advance(Duration::from_secs(60));
    client.resume_reading();
    stage.advance(PERIOD);
    let messages = client.received();
    let last = messages.last().unwrap().as_bytes();
    assert_eq!(&last[1..5], &arena.world().now().to_be_bytes());
    let bytes: usize = messages.iter().map(Message::len).sum();
    assert!(bytes < 600_000, "{bytes} bytes were waiting");
}
