//! Connection state recovery: nothing is lost, and nothing comes twice.

use std::future::IntoFuture;
use std::time::Duration;

use super::super::{RecoveryConfig, SocketIo, SocketIoConfig};
use super::client::{Client, Log, log_ends, settle};
use crate::engine::CloseReason;

fn server_with(change: impl FnOnce(&mut RecoveryConfig)) -> SocketIo {
    let mut recovery = RecoveryConfig::default();
    change(&mut recovery);
    let config = SocketIoConfig { recovery: Some(recovery), ..SocketIoConfig::default() };
    SocketIo::with(config)
}

fn server() -> SocketIo {
    server_with(|_| {})
}

/// A client, and what it needs to continue.
struct Session {
    client: Client,
    sid: String,
    pid: String,
}

impl Session {
    fn begin(io: &SocketIo) -> Session {
        Session::connect(io, "0")
    }

    fn connect(io: &SocketIo, packet: &str) -> Session {
        let mut client = Client::open(io);
        client.send(packet);
        Session::of(client)
    }

    fn of(client: Client) -> Session {
        let answer = client.connected();
        let field = |name: &str| answer[name].as_str().expect("text").to_owned();
        Session { sid: field("sid"), pid: field("pid"), client }
    }

    fn cut(&mut self) {
        self.client.close(CloseReason::TransportError);
    }

    /// A new connection that continues behind an event. Returns what it gets; the first packet is the greeting.
    fn resume(&self, io: &SocketIo, offset: Option<u64>) -> (Client, Vec<String>) {
        let mut client = Client::open(io);
        match offset {
            Some(offset) => client.send(&format!(r#"0{{"pid":"{}","offset":"{offset}"}}"#, self.pid)),
            None => client.send(&format!(r#"0{{"pid":"{}"}}"#, self.pid)),
        }
        let received = client.received();
        (client, received)
    }

    fn greeting(&self) -> String {
        format!(r#"0{{"pid":"{}","sid":"{}"}}"#, self.pid, self.sid)
    }

    #[track_caller]
    fn expect_continued(&self, received: &[String], missed: &[&str]) {
        assert_eq!(received.first(), Some(&self.greeting()));
        assert_eq!(
            received.get(1..),
            Some(missed.iter().map(|&packet| packet.to_owned()).collect::<Vec<_>>().as_slice())
        );
    }

    #[track_caller]
    fn expect_anew(&self, received: &[String]) {
        assert_eq!(received.len(), 1, "{received:?}");
        assert!(!received[0].contains(&self.pid) && !received[0].contains(&self.sid), "{received:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_what_it_missed_once() {
    let io = server();
    let mut session = Session::begin(&io);
    io.emit("a", 1).expect("valid");
    io.emit("a", 2).expect("valid");
    session.client.expect(&[r#"2["a",1,"1"]"#, r#"2["a",2,"2"]"#]);
    session.cut();
    io.emit("a", 3).expect("valid");
    // The second event was lost on its way.
    let (client, received) = session.resume(&io, Some(1));
    session.expect_continued(&received, &[r#"2["a",2,"2"]"#, r#"2["a",3,"3"]"#]);
    io.emit("a", 4).expect("valid");
    client.expect(&[r#"2["a",4,"4"]"#]);
    assert_eq!(io.fetch_sockets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_cut_off_again_and_again() {
    let io = server();
    let mut session = Session::begin(&io);
    session.cut();
    let mut got = Vec::new();
    for number in 1..=10 {
        io.emit("a", number).expect("valid");
        // It stores the newest offset, but each second time it is cut off before anything arrives.
        let offset = u64::try_from(got.len()).expect("small");
        let (mut client, received) = session.resume(&io, (offset > 0).then_some(offset));
        if number % 2 == 0 {
            got.extend_from_slice(&received[1..]);
        }
        client.close(CloseReason::TransportError);
    }
    let expected: Vec<String> = (1..=10).map(|number| format!(r#"2["a",{number},"{number}"]"#)).collect();
    assert_eq!(got, expected);
}

#[tokio::test(start_paused = true)]
async fn rooms_data_and_identity_survive() {
    let (io, log) = (server(), Log::default());
    let lines = log.clone();
    io.on_connect(async move |socket, _auth| {
        if !socket.is_recovered() {
            socket.insert(String::from("Ann"));
            socket.join("tea");
        }
        lines.add(format!("{} {:?}", socket.is_recovered(), socket.get::<String>().as_deref()));
    });
    let mut session = Session::begin(&io);
    session.cut();
    assert!(io.to("tea").fetch_sockets().is_empty());
    io.to("tea").emit("a", 1).expect("valid");
    io.to("coffee").emit("b", 2).expect("valid");
    io.except("tea").emit("c", 3).expect("valid");
    let (client, received) = session.resume(&io, None);
    session.expect_continued(&received, &[r#"2["a",1,"1"]"#]);
    assert_eq!(log.take(), [r#"false Some("Ann")"#, r#"true Some("Ann")"#]);
    io.to("tea").emit("d", 4).expect("valid");
    io.to(session.sid.as_str()).emit("e", 5).expect("valid");
    client.expect(&[r#"2["d",4,"4"]"#, r#"2["e",5,"5"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_room_counts_while_the_socket_was_in_it() {
    let io = server();
    let mut session = Session::begin(&io);
    let socket = io.fetch_sockets().pop().expect("a socket");
    io.to("tea").emit("too early", ()).expect("valid");
    socket.join("tea");
    io.to("tea").emit("in time", ()).expect("valid");
    socket.leave("tea");
    io.to("tea").emit("too late", ()).expect("valid");
    session.client.expect(&[r#"2["in time","2"]"#]);
    session.cut();
    let (_client, received) = session.resume(&io, None);
    session.expect_continued(&received, &[r#"2["in time","2"]"#]);
}

#[tokio::test(start_paused = true)]
async fn events_from_before_the_session_are_not_given_away() {
    let io = server();
    io.emit("secret", ()).expect("valid");
    let mut session = Session::begin(&io);
    io.emit("public", ()).expect("valid");
    session.cut();
    let (_client, received) = session.resume(&io, Some(0));
    session.expect_continued(&received, &[r#"2["public","2"]"#]);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_socket_are_kept_and_others_are_not() {
    let io = server();
    let mut session = Session::begin(&io);
    let mut other = Client::join(&io);
    let socket = io.to(session.sid.as_str()).fetch_sockets().pop().expect("a socket");
    socket.emit("mine", ()).expect("valid");
    socket.volatile().emit("volatile", ()).expect("valid");
    drop(tokio::spawn(socket.emit_with_ack::<()>("acknowledged", ()).into_future()));
    settle().await;
    session.client.expect(&[r#"2["mine","1"]"#, r#"20["acknowledged"]"#]);
    other.expect(&[]);
    session.cut();
    let (_client, received) = session.resume(&io, None);
    session.expect_continued(&received, &[r#"2["mine","1"]"#]);
    other.close(CloseReason::TransportClose);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_continue_begins_anew() {
    let io = server_with(|recovery| recovery.max_events = 2);
    // It was away for too long.
    let mut session = Session::begin(&io);
    session.cut();
    tokio::time::sleep(Duration::from_secs(121)).await;
    session.expect_anew(&session.resume(&io, None).1);
    // An event that it missed is kept no longer.
    let mut session = Session::begin(&io);
    session.cut();
    (1..=3).for_each(|number| io.emit("a", number).expect("valid"));
    session.expect_anew(&session.resume(&io, None).1);
    // It left by itself.
    let mut session = Session::begin(&io);
    session.client.send("1");
    session.expect_anew(&session.resume(&io, None).1);
    // The server removed it.
    let session = Session::begin(&io);
    io.disconnect_sockets();
    session.expect_anew(&session.resume(&io, None).1);
    // Its secret, or its offset, is invented.
    let mut session = Session::begin(&io);
    session.cut();
    for auth in [r#"{"pid":"x"}"#, r#"{"pid":7,"offset":[]}"#, r#"{"offset":"1"}"#, r#"{"pid":null}"#] {
        let anew = Session::connect(&io, &format!("0{auth}"));
        assert!(anew.pid != session.pid && anew.sid != session.sid, "{auth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_continues_although_old_events_are_gone() {
    let io = server_with(|recovery| recovery.max_events = 2);
    let mut session = Session::begin(&io);
    io.to(session.sid.as_str()).emit("mine", ()).expect("valid");
    (0..5).for_each(|_| io.to("others").emit("a", ()).expect("valid"));
    session.cut();
    io.emit("b", ()).expect("valid");
    let (_client, received) = session.resume(&io, Some(1));
    session.expect_continued(&received, &[r#"2["b","7"]"#]);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded() {
    let io = server_with(|recovery| {
        recovery.max_bytes = 1_000;
        recovery.max_missed_bytes = 500;
        recovery.max_disconnected = 2;
    });
    // Too many bytes for one client.
    let mut session = Session::begin(&io);
    session.cut();
    io.emit("a", "x".repeat(600)).expect("valid");
    session.expect_anew(&session.resume(&io, None).1);
    // Too many bytes for the namespace.
    let mut session = Session::begin(&io);
    session.cut();
    io.emit("a", "x".repeat(1_001)).expect("valid");
    session.expect_anew(&session.resume(&io, None).1);
    // Too many sessions: the oldest is forgotten.
    let mut sessions = [Session::begin(&io), Session::begin(&io), Session::begin(&io)];
    sessions.iter_mut().for_each(Session::cut);
    sessions[0].expect_anew(&sessions[0].resume(&io, None).1);
    sessions[1].expect_continued(&sessions[1].resume(&io, None).1, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_come_back_before_its_end_was_noticed() {
    let io = server();
    let ends = log_ends(&io);
    let session = Session::begin(&io);
    io.emit("a", ()).expect("valid");
    let (client, received) = session.resume(&io, None);
    session.expect_continued(&received, &[r#"2["a","1"]"#]);
    assert_eq!((session.client.end(), client.end()), (Some(CloseReason::ForcedClose), None));
    settle().await;
    assert_eq!(ends.take(), ["transport close"]);
    assert_eq!(io.fetch_sockets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_middleware_is_asked_once() {
    let (io, log) = (server(), Log::default());
    let lines = log.clone();
    io.use_middleware(async move |_socket, _auth| {
        lines.add("asked");
        Ok(())
    });
    let mut session = Session::begin(&io);
    session.cut();
    session.expect_continued(&session.resume(&io, None).1, &[]);
    assert_eq!(log.take(), ["asked"]);
}

/// Not only at the next event: a namespace may be quiet for long.
#[tokio::test(start_paused = true)]
async fn what_has_expired_is_forgotten_in_time() {
    let io = server_with(|_| {});
    let _client = Client::join(&io);
    for _ in 0..3 {
        io.emit("news", "text").expect("valid");
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    assert_eq!(io.members().kept_events(), 2);
    tokio::time::sleep(Duration::from_secs(101)).await;
    assert_eq!(io.members().kept_events(), 0);
}
