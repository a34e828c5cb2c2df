//! Subscribers of an event loop that cannot keep up with publishers.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use longwire::{By, Engine, PausedSubscription, Slow};
use tokio::net::TcpStream;

use crate::support::{CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked};

/// A server whose loop waits for the test when it receives "wait".
struct Behind {
    server: EventServer,
    subscriptions: Receiver<PausedSubscription>,
    go_on: Sender<()>,
    raw: Raw<TcpStream>,
}

impl Behind {
    async fn serve(engine: Engine) -> Behind {
        let (given, subscriptions) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let own = Slow::close(3008, "slow").unwrap();
        let script = Script::new()
            .on_open(move |socket| match socket.state().as_str() {
                "/flood" => socket.subscribe_with("flood", Slow::Latest),
                "/disconnect" => socket.subscribe("news"),
                "/close" => socket.subscribe_with("news", own),
                "/oldest" => socket.subscribe_with("news", Slow::DropOldest { keep: 9 }),
                "/latest" => socket.subscribe_with("news", Slow::Latest),
                "/paused" => given.send(socket.subscribe_paused("news", Slow::Disconnect)).unwrap(),
                "/other" => socket.subscribe("other"),
                "/ordered" => socket.subscribe_paused("ordered", own).start(),
                _ => {}
            })
            .on_text(move |socket, text| {
                if text == "wait" {
                    may_go_on.lock().unwrap().recv().unwrap();
                    assert_eq!(socket.publish_to_others("ordered", "of a handler"), 0);
                }
                socket.send(text).or_drop();
            });
        let server = script.run(engine, |server| server).await;
        let raw = server.open("/").await;
        Behind { server, subscriptions, go_on, raw }
    }

    /// Stops the loop, publishes "1" to the topics, and then fills the loop's backlog: it drops the next publications.
    async fn fill(&mut self) {
        self.raw.send(masked(TEXT, "wait")).await;
        self.server.expect_sometime(Told::message("wait")).await;
        for topic in ["news", "other"] {
            self.server.topics.publish(topic, "1");
        }
        let megabyte = Bytes::from(vec![0; 1 << 20]);
        while self.server.topics.publish("flood", megabyte.clone()) > 0 {}
    }

    fn lose(&self) {
        assert_eq!(self.server.topics.publish("news", "lost"), 0);
    }

    /// Lets the loop continue. Returns how many subscribers a topic has after the backlog.
    async fn go_on(&mut self, topic: &str) -> usize {
        self.go_on.send(()).unwrap();
        assert_eq!(self.raw.frame().await, Frame::new(TEXT, "wait"));
        self.server.topics.members(topic).await.len()
    }
}

/// Such subscribers once stayed open without the message.
#[test]
fn a_dropped_message_closes_only_subscribers_that_may_miss_none() {
    for_each_engine(async |engine| {
        let mut test = Behind::serve(engine).await;
        let _flood = test.server.open_narrow("/flood").await;
        let mut disconnect = test.server.open("/disconnect").await;
        let mut own = test.server.open("/close").await;
        let mut goes_on = Vec::new();
        for path in ["/oldest", "/latest", "/other"] {
            goes_on.push(test.server.open(path).await);
        }
        test.fill().await;
        test.lose();
        test.lose();
        assert_eq!(test.go_on("news").await, 2);
        let reason = "messages are not read as fast as they come";
        for (raw, code, reason) in [(&mut disconnect, 1013, reason), (&mut own, 3008, "slow")] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, "1"), "earlier messages arrive");
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(code, reason)));
            test.server.expect_sometime(Told::close(code, reason, By::Local, false)).await;
        }
        let topics = &test.server.topics;
        assert_eq!((topics.dropped_of("news").backlog, topics.dropped_of("news").total()), (8, 8));
        assert_eq!((topics.publish("news", "2"), topics.publish("other", "2")), (2, 1));
        for raw in &mut goes_on {
            for line in ["1", "2"] {
                assert_eq!(raw.frame().await, Frame::new(TEXT, line));
            }
            test.server.go_round(raw).await;
        }
    });
}

#[test]
fn a_subscription_that_begins_after_the_dropped_message_goes_on() {
    for_each_engine(async |engine| {
        let mut test = Behind::serve(engine).await;
        let _flood = test.server.open_narrow("/flood").await;
        let mut early = test.server.open("/paused").await;
        let early_subscription = test.subscriptions.recv().unwrap();
        let mut late = test.server.open("/paused").await;
        let late_subscription = test.subscriptions.recv().unwrap();
        test.fill().await;
        test.lose();
        early_subscription.start();
        test.lose();
        late_subscription.start();
        assert_eq!(test.go_on("news").await, 1);
        let reason = "messages are not read as fast as they come";
        assert_eq!(early.frame().await, Frame::new(CLOSE, close(1013, reason)));
        assert_eq!(test.server.topics.publish("news", "2"), 1);
        assert_eq!(late.frame().await, Frame::new(TEXT, "2"));
    });
}

/// Publications of the loop's own handlers wait in its mailbox, too, if it keeps the topic in order.
#[test]
fn a_dropped_message_of_a_handler_closes_subscribers_too() {
    for_each_engine(async |engine| {
        let mut test = Behind::serve(engine).await;
        let _flood = test.server.open_narrow("/flood").await;
        let mut ordered = test.server.open("/ordered").await;
        test.server.go_round(&mut ordered).await;
        test.fill().await;
        let before = test.server.topics.dropped().backlog;
        assert_eq!(test.go_on("ordered").await, 0);
        assert_eq!(ordered.frame().await, Frame::new(CLOSE, close(3008, "slow")));
        assert_eq!(test.server.topics.dropped().backlog, before + 1);
    });
}
