//! Connections whose opening handshake was done by other code, over any version of HTTP.

use std::sync::Arc;

use longwire::{Config, Deflate, Established, Role, WebSocket};
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::{ClientHandshake, ConnectProtocol, UpgradeRequest, negotiate};
use tokio::io::{AsyncReadExt, duplex};

use crate::support::run;

/// What both ends know after an extended CONNECT (RFC 8441). In HTTP/2, its request and response are HEADERS frames.
struct Stream {
    client: Established,
    server: Established,
}

impl Stream {
    fn connect() -> Stream {
        let (config, deflate) = (Arc::new(Config::default()), Deflate::default());
        let asking = ClientHandshake::extended_connect(&"wss://example.com/chat".parse().unwrap())
            .unwrap()
            .subprotocols(["chat.v2", "chat.v1"])
            .unwrap()
            .extensions(deflate.offers())
            .unwrap();
        let request = asking.request();
        assert_eq!((request.method().as_str(), request.uri().path()), ("CONNECT", "/chat"));
        assert_eq!(request.extensions().get(), Some(&ConnectProtocol::WEBSOCKET));

        let offer = UpgradeRequest::read(request).unwrap().offer;
        let mut agreement = None;
        let extensions = negotiate(offer.extensions(), |offered| {
            let (answer, agreed) = deflate.answer(offered)?;
            agreement = Some(agreed);
            Some(answer)
        });
        let subprotocol = offer.choose_subprotocol(&["chat.v1"]).map(str::to_owned);
        let (response, _) = offer.accept(subprotocol.as_deref(), &extensions).unwrap();
        assert_eq!(response.status(), 200);

        let agreed = asking.verify(&response).unwrap();
        let confirmed = deflate.confirm(&agreed.extensions[0]).unwrap();
        let established = |role, agreement: Option<Agreement>| {
            Established::new(role, Arc::clone(&config))
                .deflate(agreement)
                .subprotocol(subprotocol.clone().unwrap())
                .extensions(&agreed.extensions)
        };
        Stream {
            client: established(Role::Client, Some(confirmed)),
            server: established(Role::Server, agreement),
        }
    }
}

/// RFC 8441: a stream opened by an extended CONNECT carries a WebSocket like any other.
#[test]
fn a_connection_runs_over_a_stream_of_extended_connect() {
    run(async {
        let (near, far) = duplex(1 << 10);
        let Stream { client, server } = Stream::connect();
        let mut server = WebSocket::established(far, server);
        let mut client = WebSocket::established(near, client);
        for socket in [&client, &server] {
            assert_eq!(socket.subprotocol(), Some("chat.v1"));
            assert!(socket.extensions().starts_with("permessage-deflate"), "{}", socket.extensions());
        }
        let text = "to and fro ".repeat(1_000);
        client.send(text.as_str()).await.unwrap();
        assert_eq!(server.recv().await.unwrap(), Some(text.as_str().into()));
        server.send("and back").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some("and back".into()));
        let (closed, end) = tokio::join!(client.close(1000, "done"), server.recv());
        assert_eq!((closed.unwrap().code.get(), end.unwrap()), (1000, None));
    });
}

/// The agreed compression is used: 11,000 repeated bytes shrink to a few, in a frame with RSV1 (RFC 7692 §6).
#[test]
fn what_was_agreed_on_is_used() {
    run(async {
        let (near, mut far) = duplex(1 << 16);
        let mut server = WebSocket::established(near, Stream::connect().server);
        server.send("to and fro ".repeat(1_000)).await.unwrap();
        let mut frame = [0; 2];
        far.read_exact(&mut frame).await.unwrap();
        assert_eq!((frame[0], frame[1] < 126), (0xc1, true), "{frame:x?}");
    });
}

/// The first frames may arrive together with the end of the handshake.
#[test]
fn what_was_read_behind_the_handshake_is_the_beginning() {
    run(async {
        let (near, _far) = duplex(1 << 10);
        let greeting = Stream::connect().client.read_ahead(b"\x81\x05Hello".as_slice());
        let mut client = WebSocket::established(near, greeting);
        assert_eq!(client.recv().await.unwrap(), Some("Hello".into()));
    });
}
