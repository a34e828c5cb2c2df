//! Clients that reset a connection while their messages wait for room in its queue.

use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use longwire::{By, Limits};
use tokio::net::TcpStream;

use crate::support::{
    BINARY, CLOSE, Conn, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// Far more than the systems of both ends buffer.
const MANY: usize = 400;

/// Answers with much more than it received.
fn answer(socket: &mut Conn<'_>, text: &str) {
    if text == "round" {
        socket.send(text).or_drop();
    } else {
        socket.send(vec![0; 64 << 10]).or_drop();
    }
}

fn limits() -> Limits {
    patient().low_water(10_000).high_water(50_000)
}

/// Waiting input was once parsed only when there was room in the queue, which never came: the connection lasted until
/// the keepalive ended it, and without a keepalive as long as the server.
#[test]
fn what_had_arrived_is_given_and_the_connection_ends() {
    for_each_engine(async |engine| {
        let mut server = Script::new().on_text(answer).run(engine, |server| server.limits(limits())).await;
        let mut other = server.open("/").await;
        server.expect(Told::Open).await;
        let mut slow = server.open_narrow("/").await;
        server.expect(Told::Open).await;
        let numbers = || (0..MANY).map(|number| number.to_string());
        slow.send(numbers().flat_map(|number| masked(TEXT, number)).collect::<Vec<u8>>()).await;
        server.go_round(&mut other).await;
        slow.into_inner().set_zero_linger().unwrap();
        let mut expected = numbers().map(Told::message);
        loop {
            match server.told().await.unwrap() {
                Told::Message(message) if message.as_text() == Some("round") => {}
                Told::Drain => {}
                told @ Told::Message(_) => assert_eq!(Some(told), expected.next()),
                told => {
                    assert_eq!(told, Told::lost());
                    break;
                }
            }
        }
        assert_eq!(expected.next(), None);
        drop(other);
        server.expect(Told::lost()).await;
        server.end().await;
    });
}

/// While a connection was read by direct calls, over io_uring, the ring was asked to read it, too, after each of them. The
/// end of the connection then forgot what the ring still had in flight, and what both read could change places.
#[test]
fn an_end_right_behind_a_burst_ends_a_connection_that_large_messages_arrive_on() {
    for_each_engine(async |engine| {
        // Each frame takes 128 bytes, so the burst is three direct reads of 32 KiB, and the fourth finds the end.
        let numbers = || (0..768).map(|number| format!("{number:0122}"));
        let (go_on, wait) = channel();
        let wait = Mutex::new(wait);
        let script = Script::new().on_message(move |_, message| {
            if message.as_text() == Some("wait") {
                wait.lock().unwrap().recv().unwrap();
            }
        });
        let mut server = script.run(engine, |server| server.limits(patient())).await;
        let mut client = server.open("/").await;
        server.expect(Told::Open).await;
        client.send(masked(BINARY, vec![7; 1 << 20])).await;
        server.expect(Told::message(vec![7; 1 << 20])).await;
        client.send(masked(TEXT, "wait")).await;
        server.expect(Told::message("wait")).await;
        client.send(numbers().flat_map(|number| masked(TEXT, number)).collect::<Vec<u8>>()).await;
        client.finish().await;
        go_on.send(()).unwrap();
        for number in numbers() {
            server.expect(Told::message(number)).await;
        }
        server.expect(Told::lost()).await;
        client.expect_end().await;
        server.end().await;
    });
}

/// Two addresses could once fill the server's memory: the buffers of such connections counted for as long as the
/// connections lasted.
#[test]
fn what_they_held_is_given_back() {
    for_each_engine(async |engine| {
        let limits = patient().message(6 << 20);
        let mut server =
            Script::new().run(engine, |server| server.limits(limits).max_buffered(16 << 20)).await;
        let mut other = server.open("/").await;
        for _ in 0..3 {
            let mut stalled = Vec::new();
            for _ in 0..8 {
                stalled.push(stall(&server, &mut other).await);
            }
            for stream in stalled {
                stream.set_zero_linger().unwrap();
            }
            for _ in 0..8 {
                server.expect_sometime(Told::lost()).await;
            }
        }
        // While it arrives, it takes the same amount again; that would exceed the limit if any of the others still
        // counted.
        other.send(masked(TEXT, "x".repeat(5 << 20))).await;
        assert_eq!(other.frame().await.payload.len(), 5 << 20);
        other.send(masked(CLOSE, close(1000, ""))).await;
        assert_eq!(other.frame().await, Frame::new(CLOSE, close(1000, "")));
        other.expect_end().await;
        server.expect_sometime(Told::close(1000, "", By::Peer, true)).await;
        server.end().await;
    });
}

/// A client that sends messages of 300,000 bytes to be echoed, until the server stops reading.
async fn stall(server: &EventServer, other: &mut Raw<TcpStream>) -> TcpStream {
    let stream = server.open_narrow("/").await.into_inner();
    let message = masked(TEXT, "x".repeat(300_000));
    let (mut sent, mut rounds_in_vain) = (0, 0);
    while sent < 4 * message.len() && rounds_in_vain < 3 {
        match stream.try_write(&message[sent % message.len()..]) {
            Ok(count) => (sent, rounds_in_vain) = (sent + count, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                server.go_round(other).await;
                rounds_in_vain += 1;
            }
        }
    }
    stream
}
