//! Signals that ask the program to end.

use std::sync::mpsc::channel;

use crate::program::{Running, serve, serve_with};

#[test]
fn each_signal_closes_with_1001() {
    for signal in ["INT", "TERM", "HUP"] {
        let (told, tells) = channel::<u16>();
        let address = serve_with(move |mut socket| {
            let told = told.clone();
            async move {
                assert!(socket.recv().await?.is_none());
                told.send(socket.closed().code.into()).unwrap();
                Ok(())
            }
        });
        for (how, open) in [("--verbose", "* open"), ("--reconnect", "connected")] {
            let mut client = Running::start(&["connect", &address.to_string(), how]);
            let _open = client.stdin();
            let mut shown = client.stderr();
            assert!(shown.any(|line| line.unwrap().contains(open)));
            client.signal(signal);
            assert_eq!(tells.recv().unwrap(), 1001, "{signal} {how}");
            assert_eq!(client.end().0, Some(0), "{signal} {how}");
        }
    }
}

#[test]
fn a_client_that_is_not_connected_ends_as_interrupted() {
    let mut client = Running::start_without_input(&["connect", "ws://127.0.0.1:1", "--reconnect"]);
    let mut told = client.stderr();
    assert_eq!(told.next().unwrap().unwrap(), "connecting, try 1");
    client.signal("TERM");
    assert_eq!(client.end().0, Some(130));
}

/// Regression: it ended the server, and every client with 1006.
#[test]
fn a_hang_up_does_not_end_a_server_without_a_certificate() {
    let (mut server, _) = serve(&["--listen", "127.0.0.1:0"]);
    let mut told = server.stderr();
    server.signal("HUP");
    let line = told.next().unwrap().unwrap();
    assert!(line.contains("there is no certificate to reload"), "{line}");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}
