//! Many sessions.

use longwire_socketio::engine::{CloseReason, TransportKind};
use longwire_wire::RawFrame;

use crate::support::{Event, Serving, brisk, calm, on_each_engine};

const OPEN: &str = "EIO=4&transport=polling";

#[test]
fn sessions_are_bounded_in_total_and_per_address() {
    on_each_engine(async |engine| {
        for (total, per_ip) in [(5, 100), (100, 5)] {
            let mut config = calm();
            (config.max_sessions, config.max_sessions_per_ip) = (total, per_ip);
            let server = Serving::start(engine, config).await;
            let mut last = String::new();
            for _ in 0..4 {
                last = server.open().await;
            }
            let _peer = server.open_websocket().await;
            for _ in 0..20 {
                let refused = server.request("GET", OPEN, "", b"").await;
                refused.expect(503, r#"{"code":4,"message":"Too many sessions"}"#);
            }
            server.websocket("").await.expect_close(1013).await.unwrap();
            server.post(&last, "1").await.expect(200, "ok");
            assert_eq!(server.event().await, Event::Closed(CloseReason::TransportClose));
            server.open().await;
            assert_eq!(server.sessions(), 5);
        }
    });
}

/// Sessions that are opened and never poll end by the heartbeat, each reported once.
#[test]
fn ten_thousand_sessions_that_never_poll_end_by_the_heartbeat() {
    on_each_engine(async |engine| {
        let mut config = brisk();
        config.max_sessions_per_ip = 10_000;
        let server = Serving::start(engine, config).await;
        let mut opened = 0;
        let mut closed = 0;
        // Eight requests at a time, each on one of as many connections.
        let open = |count: usize| {
            let server = &server;
            async move {
                let mut stream = server.connect().await;
                for _ in 0..count {
                    server.open_on(&mut stream).await;
                }
            }
        };
        tokio::join!(
            open(1250),
            open(1250),
            open(1250),
            open(1250),
            open(1250),
            open(1250),
            open(1250),
            open(1250)
        );
        while closed < 10_000 {
            match server.event().await {
                Event::Opened(TransportKind::Polling) => opened += 1,
                Event::Closed(CloseReason::PingTimeout) => closed += 1,
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(opened, 10_000);
        server.expect_nothing_left();
    });
}

impl Serving {
    /// Opens a session on a connection that is kept.
    async fn open_on(&self, stream: &mut tokio::net::TcpStream) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let request = format!("GET /socket.io/?{OPEN} HTTP/1.1\r\nhost: example.com\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut response).await.unwrap(), 0, "the server has hung up");
        }
        assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&response));
    }
}

#[test]
fn a_shutdown_answers_the_polls_and_closes_the_websockets() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let mut peer = server.open_websocket().await;
        let poll = server.get(&sid);
        let shut_down = async {
            server.shut_down();
            peer.expect_close(1001).await.unwrap();
            peer.send(RawFrame::close(1001)).await.unwrap();
            peer.expect_end().await.unwrap();
        };
        let (poll, ()) = tokio::join!(poll, shut_down);
        poll.expect(200, "1");
        assert_eq!(server.event().await, Event::Closed(CloseReason::ServerShuttingDown));
        assert_eq!(server.event().await, Event::Closed(CloseReason::ServerShuttingDown));
        server.request("GET", OPEN, "", b"").await.expect(503, r#"{"code":4,"message":"Too many sessions"}"#);
        server.expect_nothing_left();
    });
}
