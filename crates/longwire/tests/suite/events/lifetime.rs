//! How long a connection may stay silent.

use std::time::Duration;

use longwire::{By, Keepalive, Limits};

use crate::support::{
    CLOSE, Conn, EventServer, Frame, PING, PONG, Script, TEXT, Told, close, for_each_engine, masked,
};

const SHORT: Duration = Duration::from_millis(50);

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn who_is_silent_is_asked_whether_it_is_there() {
    for_each_engine(async |engine| {
        let limits = Limits::default().keepalive(Keepalive::every(SHORT).within(HOUR));
        let mut server = Script::new().run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open("/").await;
        server.expect(Told::Open).await;
        for _ in 0..3 {
            let Frame { first, payload } = raw.frame().await;
            assert_eq!(first, PING);
            raw.send(masked(PONG, &payload)).await;
            server.expect(Told::Pong(payload)).await;
        }
    });
}

#[test]
fn who_does_not_answer_is_given_up() {
    for_each_engine(async |engine| {
        let limits = Limits::default().keepalive(Keepalive::every(SHORT).within(SHORT));
        let mut server = Script::new().run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open("/").await;
        assert_eq!(raw.frame().await.first, PING);
        raw.expect_end().await;
        server.expect(Told::Open).await;
        server.expect(Told::lost()).await;
        server.end().await;
    });
}

/// The ping itself cannot be written, but queued output must not wait forever.
#[test]
fn who_takes_nothing_is_given_up_too() {
    for_each_engine(async |engine| {
        let limits = Limits::default()
            .keepalive(Keepalive::every(SHORT).within(SHORT))
            .low_water(0)
            .high_water(100 << 20);
        let mut server = Script::new()
            .on_open(|socket| {
                socket.send(vec![0; 50 << 20]).or_drop();
            })
            .run(engine, |server| server.limits(limits))
            .await;
        let _takes_nothing = server.open_narrow("/").await;
        server.expect(Told::Open).await;
        server.expect(Told::lost()).await;
        server.end().await;
    });
}

#[test]
fn who_has_nothing_to_say_is_closed() {
    for_each_engine(async |engine| {
        let limits = Limits::default().idle_time(SHORT);
        let mut server = Script::new().run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open("/").await;
        let Frame { first, payload } = raw.frame().await;
        assert_eq!((first, &payload[..2]), (CLOSE, &close(1001, "")[..]));
        raw.send(masked(CLOSE, close(1001, ""))).await;
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::close(1001, "", By::Local, true)).await;
        server.end().await;
    });
}

#[test]
fn who_speaks_stays() {
    for_each_engine(async |engine| {
        let limits = Limits::default().idle_time(20 * SHORT).keepalive(Keepalive::every(SHORT).within(SHORT));
        let server = Script::new().run(engine, |server| server.limits(limits)).await;
        for _ in 0..100 {
            if outlives_a_silent_one(&server).await {
                return;
            }
        }
        panic!("a client that sends was taken for silent");
    });
}

/// Whether a client that sends, but does not answer pings, outlives a silent one. It may not: on a busy machine it
/// may have been silent for too long itself.
async fn outlives_a_silent_one(server: &EventServer) -> bool {
    let mut silent = server.open("/").await;
    let mut speaks = server.open("/").await;
    let given_up = tokio::spawn(async move { silent.rest().await });
    loop {
        let is_last_word = given_up.is_finished();
        if !speaks.try_send(masked(TEXT, "here")).await {
            return false;
        }
        loop {
            match speaks.frame_or_end().await {
                None => return false,
                Some(Frame { first: PING, .. }) => {}
                Some(frame) => {
                    assert_eq!(frame, Frame::new(TEXT, "here"));
                    break;
                }
            }
        }
        if is_last_word {
            return true;
        }
    }
}

/// `Duration::MAX` stands for "never", and no clock counts that far.
#[test]
fn times_may_be_longer_than_a_clock_counts() {
    for_each_engine(async |engine| {
        let never = Duration::MAX;
        let limits = Limits::default()
            .keepalive(Keepalive::every(never).within(never))
            .idle_time(never)
            .handshake_time(never)
            .close_time(never);
        let echo = |socket: &mut Conn<'_>, text: &str| {
            socket.send(text).or_drop();
        };
        let server = Script::new().on_text(echo).run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open("/").await;
        server.go_round(&mut raw).await;
        raw.send(masked(CLOSE, close(1000, ""))).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.expect_end().await;
    });
}
