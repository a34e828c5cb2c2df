//! Dropping the futures that serve.

use std::time::Duration;

use longwire::mode::Run;
use longwire::{Accept, Handler, Limits, MessageRef, Refusal, Server, Socket, Upgrade, connect};

use crate::support::{CLOSE, Script, echo, for_each_engine, polled, run, serve};

/// The system looks up the name on another thread, which may take any number of polls. The name resolves to an
/// address that only this test uses, so no other test takes the port.
#[test]
fn an_address_whose_taking_was_given_up_is_free() {
    run(async {
        let free = Server::bind("127.3:0").await.unwrap().local_addr().port();
        let address = format!("127.3:{free}");
        for polls in 1.. {
            let taken = polled(polls, Server::bind(&address)).await;
            let was_ready = taken.map(Result::unwrap).is_some();
            assert!(Server::bind(&address).await.is_ok(), "the address is not free after {polls} polls");
            if was_ready {
                break;
            }
        }
    });
}

/// Event loops run on their own threads, so they release their resources soon, but not at once.
#[test]
fn event_loops_may_be_given_up_at_any_time() {
    for_each_engine(async |engine| {
        let mut polls = 1;
        loop {
            let server = Server::bind("127.0.0.4:0").await.unwrap().engine(engine).workers(1);
            let addr = server.local_addr();
            let connecting = tokio::spawn(connect(format!("ws://{addr}/")));
            assert!(polled(polls, server.run(Silent)).await.is_none());
            while Server::bind(addr.to_string()).await.is_err() {
                tokio::task::yield_now().await;
            }
            if let Ok(mut socket) = connecting.await.unwrap() {
                assert_eq!(socket.recv().await.unwrap(), None);
                assert!(!socket.closed().clean, "it was dropped");
                break;
            }
            // A thread needs time to start, and a poll takes almost none.
            polls *= 2;
        }
    });
}

/// The peer has received the Close frame and does not answer. A running server would wait for it; a dropped one does
/// not.
#[test]
fn a_shutdown_of_event_loops_that_is_given_up_drops_everybody() {
    for_each_engine(async |engine| {
        let patient = |server: Server<Run>| {
            let hour = Duration::from_secs(3600);
            server.limits(Limits::default().close_time(hour)).shutdown_time(hour)
        };
        let mut server = Script::new().run(engine, patient).await;
        let mut raw = server.open("/").await;
        server.stop();
        assert_eq!(raw.frame().await.first, CLOSE);
        server.drop_future();
        raw.expect_end().await;
    });
}

struct Silent;

impl Handler for Silent {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}

/// A connected client is either still served, or its connection is refused.
#[test]
fn serve_may_be_given_up_at_any_time() {
    run(async {
        for polls in 1.. {
            // An address of its own, so that no other test takes the port.
            let server = Server::bind("127.0.0.5:0").await.unwrap();
            let addr = server.local_addr();
            let connecting = tokio::spawn(connect(format!("ws://{addr}/")));
            assert!(polled(polls, server.serve(echo)).await.is_none());
            let taken = Server::bind(addr.to_string()).await;
            assert!(taken.is_ok(), "the address is not free after {polls} polls");
            drop(taken);
            if let Ok(mut socket) = connecting.await.unwrap() {
                socket.send("still there?").await.unwrap();
                assert_eq!(socket.recv().await.unwrap(), Some("still there?".into()));
                break;
            }
        }
    });
}

#[test]
fn a_shutdown_that_is_given_up_has_told_everybody() {
    run(async {
        let mut serving = serve(|server| server, echo).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        serving.stop();
        while tokio::net::TcpStream::connect(serving.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        serving.abort();
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!((socket.closed().code.get(), socket.closed().clean), (1001, true));
    });
}
