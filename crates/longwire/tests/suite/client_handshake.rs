//! The client's opening handshake, against servers that refuse, make mistakes, or stay silent.

use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST, RETRY_AFTER};
use longwire::{
    Client, Error, HandshakeError, HeadError, Limits, Refusal, ResponseError, Result, Timeouts, Upgrade,
    UrlError, WebSocket, connect,
};
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::support::{
    ROOMY, Raw, TEXT, agreement, deserted, echo, plain, poll_once, run, run_paused, serve, settle,
};

const URL: &str = "ws://example.com/chat";

/// A server of raw bytes, and a client that is connecting to it.
fn connecting(client: Client) -> (Raw<DuplexStream>, tokio::task::JoinHandle<Result<WebSocket>>) {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    (Raw::new(theirs), tokio::spawn(async move { client.connect_over(ours, URL).await }))
}

/// Connects to a server that sends this response and ends the connection.
async fn answered(response: impl AsRef<[u8]>) -> Result<WebSocket> {
    let (mut server, attempt) = connecting(Client::new());
    server.head().await;
    server.send(response).await;
    drop(server);
    attempt.await.unwrap()
}

#[test]
fn the_request_is_that_of_the_rfc() {
    run_paused(async {
        let client = Client::new()
            .subprotocols(["chat.v2", "chat.v1"])
            .header(AUTHORIZATION, HeaderValue::from_static("Bearer 1"));
        let (mut server, _attempt) = connecting(client);
        let request = server.head().await.to_ascii_lowercase();
        let mut lines = request.lines();
        assert_eq!(lines.next(), Some("get /chat http/1.1"));
        let lines: Vec<_> = lines.collect();
        for expected in [
            "host: example.com",
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-version: 13",
            "sec-websocket-protocol: chat.v2, chat.v1",
            "authorization: bearer 1",
        ] {
            assert!(lines.contains(&expected), "{expected} is not in {request}");
        }
    });
}

#[test]
fn frames_that_come_with_the_response_are_received() {
    run_paused(async {
        let (mut server, attempt) = connecting(Client::new());
        let response = agreement(&server.head().await, "");
        server.send([response.as_bytes(), &plain(TEXT, "first"), &plain(TEXT, "second")].concat()).await;
        let mut socket = attempt.await.unwrap().unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("first".into()));
        assert_eq!(socket.recv().await.unwrap(), Some("second".into()));
    });
}

#[test]
fn a_response_may_come_byte_by_byte() {
    run_paused(async {
        let (mut server, attempt) = connecting(Client::new());
        let response = agreement(&server.head().await, "Server: slow\r\n");
        for byte in response.bytes() {
            server.send([byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(attempt.await.unwrap().unwrap().response_headers()["server"], "slow");
    });
}

#[test]
fn a_refusal_is_told_with_status_headers_and_body() {
    run(async {
        let refuse = async |_: &Upgrade<'_>| {
            let full = Refusal::new(http::StatusCode::SERVICE_UNAVAILABLE, "the room is full");
            Err(full.header(RETRY_AFTER, HeaderValue::from_static("30")))
        };
        let serving = serve(|server| server.on_upgrade(refuse), echo).await;
        let error = connect(serving.url("/")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server refused the WebSocket with 503 Service Unavailable: the room is full"
        );
        let Error::Refused(refused) = error else { panic!("{error}") };
        assert_eq!((refused.status().as_u16(), refused.body()), (503, &b"the room is full\n"[..]));
        assert_eq!(refused.headers()[RETRY_AFTER], "30");
    });
}

#[test]
fn the_body_of_a_refusal_may_come_in_any_framing() {
    run_paused(async {
        let (long, shown) = ("x".repeat(5000), "x".repeat(4096));
        for (response, body) in [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnonemore".to_owned(), "none"),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnone".to_owned(), "none"),
            ("HTTP/1.1 404 Not Found\r\n\r\nuntil the end".to_owned(), "until the end"),
            (
                "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nin p\r\n6\r\nieces\n\r\n0\r\n\r\n"
                    .to_owned(),
                "in pieces\n",
            ),
            (format!("HTTP/1.1 404 Not Found\r\nContent-Length: 5000\r\n\r\n{long}"), &shown),
            (format!("HTTP/1.1 404 Not Found\r\n\r\n{long}"), &shown),
        ] {
            let Err(Error::Refused(refused)) = answered(&response).await else { panic!("{response}") };
            assert_eq!(refused.status(), 404);
            assert_eq!(String::from_utf8_lossy(refused.body()), body);
        }
    });
}

#[test]
fn a_refusal_is_told_though_its_body_never_ends() {
    run_paused(async {
        let (mut server, attempt) = connecting(Client::new());
        server.head().await;
        server.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nlog in").await;
        let error = attempt.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the server refused the WebSocket with 401 Unauthorized: log in");
    });
}

#[test]
fn a_refusal_in_chunks_is_told_as_soon_as_its_last_chunk_has_come() {
    run_paused(async {
        let (mut server, attempt) = connecting(Client::new());
        server.head().await;
        let asked = Instant::now();
        server
            .send("HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")
            .await;
        // The server keeps the connection open, as servers do for the next request.
        assert!(matches!(attempt.await.unwrap(), Err(Error::Refused(refused)) if refused.body() == b"no"));
        assert_eq!(asked.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_redirection_is_a_refusal() {
    run_paused(async {
        let response = "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
        let Err(Error::Refused(refused)) = answered(response).await else { panic!("it opened") };
        assert_eq!(
            (refused.status().as_u16(), refused.headers()["location"].as_bytes()),
            (302, &b"/login"[..])
        );
    });
}

/// A server may send an interim response before the final one (RFC 9110 §15.2).
#[test]
fn interim_responses_are_passed_over() {
    run_paused(async {
        for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"] {
            let (mut server, attempt) = connecting(Client::new());
            let answer = agreement(&server.head().await, "Server: busy\r\n");
            let all = [interim.repeat(8).as_bytes(), answer.as_bytes(), &plain(TEXT, "first")].concat();
            server.send(all).await;
            let mut socket = attempt.await.unwrap().unwrap();
            assert_eq!(socket.response_headers()["server"], "busy");
            assert_eq!(socket.recv().await.unwrap(), Some("first".into()));
        }
        let refused = answered("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\nno").await;
        assert!(matches!(refused, Err(Error::Refused(refused)) if refused.body() == b"no"));
    });
}

#[test]
fn interim_responses_without_end_are_given_up() {
    run_paused(async {
        let error = answered("HTTP/1.1 100 Continue\r\n\r\n".repeat(9)).await.unwrap_err();
        assert!(error.to_string().ends_with("too many interim responses come before it"), "{error}");
    });
}

#[test]
fn what_is_not_http_is_said_to_be_no_websocket_server() {
    run_paused(async {
        for garbage in ["HTTP/1.1 abc Why\r\n\r\n", "\n\n"] {
            let error = answered(garbage).await.unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("the server does not answer as a WebSocket server: "), "{text}");
            let Error::Handshake(handshake) = error else { panic!("{text}") };
            assert!(matches!(*handshake, HandshakeError::Head(HeadError::Malformed(_))), "{handshake:?}");
        }
    });
}

/// Such a server may wait for a reply to its greeting, so the connection does not end by itself.
#[test]
fn what_a_port_says_instead_of_http_is_shown_at_once() {
    run_paused(async {
        for (said, shown) in [
            ("SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0-OpenSSH_9.6"),
            ("220 mail.example ESMTP\r\n250 ", "220 mail.example ESMTP"),
            ("+OK", "+OK"),
            ("J\0\x1b[31m5.7\n", "J\\0\\u{1b}[31m5.7"),
            (&"x".repeat(5000), &"x".repeat(100)),
        ] {
            let (mut server, attempt) = connecting(Client::new());
            let begun = Instant::now();
            server.send(said).await;
            let error = attempt.await.unwrap().unwrap_err();
            let expected = format!("the server does not speak HTTP on this port; it said \"{shown}\"");
            assert_eq!(error.to_string(), expected);
            let Error::Handshake(handshake) = error else { panic!("{error:?}") };
            assert!(matches!(*handshake, HandshakeError::NotHttp(line) if *line == *shown));
            assert_eq!(begun.elapsed(), Duration::ZERO);
        }
    });
}

/// RFC 9112 §6.3: these responses have no body, whatever their headers say.
#[test]
fn a_refusal_that_can_have_no_body_is_told_at_once() {
    run_paused(async {
        for status in ["204 No Content", "304 Not Modified"] {
            let (mut server, attempt) = connecting(Client::new());
            server.head().await;
            let asked = Instant::now();
            server.send(format!("HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n")).await;
            assert!(matches!(attempt.await.unwrap(), Err(Error::Refused(refused)) if refused.body() == b""));
            assert_eq!(asked.elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn a_head_without_end_is_given_up() {
    run_paused(async {
        let endless = format!("HTTP/1.1 101 Yes\r\nX: {}", "x".repeat(20_000));
        let error = answered(endless).await.unwrap_err();
        let Error::Handshake(handshake) = error else { panic!("{error}") };
        assert!(matches!(*handshake, HandshakeError::Head(HeadError::TooLarge)), "{handshake:?}");
    });
}

#[test]
fn a_connection_that_ends_early_is_told() {
    run_paused(async {
        for start in ["", "HTTP/1.1 101 Switching Proto", "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n"] {
            let error = answered(start).await.unwrap_err();
            assert_eq!(error.to_string(), "the server closed the connection instead of answering");
        }
    });
}

#[test]
fn an_answer_to_another_question_does_not_open_a_websocket() {
    run_paused(async {
        type Answer = fn(&str) -> String;
        type Expected = fn(&ResponseError) -> bool;
        let cases: [(Answer, Expected); 4] = [
            (
                |request| agreement(request, "").replace("Accept: ", "Accept: x"),
                |error| matches!(error, ResponseError::WrongAccept),
            ),
            (
                |request| agreement(request, "").replace("Upgrade: websocket\r\n", ""),
                |error| matches!(error, ResponseError::NoUpgrade),
            ),
            (
                |request| agreement(request, "Sec-WebSocket-Protocol: other\r\n"),
                |error| matches!(error, ResponseError::SubprotocolNotOffered(_)),
            ),
            (
                |request| agreement(request, "Sec-WebSocket-Extensions: x-unasked\r\n"),
                |error| matches!(error, ResponseError::Extensions(_)),
            ),
        ];
        for (answer, is_expected) in cases {
            let (ours, theirs) = tokio::io::duplex(ROOMY);
            let mut server = Raw::new(theirs);
            let client = Client::new().subprotocols(["chat"]);
            let serve = async {
                let response = answer(&server.head().await);
                server.send(response).await;
            };
            let (attempt, ()) = tokio::join!(client.connect_over(ours, URL), serve);
            let error = attempt.unwrap_err();
            let Error::Handshake(handshake) = error else { panic!("{error}") };
            assert!(
                matches!(&*handshake, HandshakeError::Response(error) if is_expected(error)),
                "{handshake:?}"
            );
            server.expect_end().await;
        }
    });
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    run_paused(async {
        let time = Duration::from_secs(3);
        let (mut server, attempt) = connecting(Client::new().limits(Limits::default().handshake_time(time)));
        let begun = Instant::now();
        server.head().await;
        server.send("HTTP/1.1 101 Swi").await;
        let error = attempt.await.unwrap().unwrap_err();
        assert_eq!(begun.elapsed(), time);
        assert_eq!(
            error.to_string(),
            "cannot open a WebSocket at ws://example.com/chat: it took longer than 3 s"
        );
        assert!(matches!(error, Error::Timeout { after, .. } if after == time));
        server.expect_end().await;
    });
}

/// The time limit applies to the head; a body that is slow or missing does not hide the refusal.
#[test]
fn a_refusal_whose_body_does_not_come_in_time_is_told_all_the_same() {
    run_paused(async {
        let time = Duration::from_millis(500);
        let (mut server, attempt) = connecting(Client::new().timeouts(Timeouts::default().handshake(time)));
        server.head().await;
        server.send("HTTP/1.1 401 Who\r\nContent-Length: 100\r\n\r\nlog in").await;
        let error = attempt.await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Refused(refused) if refused.body() == b"log in"), "{error}");
    });
}

#[test]
fn an_address_that_does_not_answer_is_given_up() {
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // This exceeds the backlog of connections that were not accepted yet, so the system answers no further one.
        let queue: Vec<_> = (0..16).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
        while queue.iter().filter(|attempt| attempt.is_finished()).count() < 2 {
            tokio::task::yield_now().await;
        }
        settle().await;

        let time = Duration::from_millis(100);
        let error = Client::new().connect_time(time).connect(format!("ws://{address}/")).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot connect to {address}: it took longer than 0.1 s"));
        queue.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    run(async {
        let address = deserted();
        let error = connect(format!("ws://{address}/")).await.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot connect to {address}: ")), "{text}");
    });
}

#[test]
fn what_cannot_be_asked_for_costs_no_connection() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = |url: String| async move {
            match connect(url).await {
                Err(Error::Url(error)) => error,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(url(format!("ftp://{address}/")).await, UrlError::Scheme(_)));
        assert!(matches!(url(format!("ws://{address}/#top")).await, UrlError::Fragment(_)));
        assert!(matches!(url(format!("{address}/")).await, UrlError::Invalid { .. } | UrlError::Scheme(_)));
        assert!(matches!(url("ws://".into()).await, UrlError::NoHost(_)));

        let forged = Client::new().header(HOST, HeaderValue::from_static("other.example"));
        let error = forged.connect(format!("ws://{address}/")).await.unwrap_err();
        assert_eq!(error.to_string(), "header host is reserved for the opening handshake");
        let twice = Client::new().subprotocols(["chat", "chat"]);
        let error = twice.connect(format!("ws://{address}/")).await.unwrap_err();
        assert_eq!(error.to_string(), r#"subprotocol "chat" is offered twice"#);

        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(&mut accept).await.is_pending(), "a client connected");
    });
}

#[test]
fn http_urls_open_websockets_too() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut socket = connect(format!("http://{}/", serving.addr)).await.unwrap();
        assert_eq!(socket.uri().scheme_str(), Some("ws"));
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
    });
}
