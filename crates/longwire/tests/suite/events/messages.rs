//! Messages and pings through a handler.

use std::sync::Mutex;

use bytes::Bytes;
use longwire::{By, Client, Deflate, Limits, Message, MessageRef};

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, Script, TEXT, Told, close, for_each_engine, masked, plain,
    upgrade_request,
};

/// The first bytes of fragments: the opcode without FIN, and the last continuation.
const TEXT_BEGINS: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;

#[test]
fn text_and_binary_come_back_as_what_they_are() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        server.expect(Told::Open).await;
        for (first, payload) in [(TEXT, "κόσμε"), (BINARY, "\0\x01"), (TEXT, ""), (BINARY, "")] {
            raw.send(masked(first, payload)).await;
            assert_eq!(raw.frame().await, Frame::new(first, payload));
            let told = match first {
                TEXT => Told::message(payload),
                _ => Told::message(payload.as_bytes().to_vec()),
            };
            server.expect(told).await;
        }
    });
}

#[test]
fn fragments_are_one_message_whatever_comes_between() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT_BEGINS, [0xce])).await;
        raw.send(masked(PING, "between")).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "between"));
        raw.send([masked(GOES_ON, [0xba, b'-']), masked(GOES_ON, ""), masked(ENDS, "end")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "\u{3ba}-end"));
        server.expect(Told::Open).await;
        server.expect(Told::Ping(b"between".to_vec())).await;
        server.expect(Told::message("\u{3ba}-end")).await;
    });
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        let long = "y".repeat(300);
        for byte in [masked(TEXT, "κ"), masked(BINARY, &long)].concat() {
            raw.send([byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(raw.frame().await, Frame::new(TEXT, "κ"));
        assert_eq!(raw.frame().await, Frame::new(BINARY, long));
    });
}

#[test]
fn parts_of_a_large_message_go_back() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_message(|socket, message| {
                let text = message.as_text().unwrap();
                let (begin, end) = text.split_at(text.len() / 2);
                socket.send(end).or_drop();
                socket.send("z".repeat(begin.len())).or_drop();
                socket.send(begin.as_bytes()).or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        let (begin, end) = ("κ".repeat(50_000), "λ".repeat(50_000));
        let (first, second) = begin.split_at(30_000);
        // In two fragments, and twice: the second time the reader has state from the first.
        for _ in 0..2 {
            raw.send(masked(TEXT_BEGINS, first)).await;
            raw.send(masked(ENDS, [second, &end].concat())).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, &*end));
            assert_eq!(raw.frame().await, Frame::new(TEXT, "z".repeat(begin.len())));
            assert_eq!(raw.frame().await, Frame::new(BINARY, &*begin));
        }
    });
}

#[test]
fn large_messages_go_both_ways() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_message(|socket, message| {
                // Borrowed and owned, since a large payload takes a different path in each case.
                socket.send(message).or_drop();
                socket.send_message(message.to_message()).or_drop();
            })
            .run(engine, |server| server.limits(Limits::default().low_water(1 << 20).high_water(64 << 20)))
            .await;
        let counting: Vec<u8> = (0..4_u32 << 20).map(|place| place.to_le_bytes()[1]).collect();
        for deflate in [None, Some(Deflate::default())] {
            let mut client = Client::new().deflate(deflate).connect(server.url("/")).await.unwrap();
            for message in [Message::from(counting.clone()), Message::from("κόσμε ".repeat(400_000))] {
                client.send(message.clone()).await.unwrap();
                for _ in 0..2 {
                    assert!(
                        client.recv().await.unwrap().as_ref() == Some(&message),
                        "another message came back"
                    );
                }
            }
        }
    });
}

#[test]
fn a_thousand_messages_in_one_packet_are_answered_in_order() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        let messages: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        raw.send(messages.iter().flat_map(|message| masked(TEXT, message)).collect::<Vec<u8>>()).await;
        for message in messages {
            assert_eq!(raw.frame().await, Frame::new(TEXT, message));
        }
    });
}

/// The address of a message shows whether it was copied: two messages from one packet are as far apart as they were
/// in it.
#[test]
fn messages_are_lent_from_where_they_were_read() {
    for_each_engine(async |engine| {
        let last = Mutex::new(0);
        let server = Script::new()
            .on_message(move |socket, message| {
                let at = message.as_bytes().as_ptr().addr();
                let distance = at.wrapping_sub(std::mem::replace(&mut last.lock().unwrap(), at));
                socket.send(distance.to_string()).or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "0123456789"), masked(BINARY, "abc")].concat()).await;
        raw.frame().await;
        // The length of the first payload and of the second header.
        assert_eq!(raw.frame().await, Frame::new(TEXT, (10 + 6).to_string()));
    });
}

#[test]
fn who_breaks_the_protocol_is_told_and_so_is_the_handler() {
    for_each_engine(async |engine| {
        let too_big = [&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0][..], &[0; 4]].concat();
        let cases = [
            (masked(TEXT, [0xff]), 1007),
            (masked(TEXT_BEGINS, [0xce, 0xce]), 1007),
            (plain(TEXT, "not masked"), 1002),
            (masked(0x83, ""), 1002),
            (masked(0xc1, ""), 1002),
            (masked(ENDS, "of nothing"), 1002),
            (masked(CLOSE, [3]), 1002),
            (masked(CLOSE, close(1005, "")), 1002),
            (masked(PING, [0; 126]), 1002),
            (too_big, 1009),
        ];
        for (bad, code) in cases {
            let limits = Limits::default().message(1 << 20);
            let mut server = Script::new().run(engine, |server| server.limits(limits)).await;
            let mut raw = server.open("/").await;
            raw.send([masked(TEXT, "before"), bad.clone(), masked(TEXT, "behind")].concat()).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, "before"), "{bad:?}");
            let told_peer = raw.frame().await;
            assert_eq!((told_peer.first, &told_peer.payload[..2]), (CLOSE, &close(code, "")[..]), "{bad:?}");
            raw.expect_end().await;
            drop(raw);
            server.expect(Told::Open).await;
            server.expect(Told::message("before")).await;
            let Some(Told::Error(error)) = server.told().await else { panic!("{bad:?}: no error") };
            let Some(Told::Close(closed, reason, By::Local, false)) = server.told().await else {
                panic!("{bad:?}: not closed")
            };
            assert_eq!(closed, code);
            assert!(error.contains(&reason), "{error}: {reason}");
            server.end().await;
        }
    });
}

#[test]
fn pings_are_answered_and_pongs_are_told() {
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_text(|socket, _| {
                socket.ping(b"are you there?").unwrap();
                assert!(socket.ping(&[0; 126]).is_err());
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        server.expect(Told::Open).await;
        raw.send([masked(PING, ""), masked(PING, "second"), masked(PONG, "unasked")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, ""));
        assert_eq!(raw.frame().await, Frame::new(PONG, "second"));
        server.expect(Told::Ping(Vec::new())).await;
        server.expect(Told::Ping(b"second".to_vec())).await;
        server.expect(Told::Pong(b"unasked".to_vec())).await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(PING, "are you there?"));
        raw.send(masked(PONG, "are you there?")).await;
        server.expect(Told::message("go")).await;
        server.expect(Told::Pong(b"are you there?".to_vec())).await;
    });
}

#[test]
fn what_is_not_to_be_compressed_is_not() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_text(|socket, text| {
                socket.send(text).or_drop();
                socket.send_message(Message::from(text).uncompressed()).or_drop();
                socket.send_message(Bytes::from(text.to_owned())).or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.raw().await;
        raw.send(upgrade_request("Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
        let head = raw.head().await;
        assert!(head.contains("permessage-deflate"), "{head}");
        let text = "again and ".repeat(100);
        raw.send(masked(TEXT, &text)).await;
        let compressed = raw.frame().await;
        assert!(compressed.first == 0xc1 && compressed.payload.len() < 100, "{compressed:?}");
        assert_eq!(raw.frame().await, Frame::new(TEXT, &text));
        assert_eq!(raw.frame().await.first, 0xc2);
    });
}

#[test]
fn a_message_may_be_sent_by_any_of_its_names() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_open(|socket| {
                socket.send("lent").or_drop();
                socket.send(String::from("owned")).or_drop();
                socket.send(&b"bytes"[..]).or_drop();
                socket.send(Message::from("message")).or_drop();
                socket.send(MessageRef::Text("by name")).or_drop();
                socket.send_message("given away").or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        for (first, payload) in [
            (TEXT, "lent"),
            (TEXT, "owned"),
            (BINARY, "bytes"),
            (TEXT, "message"),
            (TEXT, "by name"),
            (TEXT, "given away"),
        ] {
            assert_eq!(raw.frame().await, Frame::new(first, payload));
        }
    });
}
