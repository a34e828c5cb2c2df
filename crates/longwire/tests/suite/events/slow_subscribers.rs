//! Subscribers that do not read messages as fast as they are published.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use longwire::{By, Client, Deflate, Engine, Limits, Slow};
use tokio::net::TcpStream;

use crate::support::{
    CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// Far more than the systems of both ends buffer.
const FLOOD: usize = 400;

const SIZE: usize = 64 << 10;

fn limits() -> Limits {
    patient().low_water(10_000).high_water(200_000)
}

/// The message with this number.
fn numbered(number: usize) -> Vec<u8> {
    let mut message = number.to_string().into_bytes();
    message.resize(SIZE, b' ');
    message
}

fn number(frame: &Frame) -> usize {
    String::from_utf8_lossy(&frame.payload).trim_end().parse().unwrap()
}

/// A server on which clients at "/slow" subscribe on these terms.
async fn serve(engine: Engine, slow: Slow) -> EventServer {
    Script::new()
        .on_open(move |socket| {
            if socket.state() == "/slow" {
                socket.subscribe_with("flood", slow);
            }
        })
        .run(engine, |server| server.limits(limits()))
        .await
}

/// Publishes to a client that does not read, until the loop has processed everything.
async fn flooded(server: &EventServer) -> Raw<TcpStream> {
    let mut other = server.open("/").await;
    let slow = server.open_narrow("/slow").await;
    for number in 0..FLOOD {
        server.topics.publish("flood", numbered(number));
    }
    server.go_round(&mut other).await;
    slow
}

#[test]
fn a_slow_one_is_disconnected_unless_said_otherwise() {
    for_each_engine(async |engine| {
        let mut server = serve(engine, Slow::default()).await;
        let mut slow = flooded(&server).await;
        let reason = "messages are not read as fast as they come";
        server.expect_sometime(Told::close(1013, reason, By::Local, false)).await;
        let mut expected = 0;
        let last = loop {
            let frame = slow.frame().await;
            if frame.first == CLOSE {
                break frame;
            }
            assert_eq!(number(&frame), expected, "what was queued arrives");
            expected += 1;
        };
        assert!(expected < FLOOD / 2);
        assert_eq!(last, Frame::new(CLOSE, close(1013, reason)));
        slow.expect_end().await;
        let dropped = server.topics.dropped();
        assert_eq!((dropped.disconnect, dropped.total()), (1, 1), "the message that it was closed for");
    });
}

#[test]
fn a_slow_one_is_closed_with_the_code_of_the_application() {
    for code in [1006, 2999] {
        assert!(Slow::close(code, "").is_err(), "{code}");
    }
    for_each_engine(async |engine| {
        let mut server = serve(engine, Slow::close(3008, "slow").unwrap()).await;
        let mut slow = flooded(&server).await;
        server.expect_sometime(Told::close(3008, "slow", By::Local, false)).await;
        let last = loop {
            let frame = slow.frame().await;
            if frame.first == CLOSE {
                break frame;
            }
        };
        assert_eq!(last, Frame::new(CLOSE, close(3008, "slow")));
        slow.expect_end().await;
        let dropped = server.topics.dropped();
        assert_eq!((dropped.disconnect, dropped.total()), (1, 1));
    });
}

/// Reads up to the last message, and checks that the order is kept and that dropped messages are counted.
async fn what_arrives(server: &EventServer, slow: &mut Raw<TcpStream>) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&(FLOOD - 1)) {
        numbers.push(number(&slow.frame().await));
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
    let dropped = usize::try_from(server.topics.dropped().total()).unwrap();
    assert!(dropped > FLOOD / 2, "{dropped} were dropped");
    assert_eq!(numbers.len() + dropped, FLOOD);
    numbers
}

#[test]
fn what_fits_waits_and_the_oldest_is_dropped() {
    for_each_engine(async |engine| {
        let server = serve(engine, Slow::DropOldest { keep: 3 }).await;
        let mut slow = flooded(&server).await;
        let numbers = what_arrives(&server, &mut slow).await;
        assert!(numbers.ends_with(&[FLOOD - 3, FLOOD - 2, FLOOD - 1]), "{numbers:?}");
        let dropped = server.topics.dropped();
        assert_eq!(dropped.drop_oldest, dropped.total());
        assert_eq!(server.topics.dropped_of("flood"), dropped);
        assert_eq!(server.topics.dropped_of("another").total(), 0);
        server.topics.publish("flood", "as before");
        assert_eq!(slow.frame().await, Frame::new(TEXT, "as before"));
    });
}

#[test]
fn only_the_latest_waits() {
    for_each_engine(async |engine| {
        let server = serve(engine, Slow::Latest).await;
        let mut slow = flooded(&server).await;
        what_arrives(&server, &mut slow).await;
        let dropped = server.topics.dropped();
        assert_eq!(dropped.latest, dropped.total());
    });
}

/// More is waiting than the queue accepts at once. Delivery once got stuck when the queue filled up again.
#[test]
fn all_that_waits_arrives() {
    for_each_engine(async |engine| {
        let server = serve(engine, Slow::DropOldest { keep: FLOOD }).await;
        let mut slow = flooded(&server).await;
        for expected in 0..FLOOD {
            assert_eq!(number(&slow.frame().await), expected);
        }
        assert_eq!(server.topics.dropped().total(), 0);
    });
}

#[test]
fn what_waits_is_compressed_too() {
    for_each_engine(async |engine| {
        let server = serve(engine, Slow::DropOldest { keep: 3 }).await;
        let mut slow = Client::new().deflate(Deflate::default()).connect(server.url("/slow")).await.unwrap();
        for number in 0..3_u32 {
            // Incompressible data, so that the queue fills.
            let noise: Vec<u8> = (0..1_000_000_u32)
                .map(|place| (place ^ number).wrapping_mul(0x9e37_79b9).to_be_bytes()[0])
                .collect();
            server.topics.publish("flood", noise.clone());
            assert!(slow.recv().await.unwrap() == Some(noise.into()));
        }
        server.topics.publish("flood", "small ".repeat(100));
        assert_eq!(slow.recv().await.unwrap(), Some("small ".repeat(100).into()));
    });
}

#[test]
fn who_subscribes_again_changes_what_happens() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_open(|socket| {
                if socket.state() == "/slow" {
                    socket.subscribe_with("flood", Slow::Disconnect);
                    socket.subscribe_with("flood", Slow::Latest);
                }
            })
            .run(engine, |server| server.limits(limits()))
            .await;
        let mut slow = flooded(&server).await;
        assert!(server.topics.dropped().latest > 0);
        while number(&slow.frame().await) != FLOOD - 1 {}
    });
}

/// When a subscriber is disconnected for being slow, its `on_close` publishes, which makes the next one too slow.
/// Each was once disconnected inside of the other's disconnection, until the stack overflowed.
#[test]
fn disconnections_that_lead_to_others_do_not_pile_up() {
    const CLIENTS: usize = 100;
    for_each_engine(async |engine| {
        let (depths, all_depths) = channel();
        let server = Script::new()
            .on_open(|socket| {
                let own = socket.state().clone();
                socket.subscribe("/all");
                socket.subscribe(&own);
            })
            .on_text(|socket, text| {
                if text == "go" {
                    // Each has room for one more "left" than the one before; nothing is written until all is over.
                    for number in 0..CLIENTS {
                        socket.publish(&format!("/{number}"), vec![0; 100_000 - 6 * number]);
                    }
                    socket.publish("/all", "begin");
                } else {
                    socket.send(text).or_drop();
                }
            })
            .on_close(move |socket| {
                socket.publish("/all", "left");
                let here = 0_u8;
                depths.send(std::ptr::from_ref(&here).addr()).unwrap();
            })
            .run(engine, |server| server.limits(Limits::default().low_water(99_000).high_water(99_999)))
            .await;
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(server.open(&format!("/{number}")).await);
        }
        clients[CLIENTS - 1].send(masked(TEXT, "go")).await;
        assert_eq!(clients[0].frame().await.payload.len(), 100_000);
        assert_eq!(clients[0].frame().await.payload[..2], close(1013, "")[..]);
        server.go_round(&mut server.open("/other").await).await;
        let depths: Vec<usize> = all_depths.try_iter().collect();
        assert!(depths.len() > CLIENTS / 2, "{} were disconnected", depths.len());
        let deep = depths.iter().max().unwrap() - depths.iter().min().unwrap();
        assert!(deep < 4096, "{} disconnections took {deep} bytes of the stack", depths.len());
    });
}

/// A server whose loop blocks while it handles the message "wait". Connections at "/flood" subscribe to "flood".
async fn interrupted(engine: Engine) -> (EventServer, Sender<()>) {
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let server = Script::new()
        .on_open(|socket| match socket.state().as_str() {
            "/flood" => socket.subscribe_with("flood", Slow::Latest),
            _ => socket.subscribe("something else"),
        })
        .on_text(move |socket, text| {
            if text == "wait" {
                may_go_on.lock().unwrap().recv().unwrap();
            }
            socket.send(text).or_drop();
        })
        .run(engine, |server| server)
        .await;
    (server, go_on)
}

/// If a loop cannot keep up with its publishers, the excess is dropped and counted. Without a subscriber to that
/// topic, everything is dropped, and nothing counts.
#[test]
fn what_is_published_faster_than_a_loop_takes_it_is_dropped() {
    for_each_engine(async |engine| {
        let (mut server, go_on) = interrupted(engine).await;
        let mut raw = server.open("/").await;
        server.expect(Told::Open).await;
        let megabyte = bytes::Bytes::from(vec![0; 1 << 20]);
        let mut dropped = 0;
        let mut subscriber = None;
        for (subscribers, expected) in [(0, 0..1), (1, 1..40), (0, 0..1)] {
            if subscribers == 1 {
                subscriber = Some(server.open_narrow("/flood").await);
                server.expect(Told::Open).await;
            } else if let Some(subscriber) = subscriber.take() {
                drop(subscriber);
                while !matches!(server.told().await, Some(Told::Close(..))) {}
            }
            raw.send(masked(TEXT, "wait")).await;
            server.expect(Told::message("wait")).await;
            let mut queued = 0;
            for _ in 0..80 {
                queued += server.topics.publish("flood", megabyte.clone());
            }
            let more = server.topics.dropped().backlog - dropped;
            assert!(expected.contains(&more), "{subscribers} subscribers: {more} of 80 were dropped");
            assert_eq!(queued as u64 + more, 80 * subscribers, "what is dropped is not queued");
            dropped += more;
            go_on.send(()).unwrap();
            assert_eq!(raw.frame().await, Frame::new(TEXT, "wait"));
            server.go_round(&mut raw).await;
            server.messages();
            server.topics.publish("flood", megabyte.clone());
            assert_eq!(
                server.topics.dropped().backlog,
                dropped,
                "{subscribers} subscribers: there is room again"
            );
        }
    });
}

/// Messages of one byte cost more than one byte: 64 MiB of them once took 2.5 GB.
#[test]
fn small_messages_are_dropped_when_they_cost_too_much() {
    for_each_engine(async |engine| {
        let (mut server, go_on) = interrupted(engine).await;
        let _subscriber = server.open_narrow("/flood").await;
        let mut raw = server.open("/").await;
        for _ in 0..2 {
            server.expect(Told::Open).await;
        }
        raw.send(masked(TEXT, "wait")).await;
        server.expect(Told::message("wait")).await;
        // At least two counters and a length per message, and its slot in a queue.
        let most = (64 << 20) / 128;
        let message = bytes::Bytes::from_static(b"x");
        for _ in 0..most + 1_000 {
            server.topics.publish("flood", message.clone());
        }
        let dropped = server.topics.dropped().backlog;
        assert!(dropped >= 1_000, "{dropped} were dropped");
        go_on.send(()).unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "wait"));
        // The loop delivers them in shares, one per round.
        loop {
            server.go_round(&mut raw).await;
            if server.topics.publish("something else", "room") == 1 {
                break;
            }
        }
        assert_eq!(raw.frame().await, Frame::new(TEXT, "room"));
    });
}

/// What the loop dropped before a subscription began, its subscriber has not missed; what it dropped after that, it has.
#[test]
fn only_what_is_dropped_after_a_subscription_began_closes_it() {
    for_each_engine(async |engine| {
        for loses in [false, true] {
            let (go_on, may_go_on) = channel::<()>();
            let may_go_on = Mutex::new(may_go_on);
            let mut server = Script::new()
                .on_open(|socket| {
                    if socket.state() == "/keeper" {
                        socket.subscribe_with("bulk", Slow::Latest);
                        socket.subscribe_with("news", Slow::Latest);
                    }
                })
                .on_text(move |socket, text| {
                    match text {
                        "join" => socket.subscribe("news"),
                        "wait" => may_go_on.lock().unwrap().recv().unwrap(),
                        _ => {}
                    }
                    socket.send(text).or_drop();
                })
                .run(engine, |server| server)
                .await;
            let _keeper = server.open_narrow("/keeper").await;
            let mut raw = server.open("/").await;
            for _ in 0..2 {
                server.expect(Told::Open).await;
            }
            raw.send([masked(TEXT, "wait"), masked(TEXT, "join"), masked(TEXT, "wait")].concat()).await;
            server.expect(Told::message("wait")).await;
            let megabyte = bytes::Bytes::from(vec![0; 1 << 20]);
            while server.topics.publish("bulk", megabyte.clone()) == 1 {}
            assert_eq!(server.topics.publish("news", "lost"), 0, "the loop is too far behind");
            go_on.send(()).unwrap();
            server.expect(Told::message("join")).await;
            server.expect(Told::message("wait")).await;
            if loses {
                assert_eq!(server.topics.publish("news", "lost, too"), 0);
            }
            go_on.send(()).unwrap();
            for text in ["wait", "join", "wait"] {
                assert_eq!(raw.frame().await, Frame::new(TEXT, text));
            }
            if loses {
                assert_eq!(raw.frame().await.payload[..2], close(1013, "")[..]);
                continue;
            }
            while server.topics.publish("bulk", "room") == 0 {
                server.go_round(&mut raw).await;
            }
            assert_eq!(server.topics.publish("news", "It rains"), 2);
            assert_eq!(raw.frame().await, Frame::new(TEXT, "It rains"));
        }
    });
}
