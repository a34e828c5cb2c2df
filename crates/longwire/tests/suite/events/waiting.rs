//! Handlers that wait: for a time, and for futures that they spawn.

use std::sync::Mutex;
use std::time::Duration;

use longwire::By;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{CLOSE, Conn, Frame, Script, TEXT, Told, close, for_each_engine, masked};

/// Far more than is read at a time.
const MANY: usize = 2_000;

/// A text of 1,000 bytes.
fn numbered(number: usize) -> String {
    format!("{number:01000}")
}

/// Sends a text back from a future that is not ready at once.
pub(super) fn answer_later(socket: &mut Conn<'_>, text: &str) {
    let text = text.to_owned();
    let answer = async move {
        tokio::task::yield_now().await;
        text
    };
    socket.spawn(answer, |_, socket, text| assert!(socket.send(text.as_str()).is_queued()));
}

#[test]
fn each_message_is_answered_by_a_future_however_few_may_run() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(answer_later);
        let server = script.run(engine, |server| server.spawned_per_connection(1)).await;
        let (mut raw, mut other) = (server.open("/").await, server.open("/").await);
        raw.send((0..MANY).flat_map(|number| masked(TEXT, numbered(number))).collect::<Vec<u8>>()).await;
        other.send(masked(TEXT, "other")).await;
        assert_eq!(other.frame().await, Frame::new(TEXT, "other"));
        for number in 0..MANY {
            assert_eq!(raw.frame().await, Frame::new(TEXT, numbered(number)));
        }
    });
}

/// Notifies the test when it is dropped.
struct Bell(UnboundedSender<()>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ended = self.0.send(());
    }
}

/// A script that spawns, for each message, a future that never ends and owns a bell.
fn waiting_forever(bells: UnboundedSender<()>) -> Script {
    Script::new().on_text(move |socket, _| {
        let bell = Bell(bells.clone());
        let forever = async move {
            std::future::pending::<()>().await;
            drop(bell);
        };
        socket.spawn(forever, |_, _, ()| {});
        socket.send("asked").or_drop();
    })
}

#[test]
fn futures_end_with_their_connection() {
    for_each_engine(async |engine| {
        let (bells, mut rung) = unbounded_channel();
        let mut server = waiting_forever(bells).run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go").repeat(3)).await;
        for _ in 0..3 {
            assert_eq!(raw.frame().await, Frame::new(TEXT, "asked"));
        }
        assert!(rung.try_recv().is_err(), "they run");
        drop(raw);
        for _ in 0..3 {
            rung.recv().await.unwrap();
        }
        server.expect_sometime(Told::lost()).await;
    });
}

#[test]
fn futures_end_with_the_server() {
    for_each_engine(async |engine| {
        let (bells, mut rung) = unbounded_channel();
        let server = waiting_forever(bells)
            .run(engine, |server| server.shutdown_time(Duration::from_millis(10)))
            .await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "asked"));
        server.drop_future();
        rung.recv().await.unwrap();
    });
}

#[test]
fn a_panic_of_a_future_or_of_a_closure_ends_its_connection_and_no_other() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(|socket, text| match text {
            "future" => socket.spawn(async { panic!("as the test wants it") }, |_, _, ()| {}),
            "resume" => socket.spawn(async {}, |_, _, ()| panic!("as the test wants it")),
            "timer" => drop(socket.after(Duration::ZERO, |_, _| panic!("as the test wants it"))),
            _ => socket.send(text).or_drop(),
        });
        let mut server = script.run(engine, |server| server).await;
        let mut other = server.open("/").await;
        for what in ["future", "resume", "timer"] {
            let mut raw = server.open("/").await;
            raw.send(masked(TEXT, what)).await;
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")), "{what}");
            raw.send(masked(CLOSE, close(1011, ""))).await;
            raw.expect_end().await;
            server.expect_sometime(Told::close(1011, "", By::Local, true)).await;
            server.go_round(&mut other).await;
        }
    });
}

#[test]
fn a_timer_wakes_a_loop_that_has_nothing_else_to_do() {
    for_each_engine(async |engine| {
        let script = Script::new()
            .on_open(|socket| {
                let cancelled = socket.after(Duration::from_millis(1), |_, socket| {
                    socket.send("cancelled").or_drop();
                });
                socket.after(Duration::from_millis(20), |_, socket| {
                    socket.send("second").or_drop();
                });
                socket.after(Duration::from_millis(10), |_, socket| {
                    let first = format!("first of {}", socket.state());
                    socket.send(first.as_str()).or_drop();
                });
                assert!(socket.cancel(cancelled));
            })
            .on_text(|socket, text| {
                let remote = socket.remote();
                assert_eq!(remote.id(), socket.id());
                socket.send(text).or_drop();
            });
        let server = script.run(engine, |server| server).await;
        let mut raw = server.open("/path").await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "first of /path"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "second"));
        raw.send(masked(TEXT, "done")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "done"));
    });
}

/// The timer is kept in the connection's state, like the timeout of a login.
#[test]
fn a_timer_that_is_set_in_one_call_is_cancelled_in_another() {
    for_each_engine(async |engine| {
        let timer = Mutex::new(None);
        let script = Script::new().on_text(move |socket, text| {
            let mut timer = timer.lock().unwrap();
            match timer.take() {
                None => {
                    let late = |_: &_, socket: &mut Conn<'_>| socket.close(4000, "too late").unwrap();
                    *timer = Some(socket.after(Duration::from_secs(3600), late));
                }
                Some(timer) => assert!(socket.cancel(timer)),
            }
            socket.send(text).or_drop();
        });
        let server = script.run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        for text in ["hello", "login"] {
            raw.send(masked(TEXT, text)).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, text));
        }
    });
}
