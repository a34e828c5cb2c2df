//! How many connections have subscribed to a topic, and which ones.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use longwire::{Engine, SocketId};
use tokio::net::TcpStream;

use crate::support::{CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked};

/// Connections subscribe to the topic that their path names. They answer "publish" and "publish to others" with the
/// count of subscribers reached, and "topics" with their topics; at "close" they close.
fn script() -> Script {
    Script::new().on_open(|socket| socket.subscribe(&socket.state().clone())).on_text(|socket, text| {
        let topic = socket.state().clone();
        let answer = match text {
            "publish" => socket.publish(&topic, "published").to_string(),
            "publish to others" => socket.publish_to_others(&topic, "published to others").to_string(),
            "publish elsewhere" => socket.publish("/elsewhere", "published").to_string(),
            "topics" => socket.topics().collect::<Vec<_>>().join(","),
            "close" => return socket.close(4000, "enough").unwrap(),
            other => other.to_owned(),
        };
        socket.send(answer.as_str()).or_drop();
    })
}

/// Enough clients that the system gives some to each loop.
const CLIENTS: usize = 60;

async fn clients_of_three_loops(engine: Engine) -> (EventServer, Vec<Raw<TcpStream>>) {
    let server = script().run(engine, |server| server.workers(3)).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(server.open("/news").await);
    }
    (server, clients)
}

async fn answer(raw: &mut Raw<TcpStream>, question: &str) -> String {
    raw.send(masked(TEXT, question)).await;
    String::from_utf8(raw.frame().await.payload).unwrap()
}

#[test]
fn whoever_publishes_learns_for_how_many() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients_of_three_loops(engine).await;
        let mut other = server.open("/weather").await;
        assert_eq!(server.topics.publish("/news", "from outside"), CLIENTS);
        assert_eq!(server.topics.publish("/weather", "from outside"), 1);
        assert_eq!(server.topics.publish("/sports", "from outside"), 0);
        for client in clients.iter_mut().chain([&mut other]) {
            assert_eq!(client.frame().await, Frame::new(TEXT, "from outside"));
        }
        assert_eq!(answer(&mut clients[0], "publish").await, CLIENTS.to_string());
        assert_eq!(clients[0].frame().await, Frame::new(TEXT, "published"));
        assert_eq!(answer(&mut clients[0], "publish to others").await, (CLIENTS - 1).to_string());
        assert_eq!(answer(&mut other, "publish to others").await, "0");
        assert_eq!(answer(&mut other, "publish elsewhere").await, "0");
        for client in &mut clients[1..] {
            assert_eq!(client.frame().await, Frame::new(TEXT, "published"));
            assert_eq!(client.frame().await, Frame::new(TEXT, "published to others"));
        }
    });
}

#[test]
fn subscribers_of_all_loops_are_counted_and_named() {
    for_each_engine(async |engine| {
        let (opened, all_opened) = channel();
        let opened = Mutex::new(opened);
        let server = Script::new()
            .on_open(move |socket| {
                socket.subscribe("all");
                socket.subscribe(&socket.state().clone());
                opened.lock().unwrap().send(socket.id()).unwrap();
            })
            .run(engine, |server| server.workers(3))
            .await;
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(server.open(if number % 2 == 0 { "/even" } else { "/odd" }).await);
        }
        let ids: Vec<SocketId> = all_opened.try_iter().collect();
        let (mut all, odd) = (ids.clone(), ids.iter().skip(1).step_by(2).copied().collect::<HashSet<_>>());
        all.sort_unstable();
        assert_eq!(server.topics.members("all").await, all);
        assert_eq!(server.topics.members("/odd").await.into_iter().collect::<HashSet<_>>(), odd);
        assert_eq!(server.topics.members("/none").await, []);
        assert_eq!(server.topics.subscribers("all"), CLIENTS);
        assert_eq!(server.topics.subscribers("/odd"), CLIENTS / 2);
        assert_eq!(server.topics.subscribers("/none"), 0);
        let mut names = server.topics.names();
        names.sort_unstable();
        assert_eq!((names.len(), server.topics.count()), (3, 3));
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["/even", "/odd", "all"]);
    });
}

#[test]
fn a_connection_knows_its_topics() {
    for_each_engine(async |engine| {
        let server = script().run(engine, |server| server).await;
        let mut raw = server.open("/news").await;
        assert_eq!(answer(&mut raw, "topics").await, "/news");
    });
}

/// It once counted until its transport ended, which its peer may delay by `Limits::close_time`.
#[test]
fn a_connection_that_is_closing_does_not_count() {
    for_each_engine(async |engine| {
        let mut server = script().run(engine, |server| server).await;
        let mut closing = server.open("/news").await;
        let stays = server.open("/news").await;
        closing.send(masked(TEXT, "close")).await;
        assert_eq!(closing.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        assert_eq!(server.topics.subscribers("/news"), 1);
        assert_eq!(server.topics.publish("/news", "to one"), 1);
        assert_eq!(server.topics.members("/news").await.len(), 1);
        drop(stays);
        while !matches!(server.told().await, Some(Told::Close(..))) {}
        assert_eq!(server.topics.count(), 0);
    });
}

#[test]
fn a_server_that_has_ended_has_no_subscribers_and_answers() {
    for_each_engine(async |engine| {
        let mut server = script().run(engine, |server| server.workers(2)).await;
        let topics = server.topics.clone();
        let client = server.open("/news").await;
        assert_eq!(topics.count(), 1);
        server.stop();
        drop(client);
        server.returned().await;
        assert_eq!((topics.count(), topics.subscribers("/news")), (0, 0));
        assert_eq!(topics.members("/news").await, []);
        assert_eq!(topics.close_where(1000, "", |_| true).unwrap().await, 0);
    });
}
