//! Closing by topic and by filter.

use std::net::SocketAddr;

use longwire::{By, Engine};
use tokio::net::TcpStream;

use crate::support::{
    BINARY, CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked,
};

/// Enough clients that the system gives some to each loop.
const CLIENTS: usize = 40;

/// Clients of two loops, alternately subscribed to "/even" and "/odd", and to every topic that they send; "address"
/// requests their own address.
async fn clients(engine: Engine) -> (EventServer, Vec<Raw<TcpStream>>) {
    let script = Script::new().on_open(|socket| socket.subscribe(&socket.state().clone())).on_message(
        |socket, message| {
            let address = socket.peer_addr().unwrap().to_string();
            match message.as_text() {
                Some("address") => {
                    socket.send(address.as_str()).or_drop();
                }
                Some(topic) => {
                    socket.subscribe(topic);
                    socket.send(topic).or_drop();
                }
                None => {
                    socket.send(message).or_drop();
                }
            }
        },
    );
    let server = script.run(engine, |server| server.workers(2)).await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(server.open(if number % 2 == 0 { "/even" } else { "/odd" }).await);
    }
    (server, clients)
}

async fn expect_closed(raw: &mut Raw<TcpStream>, code: u16, reason: &str) {
    assert_eq!(raw.frame().await, Frame::new(CLOSE, close(code, reason)));
    raw.send(masked(CLOSE, close(code, reason))).await;
    raw.expect_end().await;
}

async fn expect_open(raw: &mut Raw<TcpStream>) {
    raw.send(masked(BINARY, "still open")).await;
    assert_eq!(raw.frame().await, Frame::new(BINARY, "still open"));
}

#[test]
fn all_subscribers_of_a_topic_are_closed_and_no_others() {
    for_each_engine(async |engine| {
        let (mut server, mut clients) = clients(engine).await;
        server.topics.publish("/even", "the last");
        let closed = server.topics.close("/even", 4000, "the game is over").unwrap().await;
        assert_eq!(closed, CLIENTS / 2);
        for pair in clients.chunks_mut(2) {
            assert_eq!(pair[0].frame().await, Frame::new(TEXT, "the last"), "it was published before");
            expect_closed(&mut pair[0], 4000, "the game is over").await;
            expect_open(&mut pair[1]).await;
        }
        server.expect_sometime(Told::close(4000, "the game is over", By::Local, true)).await;
        assert_eq!(server.topics.subscribers("/even"), 0);
        assert_eq!(server.topics.close("/even", 4000, "").unwrap().await, 0);
    });
}

/// Closing does not depend on whether the count is awaited.
#[test]
fn a_count_that_nobody_waits_for_is_closed_all_the_same() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients(engine).await;
        drop(server.topics.close("/even", 1000, "").unwrap());
        for client in clients.iter_mut().step_by(2) {
            expect_closed(client, 1000, "").await;
        }
    });
}

#[test]
fn a_filter_chooses_by_id_address_state_and_topics() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients(engine).await;
        clients[3].send(masked(TEXT, "special")).await;
        assert_eq!(clients[3].frame().await, Frame::new(TEXT, "special"));
        let topics = &server.topics;

        let special = topics.members("special").await[0];
        let by_id = topics.close_where(4001, "id", move |socket| socket.id() == special).unwrap();
        assert_eq!(by_id.await, 1);
        expect_closed(&mut clients.remove(3), 4001, "id").await;

        clients[0].send(masked(TEXT, "address")).await;
        let addr: SocketAddr = String::from_utf8(clients[0].frame().await.payload).unwrap().parse().unwrap();
        let by_addr =
            topics.close_where(4002, "address", move |socket| socket.peer_addr() == Some(addr)).unwrap();
        assert_eq!(by_addr.await, 1);
        expect_closed(&mut clients.remove(0), 4002, "address").await;

        // The state of these connections is a `String`.
        assert_eq!(topics.close_where(4003, "", |socket| socket.state::<u64>().is_some()).unwrap().await, 0);
        let is_odd = |state: &String| state == "/odd";
        let by_state = topics.close_where(4003, "state", move |socket| socket.state().is_some_and(is_odd));
        assert_eq!(by_state.unwrap().await, CLIENTS / 2 - 1);

        let by_topic =
            topics.close_where(4004, "topic", |socket| socket.topics().any(|topic| topic == "/even"));
        assert_eq!(by_topic.unwrap().await, CLIENTS / 2 - 1);
        for client in &mut clients {
            let frame = client.frame().await;
            assert!(frame.first == CLOSE, "{frame:?}");
        }
        assert_eq!(topics.close_where(4005, "", |_| true).unwrap().await, 0, "they are closing");
        assert_eq!(topics.count(), 0);
    });
}

#[test]
fn what_must_not_be_sent_closes_nobody() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients(engine).await;
        assert!(server.topics.close("/even", 1006, "").is_err());
        assert!(server.topics.close_where(4000, &"x".repeat(124), |_| true).is_err());
        for client in &mut clients {
            expect_open(client).await;
        }
    });
}

#[test]
fn a_filter_that_panics_closes_nobody() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients(engine).await;
        let closed = server.topics.close_where(4000, "", |_| panic!("as the test wants it")).unwrap().await;
        assert_eq!(closed, 0);
        for client in &mut clients {
            expect_open(client).await;
        }
    });
}
