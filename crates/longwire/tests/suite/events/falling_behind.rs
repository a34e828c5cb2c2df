//! Subscribers of an event loop that cannot keep up with publishers.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use longwire::{By, Engine, PausedSubscription, Slow};
use tokio::net::TcpStream;

use crate::support::{
    CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

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
                _ => {}
            })
            .on_text(move |socket, text| {
                if text == "wait" {
                    may_go_on.lock().unwrap().recv().unwrap();
                }
                socket.send(text).or_drop();
            });
        let server = script.run(engine, |server| server).await;
        let raw = server.open("/").await;
        Behind { server, subscriptions, go_on, raw }
    }

    /// Stops the loop and publishes "1" to "news", and then as much that the next messages are dropped.
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

    async fn go_on(&mut self) {
        self.go_on.send(()).unwrap();
        assert_eq!(self.raw.frame().await, Frame::new(TEXT, "wait"));
        self.server.go_round(&mut self.raw).await;
    }
}

/// Subscribers that may not miss a message once missed it without a word.
#[test]
fn a_dropped_message_closes_those_who_may_not_miss_it_and_no_others() {
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
        test.go_on().await;
        let reason = "messages are not read as fast as they come";
        for (raw, code, reason) in [(&mut disconnect, 1013, reason), (&mut own, 3008, "slow")] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, "1"), "what was published before arrives");
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
        test.go_on().await;
        let reason = "messages are not read as fast as they come";
        assert_eq!(early.frame().await, Frame::new(CLOSE, close(1013, reason)));
        assert_eq!(test.server.topics.publish("news", "2"), 1);
        assert_eq!(late.frame().await, Frame::new(TEXT, "2"));
    });
}

struct PanicsInDrop(Vec<u8>);

impl AsRef<[u8]> for PanicsInDrop {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("as the test wants it");
    }
}

/// A slow subscriber's oldest message was dropped amid the delivery of the next one. If that panicked, the other
/// subscribers missed that message.
#[test]
fn a_panic_over_a_slow_ones_message_costs_the_others_nothing() {
    for_each_engine(async |engine| {
        let limits = patient().low_water(10_000).high_water(100_000);
        let server = Script::new()
            .on_open(|socket| {
                if socket.state() == "/slow" {
                    socket.subscribe_with("news", Slow::Latest);
                    // More than the systems of both ends buffer.
                    socket.send(vec![0; 16 << 20].as_slice()).or_drop();
                }
            })
            .on_text(|socket, text| {
                if text == "subscribe" {
                    socket.subscribe("news");
                }
                socket.send(text).or_drop();
            })
            .run(engine, |server| server.limits(limits))
            .await;
        let _slow = server.open_narrow("/slow").await;
        let mut other = server.open("/").await;
        server.go_round(&mut other).await;
        server.topics.publish("news", Bytes::from_owner(PanicsInDrop(vec![0; 100])));
        server.go_round(&mut other).await;
        other.send(masked(TEXT, "subscribe")).await;
        assert_eq!(other.frame().await, Frame::new(TEXT, "subscribe"));
        server.topics.publish("news", "next");
        assert_eq!(other.frame().await, Frame::new(TEXT, "next"));
        assert_eq!(server.topics.dropped().latest, 1, "it had waited");
    });
}
