//! Topics: which connections get a published message.

use longwire::{Client, Deflate, Engine, Message, Topics};

use crate::support::{CLOSE, EventServer, Frame, Raw, Script, TEXT, close, for_each_engine, masked};

/// A chat: "+topic" and "-topic" subscribe and unsubscribe, "topic:message" publishes, and "!topic:message" publishes
/// to the others.
fn chat() -> Script {
    Script::new().on_text(|socket, line| {
        if let Some(topic) = line.strip_prefix('+') {
            socket.subscribe(topic);
            socket.send("subscribed").or_drop();
        } else if let Some(topic) = line.strip_prefix('-') {
            let status = if socket.unsubscribe(topic) { "unsubscribed" } else { "was not subscribed" };
            socket.send(status).or_drop();
        } else if let Some((topic, message)) = line.strip_prefix('!').and_then(|line| line.split_once(':')) {
            socket.publish_to_others(topic, message);
        } else if let Some((topic, message)) = line.split_once(':') {
            socket.publish(topic, message);
        } else {
            socket.send(line).or_drop();
        }
    })
}

async fn say(raw: &mut Raw<tokio::net::TcpStream>, line: &str) {
    raw.send(masked(TEXT, line)).await;
}

async fn expect(raw: &mut Raw<tokio::net::TcpStream>, line: &str) {
    assert_eq!(raw.frame().await, Frame::new(TEXT, line));
}

async fn subscriber(server: &EventServer, topic: &str) -> Raw<tokio::net::TcpStream> {
    let mut raw = server.open("/").await;
    say(&mut raw, &format!("+{topic}")).await;
    expect(&mut raw, "subscribed").await;
    raw
}

#[test]
fn subscribers_get_what_is_published_and_others_do_not() {
    for_each_engine(async |engine| {
        let server = chat().run(engine, |server| server).await;
        let (mut a, mut b) = (subscriber(&server, "news").await, subscriber(&server, "news").await);
        let mut c = subscriber(&server, "weather").await;
        say(&mut a, "news:it is late").await;
        say(&mut a, "!news:later still").await;
        say(&mut a, "done").await;
        for line in ["it is late", "done"] {
            expect(&mut a, line).await;
        }
        for line in ["it is late", "later still"] {
            expect(&mut b, line).await;
        }
        say(&mut c, "nothing came").await;
        expect(&mut c, "nothing came").await;
        // A publisher need not have subscribed.
        say(&mut c, "news:from outside").await;
        expect(&mut a, "from outside").await;
        expect(&mut b, "from outside").await;
    });
}

#[test]
fn a_subscription_counts_once_and_ends_once() {
    for_each_engine(async |engine| {
        let server = chat().run(engine, |server| server).await;
        let mut raw = subscriber(&server, "news").await;
        for line in ["+news", "news:once", "-news", "-news", "news:nobody", "-never", "end"] {
            say(&mut raw, line).await;
        }
        for line in ["subscribed", "once", "unsubscribed", "was not subscribed", "was not subscribed", "end"]
        {
            expect(&mut raw, line).await;
        }
    });
}

#[test]
fn what_is_published_in_one_read_arrives_in_order() {
    for_each_engine(async |engine| {
        let server = chat().run(engine, |server| server).await;
        let (mut a, mut b) = (subscriber(&server, "room").await, subscriber(&server, "room").await);
        let lines = ["room:1", "2", "room:3", "4", "room:5"];
        a.send(lines.iter().flat_map(|line| masked(TEXT, line)).collect::<Vec<u8>>()).await;
        for line in ["1", "2", "3", "4", "5"] {
            expect(&mut a, line).await;
        }
        for line in ["1", "3", "5"] {
            expect(&mut b, line).await;
        }
    });
}

#[test]
fn it_is_published_on_opening_and_on_closing_too() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_open(|socket| {
                let name = socket.state().clone();
                socket.subscribe("room");
                socket.publish_to_others("room", format!("{name} came"));
            })
            .on_close(|socket| {
                let name = socket.state().clone();
                socket.publish("room", format!("{name} left"));
            })
            .run(engine, |server| server)
            .await;
        let mut stays = server.open("/stays").await;
        let mut closes = server.open("/closes").await;
        expect(&mut stays, "/closes came").await;
        closes.send(masked(CLOSE, close(1000, ""))).await;
        assert_eq!(
            closes.frame().await,
            Frame::new(CLOSE, close(1000, "")),
            "it must have left before the others learn about it"
        );
        expect(&mut stays, "/closes left").await;
        drop(server.open("/vanishes").await);
        expect(&mut stays, "/vanishes came").await;
        expect(&mut stays, "/vanishes left").await;
    });
}

#[test]
fn subscribing_is_done_before_the_client_knows_that_it_is_connected() {
    for_each_engine(async |engine| {
        let server =
            Script::new().on_open(|socket| socket.subscribe("room")).run(engine, |server| server).await;
        for number in 0..100 {
            let mut raw = server.open("/").await;
            server.topics.publish("room", number.to_string());
            expect(&mut raw, &number.to_string()).await;
        }
    });
}

async fn clients_of_three_loops(engine: Engine) -> (EventServer, Vec<Raw<tokio::net::TcpStream>>) {
    let server = chat().run(engine, |server| server.workers(3)).await;
    let mut clients = Vec::new();
    // Enough clients that the system gives some to each loop.
    for _ in 0..60 {
        clients.push(subscriber(&server, "all").await);
    }
    (server, clients)
}

#[test]
fn subscribers_of_all_loops_get_everything_once_and_in_order() {
    for_each_engine(async |engine| {
        let (server, mut clients) = clients_of_three_loops(engine).await;
        let from_outside: Vec<String> = (0..100).map(|number| format!("outside {number}")).collect();
        let from_client: Vec<String> = (0..100).map(|number| format!("client {number}")).collect();
        let lines = from_client.iter().flat_map(|line| masked(TEXT, format!("all:{line}")));
        clients[0].send(lines.collect::<Vec<u8>>()).await;
        for line in &from_outside {
            server.topics.publish("all", line.as_str());
        }
        for client in &mut clients {
            let (mut outside, mut of_client) = (from_outside.iter(), from_client.iter());
            for _ in 0..200 {
                let Frame { payload, .. } = client.frame().await;
                let expected =
                    if payload.starts_with(b"outside") { outside.next() } else { of_client.next() };
                assert_eq!(Some(&String::from_utf8(payload).unwrap()), expected);
            }
            say(client, "nothing more").await;
            expect(client, "nothing more").await;
        }
        assert_eq!(server.topics.dropped().total(), 0);
    });
}

#[test]
fn others_are_others_of_every_loop() {
    for_each_engine(async |engine| {
        let (_server, mut clients) = clients_of_three_loops(engine).await;
        say(&mut clients[0], "!all:hello").await;
        say(&mut clients[0], "nothing came").await;
        expect(&mut clients[0], "nothing came").await;
        for client in &mut clients[1..] {
            expect(client, "hello").await;
        }
    });
}

#[test]
fn a_publication_is_compressed_for_those_who_agreed_to_it() {
    for_each_engine(async |engine| {
        let server = chat().run(engine, |server| server).await;
        let url = server.url("/");
        let mut clients = Vec::new();
        for deflate in [None, Some(Deflate::default()), Some(Deflate::default()), None] {
            let mut client = Client::new().deflate(deflate).connect(&*url).await.unwrap();
            client.send("+news").await.unwrap();
            assert_eq!(client.recv().await.unwrap(), Some("subscribed".into()));
            clients.push(client);
        }
        for number in 0..10 {
            let message = Message::from(format!("again and {number} again ").repeat(200));
            server.topics.publish("news", message.clone());
            for client in &mut clients {
                assert_eq!(client.recv().await.unwrap().as_ref(), Some(&message));
                // A message to one client arrives in between.
                client.send("private").await.unwrap();
                assert_eq!(client.recv().await.unwrap(), Some("private".into()));
            }
        }
    });
}

#[test]
fn who_publishes_before_the_server_runs_or_after_it_ended_harms_nobody() {
    for_each_engine(async |engine| {
        let early = |topics: &Topics| assert_eq!(topics.publish("news", "too early"), 0);
        let mut server = chat().run_with_topics(engine, early).await;
        let mut raw = subscriber(&server, "news").await;
        assert_eq!(server.topics.publish("news", "in time"), 1);
        expect(&mut raw, "in time").await;
        let topics = server.topics.clone();
        server.stop();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "the server is shutting down")));
        raw.send(masked(CLOSE, close(1001, ""))).await;
        server.returned().await;
        assert_eq!(topics.publish("news", "too late"), 0);
        raw.expect_end().await;
    });
}
