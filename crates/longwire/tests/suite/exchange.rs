//! Client and server against each other, over TCP.

use http::header::{AUTHORIZATION, HeaderValue, SET_COOKIE};
use longwire::{Accept, By, Client, Limits, Message, Server, Upgrade, WebSocket, connect};
use tokio::sync::mpsc;

use crate::support::{echo, end, run, serve};

#[test]
fn messages_come_back_as_they_were() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        for message in [
            Message::from("Hello, Server!"),
            Message::from("κόσμε 🌍"),
            Message::from(""),
            Message::from(vec![0, 0xff, 0x80]),
            Message::from(Vec::new()),
        ] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(message));
        }
        let closed = socket.close(1000, "done").await.unwrap();
        assert_eq!(end(&closed), (1000, "done", By::Local, true));
    });
}

#[test]
fn large_messages_come_back_whole() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        for len in [1 << 20, Limits::default().message] {
            let binary: Vec<u8> = (0..=250).cycle().take(len).collect();
            socket.send(binary.clone()).await.unwrap();
            assert!(socket.recv().await.unwrap() == Some(binary.into()), "{len} bytes");

            let text = "0123456789abcde\n".repeat(len / 16);
            socket.send(text.as_str()).await.unwrap();
            assert!(socket.recv().await.unwrap() == Some(text.into()), "{len} characters");
        }
    });
}

#[test]
fn both_ends_know_the_subprotocol_they_agreed_on() {
    run(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let serving = serve(
            |server| server.subprotocols(["chat.v2", "chat.v1"]),
            move |socket: WebSocket| {
                tell.send(socket.subprotocol().map(str::to_owned)).unwrap();
                echo(socket)
            },
        )
        .await;
        for (offered, agreed) in [
            (&["chat.v1", "chat.v2"][..], Some("chat.v2")),
            (&["chat.v0", "chat.v1"][..], Some("chat.v1")),
            (&["chat.v0"][..], None),
            (&[][..], None),
        ] {
            let client = Client::new().subprotocols(offered.iter().copied());
            let socket = client.connect(serving.url("/")).await.unwrap();
            assert_eq!(socket.subprotocol(), agreed, "{offered:?}");
            assert_eq!(told.recv().await.unwrap().as_deref(), agreed, "{offered:?}");
        }
    });
}

#[test]
fn the_server_sees_the_request_and_the_client_the_response() {
    run(async {
        let decide = async |request: &Upgrade<'_>| {
            assert_eq!((request.path(), request.query("room").as_deref()), ("/chat", Some("a b")));
            let token = request.header(AUTHORIZATION).unwrap_or_default().to_owned();
            let room = HeaderValue::from_static("7");
            Ok(Accept::new().header("x-room", room).attach(token))
        };
        let serving = serve(
            |server| server.on_upgrade(decide),
            async |mut socket: WebSocket| {
                let token = socket.attached::<String>().unwrap().clone();
                let line = format!("{token} {} {}", socket.uri(), socket.peer_addr().unwrap());
                Ok(socket.send(line).await?)
            },
        )
        .await;
        let client = Client::new().header(AUTHORIZATION, HeaderValue::from_static("Bearer 1234"));
        let url = serving.url("/chat?room=a+b");
        let mut socket = client.connect(&url).await.unwrap();
        assert_eq!(socket.response_headers()["x-room"], "7");
        assert_eq!((socket.uri().to_string(), socket.peer_addr()), (url, Some(serving.addr)));
        let line = socket.recv().await.unwrap().unwrap().to_string();
        assert!(line.starts_with("Bearer 1234 /chat?room=a+b 127.0.0.1:"), "{line}");
    });
}

#[test]
fn a_header_that_the_application_adds_twice_is_sent_twice() {
    run(async {
        let decide = async |_: &Upgrade<'_>| {
            Ok(Accept::new()
                .header(SET_COOKIE, HeaderValue::from_static("a=1"))
                .header(SET_COOKIE, HeaderValue::from_static("b=2")))
        };
        let serving = serve(|server| server.on_upgrade(decide), echo).await;
        let socket = connect(serving.url("/")).await.unwrap();
        let cookies: Vec<_> = socket.response_headers().get_all(SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
    });
}

#[test]
fn ipv6_works_like_ipv4() {
    run(async {
        let server = Server::bind("[::1]:0").await.unwrap();
        let address = server.local_addr();
        let serving = tokio::spawn(server.serve(echo));
        let mut socket = connect(format!("ws://{address}/")).await.unwrap();
        assert_eq!(socket.peer_addr(), Some(address));
        socket.send("six").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("six".into()));
        serving.abort();
    });
}

#[test]
fn an_address_that_is_taken_is_named() {
    run(async {
        let first = Server::bind("127.0.0.1:0").await.unwrap();
        let error = Server::bind(first.local_addr().to_string()).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on {}: ", first.local_addr())), "{error}");
    });
}

#[test]
fn an_origin_that_is_none_keeps_the_server_from_serving() {
    run(async {
        let server = Server::bind("127.0.0.1:0").await.unwrap().origins(["example.com"]);
        let error = server.serve(echo).await.unwrap_err().to_string();
        assert!(error.starts_with(r#""example.com" is not an origin"#), "{error}");
    });
}
