//! The end of an event-driven server.

use std::time::Duration;

use longwire::{Accept, By, Handler, MessageRef, Refusal, Server, Socket, Upgrade};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::{
    BINARY, CLOSE, Frame, Raw, Script, Serving, TEXT, Told, close, for_each_engine, masked, patient,
};

const REASON: &str = "the server is shutting down";

const HOUR: Duration = Duration::from_secs(3600);

async fn port_is_closed(address: std::net::SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

async fn answer_the_close(raw: &mut Raw<TcpStream>) {
    assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, REASON)));
    raw.send(masked(CLOSE, close(1001, ""))).await;
    raw.expect_end().await;
}

#[test]
fn all_are_told_and_run_returns() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server.workers(2).shutdown_time(HOUR)).await;
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(server.open("/").await);
        }
        server.stop();
        for mut client in clients {
            answer_the_close(&mut client).await;
        }
        for _ in 0..20 {
            server.expect_sometime(Told::close(1001, "", By::Local, true)).await;
        }
        let address = server.addr;
        server.returned().await;
        assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    });
}

#[test]
fn an_idle_server_ends_at_once() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.workers(2).shutdown_time(HOUR)).await;
        server.end().await;
    });
}

#[test]
fn what_was_sent_before_arrives() {
    for_each_engine(async |engine| {
        let limits = patient().low_water(1 << 20).high_water(100 << 20);
        let mut server = Script::new()
            .on_message(|socket, _| {
                for number in 0..100_u8 {
                    socket.send(vec![number; 100_000]).or_drop();
                }
            })
            .run(engine, |server| server.limits(limits).shutdown_time(HOUR))
            .await;
        let mut slow = server.open_narrow("/").await;
        slow.send(masked(TEXT, "go")).await;
        server.expect_sometime(Told::message("go")).await;
        server.stop();
        for number in 0..100_u8 {
            assert_eq!(slow.frame().await, Frame::new(BINARY, vec![number; 100_000]));
        }
        answer_the_close(&mut slow).await;
        drop(slow);
        server.returned().await;
    });
}

#[test]
fn who_has_not_finished_the_handshake_does_not_delay_the_end() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server.shutdown_time(HOUR)).await;
        let mut silent = server.raw().await;
        let mut slow = server.raw().await;
        slow.send("GET / HTTP/1.1\r\n").await;
        // A later connection is open, so these have been accepted.
        drop(server.open("/").await);
        server.stop();
        silent.expect_end().await;
        slow.expect_end().await;
        server.returned().await;
    });
}

/// A connection that is dropped in the end has ended as well, and its handler learns about it.
#[test]
fn who_never_answers_is_dropped_after_the_time_allowed() {
    for_each_engine(async |engine| {
        let time = Duration::from_millis(50);
        let mut server = Script::new().run(engine, |server| server.shutdown_time(time)).await;
        let mut mute = server.open("/").await;
        let begun = Instant::now();
        server.stop();
        assert_eq!(mute.frame().await, Frame::new(CLOSE, close(1001, REASON)));
        mute.expect_end().await;
        server.expect(Told::Open).await;
        server.expect(Told::close(1006, "", By::Local, false)).await;
        assert_eq!(server.told().await, None);
        server.returned().await;
        assert!(begun.elapsed() >= time, "{:?}", begun.elapsed());
    });
}

#[test]
fn a_server_that_is_dropped_ends_everything() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server.workers(2)).await;
        let mut open = server.open("/").await;
        let mut silent = server.raw().await;
        server.drop_future();
        open.expect_end().await;
        silent.expect_end().await;
        port_is_closed(server.addr).await;
        server.expect(Told::Open).await;
        server.expect(Told::lost()).await;
        assert_eq!(server.told().await, None);
    });
}

/// A loop that was waiting for a connection once kept the port until one came, and reset it.
#[test]
fn the_port_is_free_while_connections_still_end() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server.workers(2).shutdown_time(HOUR)).await;
        let mut slow = server.open("/").await;
        server.stop();
        assert_eq!(slow.frame().await, Frame::new(CLOSE, close(1001, REASON)));
        port_is_free(server.addr).await;
        slow.send(masked(CLOSE, close(1001, ""))).await;
        slow.expect_end().await;
        drop(slow);
        server.returned().await;
    });
}

/// Checks without connecting, which might wake a loop that holds the port.
async fn port_is_free(address: std::net::SocketAddr) {
    let begun = Instant::now();
    while Server::bind(address.to_string()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the port is kept");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn the_port_of_a_server_that_runs_is_taken() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.workers(2)).await;
        drop(server.open("/").await);
        let second = Server::bind(server.addr.to_string()).await;
        assert!(second.is_err(), "two servers share a port");
    });
}

/// Until its turn, a connection goes on; new ones are refused from the beginning.
#[test]
fn a_shutdown_that_is_spread_accepts_nothing_and_lets_connections_go_on() {
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_text(|socket, text| socket.send(text).or_drop())
            .run(engine, |server| server.workers(1).shutdown_spread(|_| HOUR))
            .await;
        let (mut first, mut second) = (server.open("/").await, server.open("/").await);
        server.stop();
        port_is_closed(server.addr).await;
        for client in [&mut first, &mut second] {
            client.send(masked(TEXT, "still here")).await;
            assert_eq!(client.frame().await, Frame::new(TEXT, "still here"));
            client.send(masked(CLOSE, close(1000, ""))).await;
            assert_eq!(client.frame().await, Frame::new(CLOSE, close(1000, "")));
        }
        drop((first, second));
        server.returned().await;
    });
}

#[test]
fn a_shutdown_is_spread_over_the_time_for_the_number_of_connections() {
    const SPREAD: Duration = Duration::from_millis(200);
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .run(engine, |server| {
                let time = |connections| if connections == 10 { SPREAD } else { Duration::ZERO };
                server.workers(1).shutdown_time(HOUR).shutdown_spread(time)
            })
            .await;
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(server.open("/").await);
        }
        let begun = Instant::now();
        server.stop();
        let mut times = Vec::new();
        for mut client in clients {
            answer_the_close(&mut client).await;
            times.push(begun.elapsed());
        }
        assert!(times.iter().max().is_some_and(|last| *last >= SPREAD * 9 / 10), "{times:?}");
        server.returned().await;
    });
}

/// Says goodbye in its own way.
struct Host;

impl Handler for Host {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}

    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {
        socket.send("goodbye").or_drop();
        socket.close(3001, "shutdown").unwrap();
    }
}

#[test]
fn a_handler_may_choose_its_last_words() {
    for_each_engine(async |engine| {
        let mut serving =
            Serving::start(|server: Server| server.engine(engine).workers(1), |server| server.run(Host))
                .await;
        let mut client = serving.raw_open().await;
        serving.stop();
        assert_eq!(client.frame().await, Frame::new(TEXT, "goodbye"));
        assert_eq!(client.frame().await, Frame::new(CLOSE, close(3001, "shutdown")));
        drop(client);
        serving.returned().await;
    });
}
