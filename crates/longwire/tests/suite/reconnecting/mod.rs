//! Clients that reconnect when their connection breaks.

mod cancel_safety;
mod dropping;
mod messages;
mod waits;

use std::time::Duration;

use longwire::reconnect::{State, States};
use longwire::{By, Cause, Client, CloseCode, Error, Limits, Message, Reconnect, Result, WebSocket};
use tokio::task::JoinHandle;

use crate::support::{CLOSE, Dialled, Frame, ROOMY, TEXT, close, dialled, end, plain, run_paused, settle};

const URL: &str = "ws://a.example/feed";
const SECOND: Duration = Duration::from_secs(1);

fn roomy() -> (Client, Dialled) {
    dialled(ROOMY, Limits::default())
}

/// What `recv` returned: the messages, the error if there was one, and the end.
type Received = JoinHandle<(Vec<Message>, Option<Error>, longwire::Closed)>;

/// Receives in a task, until the end.
fn receive(mut receiver: longwire::reconnect::Receiver) -> Received {
    tokio::spawn(async move {
        let mut messages = Vec::new();
        let error = loop {
            match receiver.recv().await {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert!(matches!(receiver.recv().await, Ok(None)), "the end must be final");
        (messages, error, receiver.closed())
    })
}

/// The next state, as a word with its details.
async fn next(states: &mut States) -> String {
    match states.next().await {
        Some(state) => state.to_string(),
        None => "over".into(),
    }
}

const LOST: &str = "waiting to connect again: connection lost: 1006 (no closing handshake)";

#[test]
fn a_connection_that_breaks_is_made_again_and_every_change_is_visible() {
    run_paused(async {
        let (client, mut server) = roomy();
        let socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        let mut states = socket.states();
        let (_sender, receiver) = socket.split();
        let received = receive(receiver);
        assert_eq!(next(&mut states).await, "connecting, try 1");
        let mut raw = server.open().await;
        assert_eq!(next(&mut states).await, "open");
        raw.send(plain(TEXT, "one")).await;
        drop(raw);
        assert_eq!(next(&mut states).await, LOST);
        assert_eq!(next(&mut states).await, "connecting, try 2");
        server.hang_up().await;
        let failed = "waiting to connect again: the server closed the connection instead of answering";
        assert_eq!(next(&mut states).await, failed);
        assert_eq!(next(&mut states).await, "connecting, try 3");
        let mut raw = server.open().await;
        assert_eq!(next(&mut states).await, "open");
        raw.send([plain(TEXT, "two"), plain(CLOSE, close(1000, "done"))].concat()).await;
        assert_eq!(next(&mut states).await, "closed by peer: 1000 (normal closure): done");
        assert_eq!(next(&mut states).await, "over");
        let (messages, error, closed) = received.await.unwrap();
        assert_eq!(messages, ["one", "two"]);
        assert!(error.is_none());
        assert_eq!(end(&closed), (1000, "done", By::Peer, true));
    });
}

#[test]
fn close_codes_say_whether_there_is_another_connection() {
    run_paused(async {
        for (code, is_final) in [(1000, true), (1001, false), (1008, true), (1011, false), (4000, false)] {
            let (client, mut server) = roomy();
            let socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
            let (_sender, receiver) = socket.split();
            let mut states = receiver.states();
            let received = receive(receiver);
            server.open().await.send(plain(CLOSE, close(code, ""))).await;
            while !matches!(states.next().await.unwrap(), State::Waiting { .. } | State::Ended(_)) {}
            if is_final {
                let (_, error, closed) = received.await.unwrap();
                assert!(error.is_none());
                assert_eq!(end(&closed), (code, "", By::Peer, true));
                assert!(server.is_quiet());
            } else {
                server.open().await;
            }
        }
    });
}

#[test]
fn a_server_that_breaks_the_protocol_is_not_tried_again() {
    run_paused(async {
        let (client, mut server) = roomy();
        let socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        let (_sender, receiver) = socket.split();
        let received = receive(receiver);
        let mut raw = server.open().await;
        raw.send([plain(TEXT, "fine"), plain(TEXT, b"\xff")].concat()).await;
        let (messages, error, _) = received.await.unwrap();
        assert_eq!(messages, ["fine"]);
        assert!(
            matches!(&error, Some(Error::GaveUp(Cause::Failed(error))) if matches!(**error, Error::Protocol(_))),
            "{error:?}"
        );
        assert_eq!(raw.frame().await.first, CLOSE);
    });
}

#[test]
fn a_refusal_that_asks_for_another_request_is_an_error() {
    run_paused(async {
        let (client, mut server) = roomy();
        let socket = client.reconnecting(Reconnect::default()).connect(URL).unwrap();
        let (sender, receiver) = socket.split();
        let received = receive(receiver);
        server.refuse("503 Busy", "").await;
        server.refuse("401 Who", "").await;
        let (_, error, closed) = received.await.unwrap();
        let error = error.unwrap();
        assert_eq!(error.to_string(), "gave up: the server refused the WebSocket with 401 Unauthorized");
        assert!(
            matches!(&error, Error::GaveUp(Cause::Failed(error)) if matches!(**error, Error::Refused(_)))
        );
        assert_eq!(closed.by, By::Local);
        let unsent = sender.send("late").await.unwrap_err();
        assert!(matches!(unsent, Error::Closed(_)), "{unsent}");
    });
}

#[test]
fn mistakes_of_the_caller_are_told_at_once() {
    run_paused(async {
        let (client, _server) = roomy();
        let wrong = client.clone().reconnecting(Reconnect::default()).connect("mailto:me").unwrap_err();
        assert!(matches!(wrong, Error::Url(_)), "{wrong}");
        let header = http::HeaderValue::from_static("x");
        let client = client.header(http::header::UPGRADE, header).reconnecting(Reconnect::default());
        assert!(matches!(client.connect(URL), Err(Error::Handshake(_))));
    });
}

/// Logs in, and must be welcomed.
async fn log_in(mut socket: WebSocket) -> Result<WebSocket> {
    socket.send("it is me").await?;
    match socket.recv().await? {
        Some(answer) if answer == "welcome" => Ok(socket),
        Some(answer) if answer == "not now" => Err(Error::other("not now")),
        Some(_) => Err(Error::Closed(Box::new(socket.close(CloseCode::NORMAL, "").await?))),
        None => Err(Error::Closed(Box::new(socket.closed()))),
    }
}

#[test]
fn every_connection_is_prepared_before_anything_else_is_said_on_it() {
    run_paused(async {
        let (client, mut server) = roomy();
        let client = client.reconnecting(Reconnect::default()).on_open(log_in);
        let (sender, receiver) = client.connect(URL).unwrap().split();
        let _received = receive(receiver);
        sender.send("queued").await.unwrap();
        for message in ["queued", "queued again"] {
            let mut raw = server.open().await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, "it is me"));
            settle().await;
            assert!(!sender.is_open());
            raw.send(plain(TEXT, "welcome")).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, message));
            drop(raw);
            settle().await;
            sender.send("queued again").await.unwrap();
        }
    });
}

#[test]
fn a_preparation_that_fails_is_a_failed_try_unless_it_closes_for_good() {
    run_paused(async {
        let (client, mut server) = roomy();
        let client = client.reconnecting(Reconnect::default()).on_open(log_in);
        let (_sender, receiver) = client.connect(URL).unwrap().split();
        let received = receive(receiver);
        for answer in [plain(TEXT, "not now"), plain(CLOSE, close(1012, ""))] {
            let mut raw = server.open().await;
            raw.frame().await;
            raw.send(answer).await;
        }
        // A silent server is given its time.
        let _silent = server.open().await;
        let mut raw = server.open().await;
        raw.frame().await;
        raw.send([plain(TEXT, "begone"), plain(CLOSE, close(1000, ""))].concat()).await;
        let (_, error, _) = received.await.unwrap();
        assert!(matches!(error, Some(Error::GaveUp(Cause::Failed(_)))), "{error:?}");
        assert!(server.is_quiet());
    });
}
