//! A handler that panics ends its connection with 1011, and no other connection.

use bytes::Bytes;
use longwire::{Accept, By, Engine, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use crate::support::{
    BINARY, CLOSE, EventServer, Frame, Raw, Script, Serving, TEXT, Told, close, for_each_engine, masked,
    patient, upgrade_request,
};

/// A server whose handler panics for connections to the path "/panic".
async fn panicking(engine: Engine, script: impl FnOnce(Script) -> Script) -> EventServer {
    script(Script::new()).run(engine, |server| server).await
}

fn panic_if(path: &str) {
    assert!(path != "/panic", "as the test wants it");
}

async fn expect_internal_error(raw: &mut Raw<tokio::net::TcpStream>) {
    assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
    raw.send(masked(CLOSE, close(1011, ""))).await;
    raw.expect_end().await;
}

#[test]
fn in_on_message() {
    for_each_engine(async |engine| {
        let script = |script: Script| {
            script.on_text(|socket, text| {
                panic_if(text);
                socket.send(text).or_drop();
            })
        };
        let mut server = panicking(engine, script).await;
        let mut other = server.open("/").await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "before"), masked(TEXT, "/panic")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "before"));
        expect_internal_error(&mut raw).await;
        server.expect_sometime(Told::close(1011, "", By::Local, true)).await;
        server.go_round(&mut other).await;
    });
}

/// The panic once discarded what came in the same packet: the peer's Close frame, so that the connection lasted until
/// the time for closing was over, or the start of a frame, so that its rest was parsed as garbage.
#[test]
fn what_came_behind_the_message_that_made_it_panic_is_parsed() {
    for_each_engine(async |engine| {
        let script = |script: Script| script.on_text(|_, text| panic_if(text));
        let mut server = panicking(engine, script).await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "/panic"), masked(CLOSE, close(4001, "bye"))].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
        raw.expect_end().await;
        server.expect_sometime(Told::close(4001, "bye", By::Local, true)).await;

        let mut raw = server.open("/").await;
        let last = masked(CLOSE, close(4002, "bye"));
        raw.send([masked(TEXT, "/panic"), last[..4].to_vec()].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
        raw.send(&last[4..]).await;
        raw.expect_end().await;
        server.expect_sometime(Told::close(4002, "bye", By::Local, true)).await;
    });
}

#[test]
fn what_was_published_before_is_given_out() {
    for_each_engine(async |engine| {
        let script = |script: Script| {
            script.on_open(|socket| socket.subscribe("room")).on_text(|socket, text| {
                socket.publish("room", "watch this");
                panic_if(text);
            })
        };
        let server = panicking(engine, script).await;
        let mut other = server.open("/").await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "/panic")).await;
        assert_eq!(other.frame().await, Frame::new(TEXT, "watch this"));
    });
}

#[test]
fn in_on_open() {
    for_each_engine(async |engine| {
        let server = panicking(engine, |script| script.on_open(|socket| panic_if(socket.state()))).await;
        let mut other = server.open("/").await;
        let mut raw = server.open("/panic").await;
        expect_internal_error(&mut raw).await;
        server.go_round(&mut other).await;
    });
}

#[test]
fn in_on_close() {
    for_each_engine(async |engine| {
        let mut server = panicking(engine, |script| script.on_close(|socket| panic_if(socket.state()))).await;
        let mut raw = server.open("/panic").await;
        raw.send(masked(CLOSE, "")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::close(1005, "", By::Peer, true)).await;
        server.end().await;
    });
}

#[test]
fn in_on_upgrade() {
    for_each_engine(async |engine| {
        let script = |script: Script| {
            script.on_upgrade(|request| {
                panic_if(request.path());
                Ok(Accept::with(String::new()))
            })
        };
        let server = panicking(engine, script).await;
        let mut other = server.open("/").await;
        let request = upgrade_request("").replace("GET /", "GET /panic");
        assert_eq!(server.status(request).await, "HTTP/1.1 500 Internal Server Error");
        server.go_round(&mut other).await;
    });
}

/// A connection state that panics when it is dropped, if its connection requested that.
struct Delicate {
    is_to_panic: bool,
}

impl Drop for Delicate {
    fn drop(&mut self) {
        assert!(!self.is_to_panic, "as the test wants it");
    }
}

/// Sends back what it receives.
struct Careless;

impl Handler for Careless {
    type State = Delicate;

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<Delicate>, Refusal> {
        Ok(Accept::with(Delicate { is_to_panic: false }))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.state_mut().is_to_panic = message.as_text() == Some("panic");
        socket.send(message).or_drop();
    }
}

/// It once ended the loop's thread, with all of its connections.
#[test]
fn in_the_drop_of_a_state() {
    for_each_engine(async |engine| {
        let set_up = |server: longwire::Server| server.engine(engine).workers(1);
        let mut serving = Serving::start(set_up, |server| server.run(Careless)).await;
        let mut other = serving.raw_open().await;
        for how in ["close", "vanish", "stay"] {
            let mut raw = serving.raw_open().await;
            raw.send(masked(TEXT, "panic")).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, "panic"));
            if how == "close" {
                raw.send(masked(CLOSE, "")).await;
                assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
                raw.expect_end().await;
            } else if how == "vanish" {
                raw.into_inner().set_zero_linger().unwrap();
            }
            for _ in 0..4 {
                other.send(masked(TEXT, "still here")).await;
                assert_eq!(other.frame().await, Frame::new(TEXT, "still here"));
            }
        }
        drop(other);
        serving.stop();
        serving.returned().await;
    });
}

/// The bytes of a message may have any owner.
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

#[test]
fn in_the_drop_of_a_messages_owner() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(|socket, text| match text {
            "go" => {
                socket.send_message(Bytes::from_owner(PanicsInDrop(vec![7; 100_000]))).or_drop();
            }
            _ => {
                socket.send(text).or_drop();
            }
        });
        let mut server = script.run(engine, |server| server).await;
        let mut other = server.open("/").await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(BINARY, vec![7; 100_000]));
        raw.expect_end().await;
        server.expect_sometime(Told::lost()).await;
        server.go_round(&mut other).await;
    });
}

/// A slow subscriber's oldest message was once dropped during the delivery of the next one. If dropping it panicked, the
/// other subscribers missed the next one.
#[test]
fn in_the_drop_of_a_message_that_waited_for_a_slow_subscriber() {
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
        assert_eq!(server.topics.members("news").await.len(), 2, "the loop has delivered it");
        other.send(masked(TEXT, "after")).await;
        for text in ["next", "after"] {
            assert_eq!(other.frame().await, Frame::new(TEXT, text));
        }
        assert_eq!(server.topics.dropped().latest, 1, "it had waited");
    });
}

/// If a handler published several messages and dropping the first one panicked, the others were delivered late.
#[test]
fn in_the_drop_of_a_publication_with_others_behind_it() {
    for_each_engine(async |engine| {
        let script = Script::new().on_open(|socket| socket.subscribe("news")).on_text(|socket, text| {
            if text == "publish" {
                socket.publish("news", Bytes::from_owner(PanicsInDrop(vec![7; 100])));
                socket.publish("news", "next");
            }
            socket.send(text).or_drop();
        });
        let server = script.run(engine, |server| server).await;
        let mut other = server.open("/").await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "publish")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "publish"));
        assert_eq!(raw.frame().await, Frame::new(BINARY, vec![7; 100]));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "next"));
        assert_eq!(other.frame().await, Frame::new(BINARY, vec![7; 100]));
        assert_eq!(other.frame().await, Frame::new(TEXT, "next"));
        for raw in [&mut other, &mut raw] {
            server.go_round(raw).await;
        }
    });
}
