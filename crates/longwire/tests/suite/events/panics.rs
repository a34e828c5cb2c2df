//! A handler that panics ends its connection with 1011, and no other.

use longwire::{By, Engine};

use crate::support::{
    CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked, upgrade_request,
};

/// A server whose handler panics for connections of the path "/panic".
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
                socket.send(text);
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

/// What came in the same packet was forgotten with the panic: the peer's Close frame, so that the connection lasted
/// until the time for closing was up, or the begin of a frame, so that its rest was taken for garbage.
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
                Ok(longwire::Accept::with(String::new()))
            })
        };
        let server = panicking(engine, script).await;
        let mut other = server.open("/").await;
        let request = upgrade_request("").replace("GET /", "GET /panic");
        assert_eq!(server.status(request).await, "HTTP/1.1 500 Internal Server Error");
        server.go_round(&mut other).await;
    });
}
