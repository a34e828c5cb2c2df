//! Reaching a connection from other threads.

use std::sync::mpsc::{Receiver, channel};

use longwire::{By, Engine, Message, Remote, SendStatus};

use crate::support::{
    BINARY, CLOSE, Conn, EventServer, Frame, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// A server that passes a handle of each connection to the test.
async fn serve(engine: Engine, script: Script) -> (EventServer, Receiver<Remote>) {
    serve_by(engine, script, |_| {}).await
}

/// Like [`serve`], and runs `on_open` for each connection.
async fn serve_by(
    engine: Engine,
    script: Script,
    on_open: impl Fn(&mut Conn<'_>) + Send + Sync + 'static,
) -> (EventServer, Receiver<Remote>) {
    let (remotes, given) = channel();
    let script = script.on_open(move |socket| {
        remotes.send(socket.remote()).unwrap();
        on_open(socket);
    });
    let limits = patient().low_water(10_000).high_water(50_000);
    (script.run(engine, |server| server.limits(limits)).await, given)
}

fn send_when_there_is_room(remote: &Remote, message: &Message) {
    loop {
        match remote.send(message.clone()) {
            SendStatus::Queued => return,
            status => assert_eq!(status, SendStatus::Full),
        }
        std::thread::yield_now();
    }
}

#[test]
fn messages_of_a_thread_arrive_in_order() {
    for_each_engine(async |engine| {
        let (server, remotes) = serve(engine, Script::new()).await;
        let mut raw = server.open("/").await;
        let remote = remotes.recv().unwrap();
        assert!(remote.is_open());
        let threads: Vec<_> = ["a", "b", "c"]
            .map(|name| {
                let remote = remote.clone();
                std::thread::spawn(move || {
                    for number in 0..300 {
                        send_when_there_is_room(&remote, &format!("{name}{number}").into());
                    }
                })
            })
            .into();
        let mut next = [0, 0, 0];
        for _ in 0..900 {
            let Frame { payload, .. } = raw.frame().await;
            let (name, number) = payload.split_first().unwrap();
            let next = &mut next[usize::from(name - b'a')];
            assert_eq!(number, next.to_string().as_bytes());
            *next += 1;
        }
        for thread in threads {
            thread.join().unwrap();
        }
        let large = Message::from(vec![7; 1 << 20]).uncompressed();
        assert_eq!(remote.send(large), SendStatus::Queued);
        assert_eq!(raw.frame().await, Frame::new(BINARY, vec![7; 1 << 20]));
    });
}

/// The Close frame follows what was sent before, even if that had to wait for room.
#[test]
fn it_is_full_when_as_much_waits_as_may_and_closing_loses_nothing() {
    for_each_engine(async |engine| {
        let (mut server, remotes) = serve(engine, Script::new()).await;
        let mut other = server.open("/").await;
        remotes.recv().unwrap();
        let mut slow = server.open_narrow("/").await;
        let remote = remotes.recv().unwrap();
        let mut sent = 0_u32;
        let mut full_rounds = 0;
        while full_rounds < 3 {
            let mut message = sent.to_be_bytes().to_vec();
            message.resize(10_000, 0);
            match remote.send(message) {
                SendStatus::Queued => (sent, full_rounds) = (sent + 1, 0),
                status => {
                    assert_eq!(status, SendStatus::Full);
                    server.go_round(&mut other).await;
                    full_rounds += 1;
                }
            }
            assert!(sent < 10_000, "it is never full");
        }
        remote.close(4000, "enough").unwrap();
        for number in 0..sent {
            assert_eq!(slow.frame().await.payload[..4], number.to_be_bytes());
        }
        assert_eq!(slow.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        slow.send(masked(CLOSE, close(4000, ""))).await;
        slow.expect_end().await;
        server.expect_sometime(Told::close(4000, "", By::Local, true)).await;
    });
}

/// Empty messages have a cost as well: 19 million of them were once queued for a client that did not read.
#[test]
fn it_is_full_of_messages_without_content() {
    fn fill(socket: &mut Conn<'_>) {
        while socket.state() == "/slow" && socket.send(&[0; 10_000][..]) == SendStatus::Queued {}
    }
    for_each_engine(async |engine| {
        let (mut server, remotes) = serve_by(engine, Script::new().on_drain(fill), fill).await;
        let mut other = server.open("/").await;
        remotes.recv().unwrap();
        let mut slow = server.open_narrow("/slow").await;
        let remote = remotes.recv().unwrap();
        // Until the systems of both ends accept no more.
        let mut rounds_in_vain = 0;
        while rounds_in_vain < 3 {
            server.go_round(&mut other).await;
            let has_drained = server.all_told().contains(&Told::Drain);
            rounds_in_vain = if has_drained { 0 } else { rounds_in_vain + 1 };
        }
        // The systems may still move some bytes. Each time that the queue drains meanwhile, some hundred messages more
        // are taken. Messages without a cost would all be taken.
        let taken = (0..100_000).take_while(|_| remote.send("").is_queued()).count();
        assert!((1..10_000).contains(&taken), "{taken} messages were taken for a client that does not read");
        let mut empty = 0;
        while empty < taken {
            empty += usize::from(slow.frame().await.payload.is_empty());
        }
        assert_eq!(remote.send(""), SendStatus::Queued);
    });
}

#[test]
fn there_is_room_again_when_the_peer_has_read() {
    for_each_engine(async |engine| {
        let (server, remotes) = serve(engine, Script::new()).await;
        let mut slow = server.open_narrow("/").await;
        let remote = remotes.recv().unwrap();
        let sending = std::thread::spawn(move || {
            for number in 0..1000_u32 {
                let message = vec![number.to_be_bytes()[3]; 10_000].into();
                send_when_there_is_room(&remote, &message);
            }
        });
        for number in 0..1000_u32 {
            assert_eq!(slow.frame().await, Frame::new(BINARY, vec![number.to_be_bytes()[3]; 10_000]));
        }
        sending.join().unwrap();
    });
}

#[test]
fn a_connection_that_has_ended_takes_nothing() {
    for_each_engine(async |engine| {
        let (mut server, remotes) = serve(engine, Script::new()).await;
        let mut raw = server.open("/").await;
        let remote = remotes.recv().unwrap();
        raw.send(masked(CLOSE, "")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.expect_end().await;
        drop(raw);
        server.expect_sometime(Told::close(1005, "", By::Peer, true)).await;
        assert_eq!(remote.send("late"), SendStatus::Closed);
        assert!(!remote.is_open());
        remote.close(1000, "again").unwrap();
        // Another connection may have the slot now.
        let mut next = server.open("/").await;
        remote.close(1000, "again").unwrap();
        server.go_round(&mut next).await;
        server.expect_sometime(Told::message("round")).await;
    });
}

#[test]
fn a_connection_that_is_closing_takes_nothing() {
    for_each_engine(async |engine| {
        let script = Script::new().on_message(|socket, _| socket.close(4000, "enough").unwrap());
        let (server, remotes) = serve(engine, script).await;
        let mut raw = server.open("/").await;
        let remote = remotes.recv().unwrap();
        assert!(remote.close(1006, "").is_err());
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        assert_eq!(remote.send("late"), SendStatus::Closed);
    });
}

#[test]
fn a_handle_that_is_taken_at_the_end_is_closed() {
    for_each_engine(async |engine| {
        let (remotes, given) = channel();
        let server = Script::new()
            .on_close(move |socket| remotes.send(socket.remote()).unwrap())
            .run(engine, |server| server)
            .await;
        drop(server.open("/").await);
        let remote = tokio::task::spawn_blocking(move || given.recv().unwrap()).await.unwrap();
        assert!(!remote.is_open());
        assert_eq!(remote.send("late"), SendStatus::Closed);
    });
}

#[test]
fn the_end_of_the_server_is_the_end_of_its_handles() {
    for_each_engine(async |engine| {
        let (mut server, remotes) = serve(engine, Script::new()).await;
        let raw = server.open("/").await;
        let remote = remotes.recv().unwrap();
        server.stop();
        drop(raw);
        server.returned().await;
        assert_eq!(remote.send("late"), SendStatus::Closed);
    });
}
