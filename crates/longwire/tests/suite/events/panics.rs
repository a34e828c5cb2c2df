//! A handler that panics ends its connection with 1011, and no other connection.

use bytes::Bytes;
use longwire::{Accept, By, Engine, Handler, MessageRef, Refusal, Socket, Upgrade};

use crate::support::{
    BINARY, CLOSE, EventServer, Frame, Raw, Script, Serving, TEXT, Told, close, for_each_engine, masked,
    upgrade_request,
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
#[test]
fn in_the_drop_of_a_messages_owner() {
    struct Owner(Vec<u8>);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            panic!("as the test wants it");
        }
    }

    for_each_engine(async |engine| {
        let script = Script::new().on_text(|socket, text| match text {
            "go" => {
                socket.send_message(Bytes::from_owner(Owner(vec![7; 100_000]))).or_drop();
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
