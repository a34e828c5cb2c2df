//! The observer of topics: the first and the last subscriber of the whole server.

use std::sync::Arc;
use std::sync::mpsc::channel;

use longwire::{Engine, TopicEvent, Topics};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{EventServer, Frame, Raw, Script, TEXT, for_each_engine, masked};

/// "+topic" and "-topic" subscribe and unsubscribe; each message is echoed afterwards.
fn script() -> Script {
    Script::new().on_text(|socket, line| {
        if let Some(topic) = line.strip_prefix('+') {
            socket.subscribe(topic);
        } else if let Some(topic) = line.strip_prefix('-') {
            socket.unsubscribe(topic);
        }
        socket.send(line).or_drop();
    })
}

async fn say(raw: &mut Raw<TcpStream>, line: &str) {
    raw.send(masked(TEXT, line)).await;
    assert_eq!(raw.frame().await, Frame::new(TEXT, line));
}

/// "+topic" for the first subscriber, "-topic" for the last one.
fn line(event: TopicEvent<'_>) -> String {
    match event {
        TopicEvent::FirstSubscribed(topic) => format!("+{topic}"),
        TopicEvent::LastUnsubscribed(topic) => format!("-{topic}"),
        _ => panic!("{event:?}"),
    }
}

fn note(events: UnboundedSender<String>) -> impl FnMut(TopicEvent<'_>) + Send {
    move |event| drop(events.send(line(event)))
}

async fn observed(engine: Engine) -> (EventServer, UnboundedReceiver<String>) {
    let (events, observed) = unbounded_channel();
    let server = script().run(engine, |server| server.workers(3).on_topic(note(events))).await;
    (server, observed)
}

#[test]
fn the_first_and_the_last_subscriber_of_all_loops_are_observed_and_no_others() {
    for_each_engine(async |engine| {
        let (server, mut events) = observed(engine).await;
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = server.open("/").await;
            say(&mut client, "+news").await;
            clients.push(client);
        }
        let mut other = server.open("/").await;
        say(&mut other, "+weather").await;
        for client in &mut clients {
            say(client, "-news").await;
        }
        for expected in ["+news", "+weather", "-news"] {
            assert_eq!(events.recv().await.unwrap(), expected);
        }
        say(&mut clients[7], "+news").await;
        assert_eq!(events.recv().await.unwrap(), "+news");
        // Leaving unsubscribes as well.
        drop(clients);
        assert_eq!(events.recv().await.unwrap(), "-news");
    });
}

#[test]
fn when_run_has_returned_the_observer_has_heard_of_the_end_of_every_topic() {
    for_each_engine(async |engine| {
        let (mut server, mut events) = observed(engine).await;
        let mut clients = Vec::new();
        for number in 0..20 {
            let mut client = server.open("/").await;
            say(&mut client, &format!("+{number}")).await;
            assert_eq!(events.recv().await.unwrap(), format!("+{number}"));
            clients.push(client);
        }
        server.stop();
        drop(clients);
        server.returned().await;
        let mut rest = Vec::new();
        while let Ok(event) = events.try_recv() {
            rest.push(event);
        }
        rest.sort_by_key(|event| event.get(1..).unwrap().parse::<u32>().unwrap());
        assert_eq!(rest, (0..20).map(|number| format!("-{number}")).collect::<Vec<_>>());
        assert_eq!(events.recv().await, None, "the observer was dropped");
    });
}

/// The observer belongs to the running server; dropping the server's future drops it.
#[test]
fn a_server_that_is_dropped_drops_its_observer() {
    for_each_engine(async |engine| {
        let (server, mut events) = observed(engine).await;
        let mut client = server.open("/").await;
        say(&mut client, "+news").await;
        assert_eq!(events.recv().await.unwrap(), "+news");
        server.drop_future();
        assert_eq!(events.recv().await.unwrap(), "-news");
        assert_eq!(events.recv().await, None);
    });
}

#[test]
fn no_loop_waits_for_an_observer_and_what_is_over_meanwhile_is_passed_over() {
    for_each_engine(async |engine| {
        let ((events, mut observed), (go_on, may_go_on)) = (unbounded_channel(), channel::<()>());
        let observer = move |event: TopicEvent<'_>| {
            events.send(line(event)).unwrap();
            let _let_go = may_go_on.recv();
        };
        let server = script().run(engine, |server| server.workers(2).on_topic(observer)).await;
        let (mut a, mut b) = (server.open("/").await, server.open("/").await);
        say(&mut a, "+first").await;
        assert_eq!(observed.recv().await.unwrap(), "+first");
        for _ in 0..100 {
            say(&mut a, "+passing").await;
            say(&mut b, "+passing").await;
            say(&mut a, "-passing").await;
            say(&mut b, "-passing").await;
        }
        say(&mut a, "-first").await;
        say(&mut b, "+first").await;
        say(&mut b, "+last").await;
        go_on.send(()).unwrap();
        assert_eq!(observed.recv().await.unwrap(), "+last");
        drop(go_on);
    });
}

/// No lock is held during its calls.
#[test]
fn an_observer_may_ask_publish_and_close() {
    for_each_engine(async |engine| {
        let ((events, mut observed), (give, given)) = (unbounded_channel(), channel::<Topics>());
        let server = script()
            .run(engine, |server| {
                let mut topics = None;
                server.workers(2).on_topic(move |event| {
                    let topics = topics.get_or_insert_with(|| Arc::new(given.recv().unwrap()));
                    if let TopicEvent::FirstSubscribed(topic) = event {
                        assert_eq!(topics.publish(topic, "welcome"), 1);
                        let asking = (Arc::clone(topics), topic.to_owned(), events.clone());
                        tokio::spawn(async move {
                            let (topics, topic, events) = asking;
                            let members = topics.members(&topic).await.len();
                            let closed = topics.close(&topic, 1000, "").unwrap().await;
                            events.send(format!("{members} {closed}")).unwrap();
                        });
                    } else {
                        events.send(format!("{}", topics.count())).unwrap();
                        panic!("as the test wants it");
                    }
                })
            })
            .await;
        give.send(server.topics.clone()).unwrap();
        for _ in 0..2 {
            let mut client = server.open("/").await;
            say(&mut client, "+news").await;
            assert_eq!(client.frame().await, Frame::new(TEXT, "welcome"));
            let mut heard = [observed.recv().await.unwrap(), observed.recv().await.unwrap()];
            heard.sort_unstable();
            assert_eq!(heard, ["0", "1 1"]);
        }
    });
}
