//! Futures that serve, dropped.

use longwire::{Server, connect};

use crate::support::{echo, polled, run, serve};

/// Whoever connected is served on, or finds nobody.
#[test]
fn serve_may_be_given_up_at_any_time() {
    run(async {
        for polls in 1.. {
            let server = Server::bind("127.0.0.1:0").await.unwrap();
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
