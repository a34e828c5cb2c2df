//! Subscriptions that another thread starts, at a point of the order of publications.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use longwire::{Engine, PausedSubscription, Slow};
use tokio::net::TcpStream;

use crate::support::{
    CLOSE, Conn, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked,
};

/// A server whose clients at "/paused" subscribe to "news", paused, and those at "/live" at once.
struct Paused {
    server: EventServer,
    /// The subscriptions of "/paused".
    subscriptions: Receiver<PausedSubscription>,
    /// Says that the loop waits.
    waits: Receiver<()>,
    /// Lets the loop continue that has received "wait".
    go_on: Sender<()>,
}

impl Paused {
    /// "wait" makes the loop wait for the test. `on_text` handles other messages, and is called again after the wait.
    async fn serve(engine: Engine, on_text: impl Fn(&mut Conn<'_>, &str) + Send + Sync + 'static) -> Paused {
        let (given, subscriptions) = channel();
        let (waiting, waits) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let script = Script::new()
            .on_open(move |socket| match socket.state().as_str() {
                "/paused" => given.send(socket.subscribe_paused("news", Slow::Disconnect)).unwrap(),
                "/live" => socket.subscribe("news"),
                _ => {}
            })
            .on_text(move |socket, text| {
                on_text(socket, text);
                if text == "wait" {
                    waiting.send(()).unwrap();
                    may_go_on.lock().unwrap().recv().unwrap();
                    on_text(socket, "after the wait");
                }
            });
        let server = script.run(engine, |server| server).await;
        Paused { server, subscriptions, waits, go_on }
    }

    async fn paused(&self) -> (Raw<TcpStream>, PausedSubscription) {
        let raw = self.server.open("/paused").await;
        (raw, self.subscriptions.recv().unwrap())
    }
}

fn echo(socket: &mut Conn<'_>, text: &str) {
    if text != "wait" && text != "after the wait" {
        socket.send(text).or_drop();
    }
}

async fn expect(raw: &mut Raw<TcpStream>, lines: &[&str]) {
    for line in lines {
        assert_eq!(raw.frame().await, Frame::new(TEXT, *line));
    }
}

/// Nothing but the echo arrives.
async fn expect_nothing_else(server: &EventServer, raw: &mut Raw<TcpStream>) {
    server.go_round(raw).await;
}

#[test]
fn it_begins_after_earlier_messages_and_misses_no_later_one() {
    for_each_engine(async |engine| {
        let test = Paused::serve(engine, echo).await;
        let (mut paused, subscription) = test.paused().await;
        let mut live = test.server.open("/live").await;
        test.server.topics.publish("news", "0");
        expect(&mut live, &["0"]).await;
        live.send(masked(TEXT, "wait")).await;
        test.waits.recv().unwrap();
        // The loop has taken none of these.
        assert_eq!(test.server.topics.publish("news", "1"), 2, "a paused subscriber counts");
        std::thread::spawn(move || subscription.start()).join().unwrap();
        test.server.topics.publish("news", "2");
        test.go_on.send(()).unwrap();
        test.server.topics.publish("news", "3");
        expect(&mut live, &["1", "2", "3"]).await;
        expect(&mut paused, &["2", "3"]).await;
        expect_nothing_else(&test.server, &mut paused).await;
    });
}

/// A loop usually delivers publications of its own handlers without its mailbox, where the start waits. Such a message
/// would overtake the start, and the subscriber would miss it.
#[test]
fn publications_of_handlers_on_its_loop_keep_the_order() {
    for_each_engine(async |engine| {
        let on_text = |socket: &mut Conn<'_>, text: &str| match text {
            "wait" => assert_eq!(socket.publish("news", "handler, before"), 2),
            "after the wait" => {
                assert_eq!(socket.publish("news", "handler, after"), 2);
                assert_eq!(socket.publish_to_others("news", "to the other"), 1);
            }
            _ => socket.send(text).or_drop(),
        };
        let test = Paused::serve(engine, on_text).await;
        let (mut paused, subscription) = test.paused().await;
        let mut live = test.server.open("/live").await;
        live.send(masked(TEXT, "wait")).await;
        test.waits.recv().unwrap();
        test.server.topics.publish("news", "thread, before");
        subscription.start();
        test.server.topics.publish("news", "thread, after");
        test.go_on.send(()).unwrap();
        let lines = ["handler, before", "thread, before", "thread, after", "handler, after"];
        expect(&mut live, &lines).await;
        expect(&mut paused, &["thread, after", "handler, after", "to the other"]).await;
        expect_nothing_else(&test.server, &mut paused).await;
        expect_nothing_else(&test.server, &mut live).await;
    });
}

#[test]
fn it_counts_is_listed_and_is_closed_before_it_begins() {
    for_each_engine(async |engine| {
        let test = Paused::serve(engine, echo).await;
        let (mut paused, subscription) = test.paused().await;
        let topics = &test.server.topics;
        assert_eq!((topics.subscribers("news"), topics.names()), (1, vec!["news".into()]));
        assert_eq!(topics.members("news").await, [subscription.socket_id()]);
        assert_eq!(topics.close("news", 4000, "enough").unwrap().await, 1);
        assert_eq!(paused.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        assert_eq!(topics.subscribers("news"), 0);
        subscription.start();
        let mut next = test.server.open("/").await;
        assert_eq!(topics.publish("news", "nobody"), 0);
        expect_nothing_else(&test.server, &mut next).await;
    });
}

#[test]
fn it_ends_when_it_is_dropped() {
    for_each_engine(async |engine| {
        let test = Paused::serve(engine, echo).await;
        let (mut paused, subscription) = test.paused().await;
        drop(subscription);
        test.server.go_round(&mut paused).await;
        assert_eq!(test.server.topics.subscribers("news"), 0);
        assert_eq!(test.server.topics.publish("news", "nobody"), 0);
        expect_nothing_else(&test.server, &mut paused).await;
    });
}

/// "topics" answers with the topics of the connection; "pause" subscribes again, paused.
fn again(given: Sender<PausedSubscription>) -> impl Fn(&mut Conn<'_>, &str) {
    let given = Mutex::new(given);
    move |socket, text| match text {
        "pause" => {
            let subscription = socket.subscribe_paused("news", Slow::Disconnect);
            given.lock().unwrap().send(subscription).unwrap();
        }
        "subscribe" => socket.subscribe("news"),
        "unsubscribe" => assert!(socket.unsubscribe("news")),
        "topics" => {
            let topics = socket.topics().collect::<Vec<_>>().join(",");
            socket.send(topics).or_drop();
        }
        _ => echo(socket, text),
    }
}

async fn say(test: &Paused, raw: &mut Raw<TcpStream>, line: &str) {
    raw.send(masked(TEXT, line)).await;
    test.server.go_round(raw).await;
}

#[test]
fn an_ended_subscription_does_not_start() {
    for_each_engine(async |engine| {
        let (given, again_given) = channel();
        let test = Paused::serve(engine, again(given)).await;
        let (mut raw, subscription) = test.paused().await;
        say(&test, &mut raw, "unsubscribe").await;
        assert_eq!(test.server.topics.subscribers("news"), 0);
        // Starting the ended one does not start the new one.
        say(&test, &mut raw, "pause").await;
        subscription.start();
        test.server.topics.publish("news", "too early");
        again_given.recv().unwrap().start();
        test.server.topics.publish("news", "in time");
        expect(&mut raw, &["in time"]).await;
    });
}

#[test]
fn a_paused_subscription_is_replaced_by_the_next() {
    for_each_engine(async |engine| {
        let (given, again_given) = channel();
        let test = Paused::serve(engine, again(given)).await;
        for ends in ["start", "drop"] {
            let (mut raw, first) = test.paused().await;
            say(&test, &mut raw, "pause").await;
            if ends == "start" {
                first.start();
            } else {
                drop(first);
            }
            test.server.topics.publish("news", "too early");
            test.server.go_round(&mut raw).await;
            assert_eq!(test.server.topics.subscribers("news"), 1);
            raw.send(masked(TEXT, "topics")).await;
            expect(&mut raw, &["news"]).await;
            again_given.recv().unwrap().start();
            test.server.topics.publish("news", "in time");
            expect(&mut raw, &["in time"]).await;
            say(&test, &mut raw, "unsubscribe").await;
        }
    });
}

#[test]
fn a_started_subscription_is_not_affected_by_later_ones() {
    for_each_engine(async |engine| {
        let (given, again_given) = channel();
        let test = Paused::serve(engine, again(given)).await;
        let (mut raw, first) = test.paused().await;
        say(&test, &mut raw, "subscribe").await;
        test.server.topics.publish("news", "it has begun");
        expect(&mut raw, &["it has begun"]).await;
        drop(first);
        say(&test, &mut raw, "pause").await;
        test.server.topics.publish("news", "it goes on");
        expect(&mut raw, &["it goes on"]).await;
        drop(again_given.recv().unwrap());
        test.server.go_round(&mut raw).await;
        test.server.topics.publish("news", "and on");
        expect(&mut raw, &["and on"]).await;
        say(&test, &mut raw, "unsubscribe").await;
        assert_eq!(test.server.topics.subscribers("news"), 0, "it counted once");
    });
}

#[test]
fn it_may_outlive_its_connection_and_the_server() {
    for_each_engine(async |engine| {
        let mut test = Paused::serve(engine, echo).await;
        let ((first, first_subscription), (second, second_subscription)) =
            (test.paused().await, test.paused().await);
        let (third, third_subscription) = test.paused().await;
        drop((first, second));
        for _ in 0..2 {
            test.server.expect_sometime(Told::lost()).await;
        }
        first_subscription.start();
        drop(second_subscription);
        let mut next = test.server.open("/").await;
        test.server.go_round(&mut next).await;
        assert_eq!(test.server.topics.subscribers("news"), 1);
        drop((third, next));
        test.server.stop();
        test.server.returned().await;
        third_subscription.start();
    });
}

/// How many clients subscribe, and how many messages each thread and each client publishes meanwhile.
const CLIENTS: usize = 40;
const BY_THREAD: usize = 1_500;
const BY_CLIENT: usize = 25;

/// Publishers and new subscribers hold one lock. Each subscriber gets exactly the messages that were published after it
/// began, in the order of the lock, on every loop, from threads and from handlers.
#[test]
fn history_and_messages_join_without_a_gap() {
    for_each_engine(async |engine| {
        let published = Arc::new(Mutex::new(0));
        let of_script = Arc::clone(&published);
        let script = Script::new().on_text(move |socket, text| match text {
            "subscribe" => {
                let subscription = socket.subscribe_paused("news", Slow::Disconnect);
                let (remote, published) = (socket.remote(), Arc::clone(&of_script));
                let start = move || {
                    let published = published.lock().unwrap();
                    subscription.start();
                    remote.send(format!("from {published}")).or_drop();
                };
                if socket.state() == "/thread" {
                    std::thread::spawn(start);
                } else {
                    start();
                }
            }
            _ => {
                let mut published = of_script.lock().unwrap();
                socket.publish("news", published.to_string());
                *published += 1;
            }
        });
        let server = script.run(engine, |server| server.workers(3)).await;
        let (topics, of_threads) = (server.topics.clone(), Arc::clone(&published));
        let publishing = [0, 1].map(|_| {
            let (topics, published) = (topics.clone(), Arc::clone(&of_threads));
            std::thread::spawn(move || {
                for _ in 0..BY_THREAD {
                    let mut published = published.lock().unwrap();
                    topics.publish("news", published.to_string());
                    *published += 1;
                    drop(published);
                    std::thread::yield_now();
                }
            })
        });
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let mut raw = server.open(if number % 2 == 0 { "/thread" } else { "/" }).await;
            let mut lines = masked(TEXT, "subscribe");
            lines.extend((0..BY_CLIENT).flat_map(|_| masked(TEXT, "publish")));
            raw.send(lines).await;
            clients.push(raw);
        }
        for thread in publishing {
            tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        }
        let all = 2 * BY_THREAD + CLIENTS * BY_CLIENT;
        for raw in &mut clients {
            let (mut from, mut numbers) = (None, Vec::new());
            while from != Some(all) && (from.is_none() || numbers.last() != Some(&(all - 1))) {
                let text = String::from_utf8(raw.frame().await.payload).unwrap();
                match text.strip_prefix("from ") {
                    Some(number) => from = Some(number.parse().unwrap()),
                    None => numbers.push(text.parse::<usize>().unwrap()),
                }
            }
            let expected = from.unwrap()..all;
            let out_of_order = numbers.iter().zip(expected.clone()).find(|(number, next)| *number != next);
            assert_eq!((out_of_order, numbers.len()), (None, expected.len()));
        }
        assert_eq!(server.topics.dropped().total(), 0);
    });
}
