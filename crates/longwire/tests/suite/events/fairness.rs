//! A loop serves all of its connections, however much one of them sends.

use std::sync::mpsc::channel;

use crate::support::{Frame, Script, TEXT, Told, for_each_engine, masked, upgrade_request};

/// A binary message, compressed.
const COMPRESSED: u8 = 0xc2;

/// The number of messages in the flood.
const FLOOD: usize = 40;

/// The payload of a message of a little less than 1 MiB of zeros in DEFLATE: 1,000 bytes.
fn inflating() -> Vec<u8> {
    // A block with dynamic codes (RFC 1951 §3.2.7): `0` repeats 258 times, `10` is a zero byte, `11` ends the block; the
    // only distance, 1, is `0`.
    let mut deflated = vec![0xec, 0xc0, 0x81, 0, 0, 0, 0, 0x80, 0xa0, 0xfd, 0xa9, 0x17, 0xa9];
    deflated.resize(999, 0);
    deflated.push(0b0000_0110);
    deflated
}

/// How many bytes a server on this port has not yet read from its connections. A line of `/proc/net/tcp` has a
/// number, the local address, the remote address, the state (01 for an open connection), and the queues.
fn unread(port: u16) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let open = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|fields| {
        fields.get(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}"))) && fields[3] == "01"
    });
    open.map(|fields| usize::from_str_radix(fields[4].split_once(':').unwrap().1, 16).unwrap()).sum()
}

/// All messages of one read were once delivered before any other connection had a turn: here 40 MiB, which the peer
/// sent in 40 KB.
///
/// The loop must know of all messages when it goes on. So each is sent at once: its sending ends after the server's
/// system has reported it to the loop. A message that Nagle's algorithm holds back arrives later, in an interrupt. The
/// table of sockets may then list it before the loop can know of it.
#[cfg(target_os = "linux")]
#[test]
fn who_sends_what_inflates_does_not_keep_others_waiting() {
    for_each_engine(async |engine| {
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = std::sync::Mutex::new(may_go_on);
        let mut server = Script::new()
            .on_message(move |socket, message| match message.as_text() {
                Some("wait") => may_go_on.lock().unwrap().recv().unwrap(),
                Some(_) => {
                    socket.send(message).or_drop();
                }
                None => assert!(message.as_bytes().len() > 1_000_000),
            })
            .run(engine, |server| server)
            .await;
        let mut before = server.open("/").await.at_once();
        let mut flood = server.raw().await.at_once();
        let offer = "permessage-deflate; client_no_context_takeover";
        flood.send(upgrade_request(&format!("Sec-WebSocket-Extensions: {offer}\r\n"))).await;
        let head = flood.head().await;
        assert!(head.contains("permessage-deflate"), "{head}");
        let mut behind = server.open("/").await.at_once();
        for _ in 0..3 {
            server.expect(Told::Open).await;
        }

        before.send(masked(TEXT, "wait")).await;
        server.expect(Told::message("wait")).await;
        flood.send(masked(COMPRESSED, inflating()).repeat(FLOOD)).await;
        for (other, name) in [(&mut before, "before"), (&mut behind, "behind")] {
            other.send(masked(TEXT, name)).await;
        }
        let arrived = FLOOD * masked(COMPRESSED, inflating()).len() + 2 * masked(TEXT, "before").len();
        while unread(server.addr.port()) < arrived {
            tokio::task::yield_now().await;
        }
        go_on.send(()).unwrap();
        for (other, name) in [(&mut before, "before"), (&mut behind, "behind")] {
            assert_eq!(other.frame().await, Frame::new(TEXT, name));
        }
        let (mut flooded, mut others) = (0, 0);
        while flooded < FLOOD {
            match server.told().await {
                Some(Told::Message(message)) if message.is_text() => {
                    assert!(
                        flooded <= 4,
                        "{flooded} messages of 1 MiB were delivered before {message:?} of another"
                    );
                    others += 1;
                }
                Some(Told::Message(_)) => flooded += 1,
                told => panic!("{told:?}"),
            }
        }
        assert_eq!(others, 2);
    });
}
