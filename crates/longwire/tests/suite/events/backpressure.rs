//! What happens when the peer does not read.

use std::io::ErrorKind;
use std::sync::mpsc::channel;

use longwire::{Limits, SendStatus, Slow};
use tokio::io::AsyncWriteExt;

use crate::support::{BINARY, Conn, Frame, Raw, Script, TEXT, Told, for_each_engine, masked};

/// Far more than the systems of both ends buffer.
const MANY: usize = 400;

const LARGE: usize = 64 << 10;

/// A message of `size` bytes that begins with `name`.
fn padded(name: &str, size: usize) -> Vec<u8> {
    let mut message = name.as_bytes().to_vec();
    message.resize(size, b' ');
    message
}

fn limits() -> Limits {
    Limits::default().low_water(10_000).high_water(50_000).keepalive(None)
}

#[test]
fn nothing_is_delivered_while_the_queue_is_full_and_nothing_is_lost() {
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_text(|socket, text| {
                let size = if text == "round" { text.len() } else { LARGE };
                let status = match size {
                    LARGE => socket.send(padded(text, LARGE)),
                    _ => socket.send(text),
                };
                assert_eq!(status, SendStatus::Queued, "a handler that only answers need not check");
            })
            .run(engine, |server| server.limits(limits()))
            .await;
        let mut other = server.open("/").await;
        let mut slow = server.open_narrow("/").await;
        let numbers = || (0..MANY).map(|number| number.to_string());
        slow.send(numbers().flat_map(|number| masked(TEXT, number)).collect::<Vec<u8>>()).await;
        server.go_round(&mut other).await;
        let delivered = server.messages();
        assert!(
            delivered < MANY / 2,
            "{delivered} messages were delivered to a connection that takes no answers"
        );
        for number in numbers() {
            assert_eq!(slow.frame().await, Frame::new(BINARY, padded(&number, LARGE)));
        }
    });
}

/// What it may still send is bounded by the system's buffers, which do not grow to 64 MiB.
#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.limits(limits())).await;
        let mut other = server.open("/").await;
        let slow = server.open_narrow("/").await.into_inner();
        let frames = masked(TEXT, "x".repeat(1000)).repeat(64);
        let (mut sent, mut rounds_in_vain) = (0, 0);
        while rounds_in_vain < 10 {
            // Cutting a frame is harmless: the next write continues where this one ended.
            match slow.try_write(&frames[sent % frames.len()..]) {
                Ok(count) => (sent, rounds_in_vain) = (sent + count, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    server.go_round(&mut other).await;
                    rounds_in_vain += 1;
                }
                Err(error) => panic!("{error}"),
            }
            assert!(sent < 64 << 20, "{sent} bytes were taken from a peer that does not read");
        }
    });
}

#[test]
fn send_tells_that_there_is_no_room_and_on_drain_that_there_is() {
    for_each_engine(async |engine| {
        let (statuses, seen) = channel();
        let mut server = Script::new()
            .on_text(move |socket, _| {
                for number in 0..7 {
                    let message = padded(&number.to_string(), 9_996);
                    let status = match number % 2 {
                        0 => socket.send(&message),
                        _ => socket.send_message(message),
                    };
                    statuses.send((status, socket.queued())).unwrap();
                }
            })
            .on_drain(|socket| {
                socket.send(format!("{} bytes wait", socket.queued()).as_str()).or_drop();
            })
            .run(engine, |server| server.limits(limits()))
            .await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go")).await;
        for number in 0..6 {
            assert_eq!(raw.frame().await, Frame::new(BINARY, padded(&number.to_string(), 9_996)));
        }
        assert_eq!(raw.frame().await, Frame::new(TEXT, "0 bytes wait"));
        server.expect(Told::Open).await;
        server.expect(Told::message("go")).await;
        server.expect(Told::Drain).await;
        let mut expected: Vec<_> = (1..7).map(|count| (SendStatus::Queued, count * 10_000)).collect();
        expected.push((SendStatus::Full, 60_000));
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), expected);
    });
}

/// The usual way to send a lot: until there is no room, and again when there is.
#[test]
fn what_is_sent_whenever_there_is_room_arrives_whole_and_in_order() {
    const COUNT: usize = 2_000;
    fn go_on(socket: &mut Conn<'_>) {
        let mut next: usize = socket.state().parse().unwrap_or(0);
        while next < COUNT && socket.send(padded(&next.to_string(), 10_000)).is_queued() {
            next += 1;
        }
        *socket.state_mut() = next.to_string();
    }
    for_each_engine(async |engine| {
        let server =
            Script::new().on_open(go_on).on_drain(go_on).run(engine, |server| server.limits(limits())).await;
        let mut raw = server.open_narrow("/").await;
        for number in 0..COUNT {
            assert_eq!(raw.frame().await, Frame::new(BINARY, padded(&number.to_string(), 10_000)));
        }
    });
}

/// A large payload is read directly into its message, bypassing the point where messages are held back.
#[test]
fn a_large_message_that_ends_while_the_queue_is_full_waits_too() {
    for_each_engine(async |engine| {
        let (statuses, seen) = channel();
        let server = Script::new()
            .on_open(|socket| {
                if socket.state() == "/slow" {
                    socket.subscribe_with("flood", Slow::DropOldest { keep: MANY });
                }
            })
            .on_message(move |socket, message| match message.as_text() {
                Some(round) => {
                    socket.send(round).or_drop();
                }
                None => statuses.send(socket.send("got it")).unwrap(),
            })
            .run(engine, |server| server.limits(limits()))
            .await;
        let mut other = server.open("/").await;
        let mut slow = server.open_narrow("/slow").await;
        let message = masked(BINARY, vec![0; 1 << 20]);
        let (begin, end) = message.split_at(500_000);
        slow.send(begin).await;
        server.go_round(&mut other).await;
        for _ in 0..MANY {
            server.topics.publish("flood", vec![0; LARGE]);
        }
        server.go_round(&mut other).await;
        let (reading, mut writing) = slow.into_inner().into_split();
        let end = end.to_vec();
        let sending = tokio::spawn(async move {
            writing.write_all(&end).await.unwrap();
            writing
        });
        server.go_round(&mut other).await;
        let mut slow = Raw::new(tokio::io::join(reading, tokio::io::sink()));
        let mut flooded = 0;
        let answer = loop {
            match slow.frame().await {
                Frame { first: BINARY, .. } => flooded += 1,
                answer => break answer,
            }
        };
        assert_eq!(answer, Frame::new(TEXT, "got it"));
        assert!(flooded > 0, "the answer came before the queued messages");
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [SendStatus::Queued]);
        drop(sending.await.unwrap());
    });
}

/// A loop serves all of its connections, however much one of them sends.
#[test]
fn a_stream_without_end_to_one_does_not_keep_others_waiting() {
    for_each_engine(async |engine| {
        let fill = |socket: &mut Conn<'_>| {
            while socket.state() == "/stream" && socket.send(&[0; 10_000][..]) == SendStatus::Queued {}
        };
        let server = Script::new()
            .on_open(fill)
            .on_drain(fill)
            .run(engine, |server| server.limits(Limits::default().low_water(100_000).high_water(100_000)))
            .await;
        let mut other = server.open("/").await;
        let stream = server.open("/stream").await.into_inner().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        let stop = stream.try_clone().unwrap();
        let reading = std::thread::spawn(move || {
            // It ends with a reset.
            let _reset = std::io::copy(&mut &stream, &mut std::io::sink());
        });
        for _ in 0..50 {
            server.go_round(&mut other).await;
        }
        stop.shutdown(std::net::Shutdown::Both).unwrap();
        reading.join().unwrap();
    });
}
