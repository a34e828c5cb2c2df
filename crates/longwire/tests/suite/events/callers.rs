//! Calls of a connection's handler from other threads.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use longwire::{Caller, Engine, SendStatus};

use crate::support::{
    CLOSE, EventServer, Frame, Noted, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// A server that passes a caller of each connection to the test.
struct Called {
    server: EventServer,
    callers: Receiver<Caller<Noted>>,
    /// Lets the loop continue that has received "wait".
    go_on: Sender<()>,
}

impl Called {
    async fn serve(engine: Engine) -> Called {
        let (given, callers) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let script = Script::new().on_open(move |socket| given.send(socket.caller()).unwrap());
        let script = script.on_text(move |socket, text| {
            if text == "wait" {
                may_go_on.lock().unwrap().recv().unwrap();
            }
            socket.send(text).or_drop();
        });
        let limits = patient().low_water(10_000).high_water(50_000);
        Called { server: script.run(engine, |server| server.limits(limits)).await, callers, go_on }
    }
}

#[test]
fn a_call_may_do_what_a_handler_may() {
    for_each_engine(async |engine| {
        let Called { mut server, callers, .. } = Called::serve(engine).await;
        let mut raw = server.open("/here").await;
        let caller = callers.recv().unwrap();
        let called = caller.call(|_, socket| {
            socket.state_mut().push_str("/and/there");
            socket.subscribe("news");
            socket.publish("news", "published");
            let state = socket.state().clone();
            socket.send(state).or_drop();
            socket.after(std::time::Duration::from_millis(1), |_, socket| {
                socket.close(4000, "enough").unwrap();
            });
        });
        assert_eq!(called, SendStatus::Queued);
        for line in ["/here/and/there", "published"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, line));
        }
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.send(masked(CLOSE, close(4000, ""))).await;
        server.expect_sometime(Told::close(4000, "", longwire::By::Local, true)).await;
    });
}

#[test]
fn calls_are_made_in_order_and_amid_publications() {
    for_each_engine(async |engine| {
        let Called { mut server, callers, go_on } = Called::serve(engine).await;
        let mut raw = server.open("/").await;
        let caller = callers.recv().unwrap();
        caller.call(|_, socket| socket.subscribe("news")).or_drop();
        server.go_round(&mut raw).await;
        raw.send(masked(TEXT, "wait")).await;
        server.expect_sometime(Told::message("wait")).await;
        for number in 0..100 {
            let caller = caller.clone();
            let call = move || caller.call(move |_, socket| socket.send(format!("call {number}")).or_drop());
            assert!(std::thread::spawn(call).join().unwrap().is_queued());
            server.topics.publish("news", format!("news {number}"));
        }
        caller.call(|_, socket| assert!(socket.unsubscribe("news"))).or_drop();
        server.topics.publish("news", "too late");
        go_on.send(()).unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "wait"));
        for number in 0..100 {
            for what in ["call", "news"] {
                assert_eq!(raw.frame().await, Frame::new(TEXT, format!("{what} {number}")));
            }
        }
        server.go_round(&mut raw).await;
    });
}

/// Waiting calls have the same bound as the messages of a connection.
#[test]
fn a_bounded_number_of_calls_waits() {
    for_each_engine(async |engine| {
        let Called { mut server, callers, go_on } = Called::serve(engine).await;
        let mut raw = server.open("/").await;
        let caller = callers.recv().unwrap();
        raw.send(masked(TEXT, "wait")).await;
        server.expect_sometime(Told::message("wait")).await;
        let mut count = 0_u32;
        while caller.call(move |_, socket| socket.send(count.to_string()).or_drop()).is_queued() {
            count += 1;
            assert!(count < 1_000, "calls are without bound");
        }
        assert!(count > 100, "{count}");
        assert_eq!(caller.remote().send("as well"), SendStatus::Full);
        go_on.send(()).unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "wait"));
        for number in 0..count {
            assert_eq!(raw.frame().await, Frame::new(TEXT, number.to_string()));
        }
        assert_eq!(caller.call(|_, socket| socket.send("room").or_drop()), SendStatus::Queued);
        assert_eq!(raw.frame().await, Frame::new(TEXT, "room"));
    });
}

/// Reports that it was dropped.
struct Unused(Sender<&'static str>);

impl Drop for Unused {
    fn drop(&mut self) {
        let _test_has_ended = self.0.send("dropped");
    }
}

#[test]
fn a_connection_that_has_ended_is_not_called() {
    for_each_engine(async |engine| {
        let Called { mut server, callers, go_on } = Called::serve(engine).await;
        let mut other = server.open("/").await;
        let _other = callers.recv().unwrap();
        let mut raw = server.open("/").await;
        let caller = callers.recv().unwrap();
        let (notes, noted) = channel();
        let call = |caller: &Caller<Noted>| {
            let unused = Unused(notes.clone());
            caller.call(move |_, _| {
                let _called = unused.0.send("called");
            })
        };
        other.send(masked(TEXT, "wait")).await;
        server.expect_sometime(Told::message("wait")).await;
        // The first call ends the connection, with a panic; the second call waits behind it.
        caller.call(|_, _| panic!("as the test wants it")).or_drop();
        raw.send(masked(CLOSE, close(1011, ""))).await;
        go_on.send(()).unwrap();
        assert_eq!(raw.frame().await.first, CLOSE);
        raw.expect_end().await;
        drop(raw);
        while !matches!(server.told().await, Some(Told::Close(..))) {}
        assert_eq!(call(&caller), SendStatus::Closed);
        assert_eq!(noted.recv().unwrap(), "dropped");
        // Another connection may have the slot now.
        let mut next = server.open("/").await;
        server.go_round(&mut next).await;
        server.stop();
        drop((next, other));
        server.returned().await;
        assert_eq!(call(&caller), SendStatus::Closed);
        assert_eq!(noted.recv().unwrap(), "dropped");
    });
}

#[test]
fn a_call_that_panics_closes_its_own_connection() {
    for_each_engine(async |engine| {
        let Called { server, callers, .. } = Called::serve(engine).await;
        let mut other = server.open("/").await;
        callers.recv().unwrap();
        let mut raw = server.open("/").await;
        callers.recv().unwrap().call(|_, _| panic!("as the test wants it")).or_drop();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
        server.go_round(&mut other).await;
    });
}
