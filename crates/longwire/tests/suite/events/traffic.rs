//! The traffic of a connection.

use std::sync::{Arc, Mutex};

use crate::support::{CLOSE, Frame, Script, TEXT, close, for_each_engine, masked};

#[test]
fn each_connection_counts_its_messages_and_bytes() {
    for_each_engine(async |engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let mut server = Script::new()
            .on_open(|socket| socket.subscribe("news"))
            .on_text(|socket, text| {
                socket.send(text).or_drop();
                socket.publish("news", "news");
            })
            .on_close(move |socket| noted.lock().unwrap().push(socket.traffic()))
            .run(engine, |server| server.workers(1).count_traffic())
            .await;
        let mut idle = server.open("/").await;
        let mut client = server.open("/").await;
        client.send(masked(TEXT, "hello")).await;
        for text in ["hello", "news"] {
            assert_eq!(client.frame().await, Frame::new(TEXT, text));
        }
        assert_eq!(idle.frame().await, Frame::new(TEXT, "news"));
        for client in [&mut client, &mut idle] {
            client.send(masked(CLOSE, close(1000, ""))).await;
            assert_eq!(client.frame().await, Frame::new(CLOSE, close(1000, "")));
            client.expect_end().await;
        }
        drop((client, idle));
        server.stop();
        server.returned().await;
        let seen = seen.lock().unwrap();
        let [Some(client), Some(idle)] = seen[..] else { panic!("{seen:?}") };
        assert_eq!((client.messages_received, client.messages_sent), (1, 2));
        assert_eq!((idle.messages_received, idle.messages_sent), (0, 1));
        // Masked frames: 11 bytes of the text, 8 of the Close frame.
        assert_eq!((client.bytes_received, idle.bytes_received), (19, 8));
        // The text and its header of 2 bytes more.
        assert_eq!(client.bytes_sent - idle.bytes_sent, 7);
        assert!(idle.bytes_sent > 6, "{idle:?}");
    });
}

#[test]
fn without_the_setting_nothing_is_counted() {
    for_each_engine(async |engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let mut server = Script::new()
            .on_close(move |socket| noted.lock().unwrap().push(socket.traffic()))
            .run(engine, |server| server.workers(1))
            .await;
        drop(server.open("/").await);
        server.stop();
        server.returned().await;
        assert_eq!(*seen.lock().unwrap(), [None]);
    });
}
