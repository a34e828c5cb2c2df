//! Connecting through proxies that are scripted byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use longwire::{Cause, Client, Error, Limits, Proxy, ProxyError, Reconnect, Result, Timeouts, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{Raw, deserted, echo, run, serve};
#[cfg(feature = "tls")]
use crate::tls::Authority;

/// A listener for a proxy, and a way to connect through it.
struct Attempt {
    proxy: TcpListener,
    addr: SocketAddr,
}

impl Attempt {
    async fn new() -> Attempt {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = proxy.local_addr().unwrap();
        Attempt { proxy, addr }
    }

    /// Connects to `url` through a proxy with this scheme and optional `user:password@`.
    fn begin(&self, scheme: &str, url: &str) -> JoinHandle<Result<WebSocket>> {
        let proxy = Proxy::new(format!("{scheme}{}", self.addr)).unwrap();
        let (client, url) = (Client::new().proxy(proxy), url.to_owned());
        tokio::spawn(async move { client.connect(url).await })
    }

    async fn accept(&self) -> Raw<TcpStream> {
        Raw::new(self.proxy.accept().await.unwrap().0)
    }
}

/// Relays bytes between a client and the server that it requested.
fn carry<T>(client: Raw<T>, server: SocketAddr)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    tokio::spawn(async move {
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ended = copy_bidirectional(&mut client.into_inner(), &mut server).await;
    });
}

async fn expect_echo(attempt: JoinHandle<Result<WebSocket>>) {
    let mut socket = attempt.await.unwrap().unwrap();
    socket.send("hello").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
    assert_eq!(socket.peer_addr(), None, "the proxy is not the peer");
}

/// Connects through an HTTP proxy that sends this response and ends the connection.
async fn answered(response: impl AsRef<[u8]>) -> Error {
    let attempt = Attempt::new().await;
    let connecting = attempt.begin("http://", "ws://a.example/");
    let mut proxy = attempt.accept().await;
    proxy.head().await;
    proxy.send(response).await;
    drop(proxy);
    connecting.await.unwrap().unwrap_err()
}

#[test]
fn an_http_proxy_is_asked_to_connect_for_ws_too() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let attempt = Attempt::new().await;
        let connecting = attempt.begin("http://", "ws://a.example/");
        let mut proxy = attempt.accept().await;
        proxy.expect("CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n").await;
        // A proxy may send an interim response, and a successful response has no body whatever its headers say (RFC
        // 9110 §9.3.6).
        proxy.send("HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n").await;
        carry(proxy, serving.addr);
        expect_echo(connecting).await;
    });
}

#[test]
fn user_and_password_are_for_the_proxy_and_headers_for_the_server() {
    run(async {
        let attempt = Attempt::new().await;
        let proxy = Proxy::new(format!("http://me:s%40cret@{}", attempt.addr)).unwrap();
        let client = Client::new().proxy(proxy).header(http::header::COOKIE, "id=1");
        tokio::spawn(async move { client.connect("ws://you:secret@[::1]:9000/").await });
        let mut proxy = attempt.accept().await;
        proxy.expect("CONNECT [::1]:9000 HTTP/1.1\r\nHost: [::1]:9000\r\n").await;
        proxy.expect("Proxy-Authorization: Basic bWU6c0BjcmV0\r\n\r\n").await;
        proxy.send("HTTP/1.1 200 OK\r\n\r\n").await;
        let request = proxy.head().await.to_ascii_lowercase();
        assert!(
            request.contains("cookie: id=1\r\n") && request.contains("authorization: basic "),
            "{request}"
        );
        assert!(!request.contains("proxy-authorization"), "{request}");
    });
}

#[test]
fn a_refusal_is_told_to_be_the_proxys_with_status_and_text() {
    run(async {
        let error =
            answered("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 7\r\n\r\nwho are").await;
        let text = error.to_string();
        assert!(text.starts_with("the proxy 127.0.0.1:"), "{text}");
        assert!(
            text.ends_with(
                " refused to connect to a.example:80 with 407 Proxy Authentication Required: who are"
            ),
            "{text}"
        );
        let Error::Proxy(error) = error else { panic!("{error:?}") };
        let ProxyError::Refused { response, to, .. } = *error else { panic!("{error:?}") };
        assert_eq!(
            (response.status().as_u16(), response.body(), to.as_str()),
            (407, &b"who are"[..], "a.example:80")
        );
    });
}

#[test]
fn what_a_proxy_may_not_say_is_an_error_that_names_it() {
    run(async {
        for (response, reason) in [
            ("SSH-2.0-x\r\n\r\n".to_owned(), "it is not HTTP: SSH-2.0-x"),
            ("HTTP/1.1 200 OK\r\n\r\nhello".into(), "it sent data after its response"),
            (format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000)), "large"),
        ] {
            let error = answered(response).await;
            let text = error.to_string();
            assert!(matches!(error, Error::Proxy(_)), "{error:?}");
            assert!(text.contains(" does not answer as an HTTP proxy: ") && text.contains(reason), "{text}");
        }
    });
}

/// It may be shutting down, like a server that hangs up.
#[test]
fn a_proxy_that_hangs_up_is_named_and_tried_again() {
    run(async {
        for start in ["", "HTTP/1.1 200 Conn"] {
            let text = answered(start).await.to_string();
            assert!(text.starts_with("the proxy 127.0.0.1:"), "{text}");
            assert!(text.ends_with(" closed the connection instead of answering"), "{text}");
        }
        let attempt = Attempt::new().await;
        let proxy = Proxy::new(attempt.addr.to_string()).unwrap();
        let client = Client::new().proxy(proxy).reconnecting(Reconnect::default().seed(1));
        let mut socket = client.connect("ws://a.example/").unwrap();
        tokio::spawn(async move { socket.recv().await });
        for _ in 0..2 {
            attempt.accept().await.head().await;
        }
    });
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_and_named() {
    run(async {
        let attempt = Attempt::new().await;
        let proxy = Proxy::new(attempt.addr.to_string()).unwrap();
        let time = Duration::from_millis(50);
        let client = Client::new().proxy(proxy).timeouts(Timeouts::default().proxy(time));
        let (proxy, outcome) = tokio::join!(attempt.accept(), client.connect("ws://a.example/"));
        let expected = format!(
            "cannot have the proxy {} connect to a.example:80: it took longer than 0.05 s",
            attempt.addr
        );
        assert_eq!(outcome.unwrap_err().to_string(), expected);
        drop(proxy);
    });
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    run(async {
        let addr = deserted();
        let client = Client::new().proxy(Proxy::new(addr.to_string()).unwrap());
        let text = client.connect("ws://a.example/").await.unwrap_err().to_string();
        assert!(text.starts_with(&format!("cannot connect to the proxy {addr}: ")), "{text}");
    });
}

#[test]
fn hosts_that_are_excepted_are_connected_to_without_the_proxy() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let nowhere = Proxy::new("127.0.0.1:1").unwrap();
        for client in [
            Client::new().proxy(nowhere.clone().except("10.0.0.0/8, 127.0.0.1")),
            Client::new().proxy(nowhere.clone()).proxy(None),
        ] {
            let socket = client.connect(serving.url("/")).await.unwrap();
            assert_eq!(socket.peer_addr(), Some(serving.addr));
        }
        Client::new().proxy(nowhere).connect(serving.url("/")).await.unwrap_err();
    });
}

/// TLS to the server inside of TLS to the proxy; the names of both are verified.
#[cfg(feature = "tls")]
#[test]
fn an_https_proxy_is_spoken_to_over_tls() {
    run(async {
        let authority = Authority::for_names(&["127.0.0.1", "a.example"]);
        let identity = authority.identity.clone();
        let serving = serve(|server| server.tls(identity), echo).await;
        let attempt = Attempt::new().await;
        let proxy = Proxy::new(format!("https://{}", attempt.addr)).unwrap();
        let client = authority.client().proxy(proxy);
        let connecting = tokio::spawn(async move { client.connect("wss://a.example/").await });
        let connection = attempt.accept().await.into_inner();
        let mut proxy = Raw::new(authority.acceptor().accept(connection).await.unwrap());
        proxy.expect("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").await;
        proxy.send("HTTP/1.1 200 OK\r\n\r\n").await;
        carry(proxy, serving.addr);
        expect_echo(connecting).await;
    });
}

#[cfg(feature = "tls")]
#[test]
fn an_https_proxy_that_speaks_no_tls_is_told() {
    run(async {
        let attempt = Attempt::new().await;
        let connecting = attempt.begin("https://", "wss://a.example/");
        let mut proxy = attempt.accept().await;
        proxy.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let text = connecting.await.unwrap().unwrap_err().to_string();
        assert!(
            text.starts_with(&format!(
                "cannot secure the connection to the proxy {} with TLS: ",
                attempt.addr
            )),
            "{text}"
        );
        assert!(text.ends_with("http:// in the proxy's address if that is intended"), "{text}");
    });
}

/// The greeting of a client without and with a password.
const NO_AUTH: &[u8] = b"\x05\x01\x00";
const AUTH: &[u8] = b"\x05\x02\x00\x02";

#[test]
fn socks5h_has_the_proxy_look_up_the_name() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let attempt = Attempt::new().await;
        let connecting = attempt.begin("socks5h://", "ws://a.example:81/");
        let mut proxy = attempt.accept().await;
        proxy.expect(NO_AUTH).await;
        proxy.send(b"\x05\x00").await;
        proxy.expect(b"\x05\x01\x00\x03\x09a.example\x00\x51").await;
        proxy.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00").await;
        carry(proxy, serving.addr);
        expect_echo(connecting).await;
    });
}

#[test]
fn socks5_looks_up_the_name_here() {
    run(async {
        let attempt = Attempt::new().await;
        let client = Client::new()
            .proxy(Proxy::new(format!("socks5://{}", attempt.addr)).unwrap())
            .resolver(async |name| Ok(vec![([192, 0, 2, 7], name.port()).into()]));
        let connecting = tokio::spawn(async move { client.connect("ws://a.example:81/").await });
        let mut proxy = attempt.accept().await;
        proxy.expect(NO_AUTH).await;
        proxy.send(b"\x05\x00").await;
        proxy.expect(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x51").await;
        // Not allowed by ruleset.
        proxy.send(b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00").await;
        let error = connecting.await.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the proxy {} did not connect to a.example:81: connection not allowed by ruleset",
                attempt.addr
            )
        );
    });
}

/// Only the proxy knows which addresses it can reach: it may have no IPv6, or this machine may have none.
#[test]
fn a_socks_proxy_that_cannot_reach_one_address_is_asked_for_the_next() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let attempt = Attempt::new().await;
        let client = Client::new().proxy(Proxy::new(format!("socks5://{}", attempt.addr)).unwrap()).resolver(
            async |_| Ok(vec!["[2001:db8::1]:81".parse().unwrap(), "192.0.2.7:81".parse().unwrap()]),
        );
        let connecting = tokio::spawn(async move { client.connect("ws://a.example:81/").await });
        let mut proxy = attempt.accept().await;
        proxy.expect(NO_AUTH).await;
        proxy.send(b"\x05\x00").await;
        proxy.expect(b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x51").await;
        // Network unreachable.
        proxy.send(b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00").await;
        let mut proxy = attempt.accept().await;
        proxy.expect(NO_AUTH).await;
        proxy.send(b"\x05\x00").await;
        proxy.expect(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x51").await;
        proxy.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00").await;
        carry(proxy, serving.addr);
        expect_echo(connecting).await;
    });
}

#[test]
fn user_and_password_are_sent_to_a_socks_proxy_that_asks_for_them() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let attempt = Attempt::new().await;
        let connecting = attempt.begin("socks5h://me:s%40cret@", "ws://[::1]:81/");
        let mut proxy = attempt.accept().await;
        proxy.expect(AUTH).await;
        proxy.send(b"\x05\x02").await;
        proxy.expect(b"\x01\x02me\x06s@cret").await;
        proxy.send(b"\x01\x00").await;
        proxy.expect(b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x51").await;
        proxy.send(b"\x05\x00\x00\x03\x01x\x00\x00").await;
        carry(proxy, serving.addr);
        expect_echo(connecting).await;
    });
}

#[test]
fn a_socks_proxy_that_wants_or_talks_something_else_is_told() {
    run(async {
        for (answer, reason) in [
            (&b"\x05\xff"[..], "no acceptable auth methods"),
            (b"\x05\x02", "authorization required"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "invalid response version"),
        ] {
            let attempt = Attempt::new().await;
            let connecting = attempt.begin("socks5h://", "ws://a.example/");
            let mut proxy = attempt.accept().await;
            proxy.expect(NO_AUTH).await;
            proxy.send(answer).await;
            let error = connecting.await.unwrap().unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, Error::Proxy(_)), "{error:?}");
            assert!(text.starts_with(&format!("the proxy {}", attempt.addr)), "{text}");
            assert!(text.contains(reason), "{text}");
        }
    });
}

/// RFC 1929 §2: any status except 0 is a failure. The same password would fail again, as with an HTTP proxy's 407.
#[test]
fn a_password_that_a_socks_proxy_refuses_is_not_tried_again() {
    run(async {
        for (method, status) in [(&b"\x05\x02"[..], &b"\x01\x01"[..]), (b"\x05\xff", b"")] {
            let attempt = Attempt::new().await;
            let proxy = Proxy::new(format!("socks5h://me:s%40cret@{}", attempt.addr)).unwrap();
            let client = Client::new().proxy(proxy).reconnecting(Reconnect::default());
            let mut socket = client.connect("ws://a.example/").unwrap();
            let connecting = tokio::spawn(async move { socket.recv().await });
            let mut proxy = attempt.accept().await;
            proxy.expect(AUTH).await;
            proxy.send(method).await;
            if !status.is_empty() {
                proxy.expect(b"\x01\x02me\x06s@cret").await;
                proxy.send(status).await;
            }
            let error = connecting.await.unwrap().unwrap_err();
            let Error::GaveUp(Cause::Failed(because)) = &error else { panic!("{error:?}") };
            assert!(
                matches!(&**because, Error::Proxy(error) if matches!(**error, ProxyError::Login { .. })),
                "{because:?}"
            );
        }
    });
}

/// SOCKS has one byte for the length of a name (RFC 1928 §5).
#[test]
fn a_name_that_socks_cannot_say_is_told() {
    run(async {
        let attempt = Attempt::new().await;
        let name = ["x"; 150].join(".");
        let connecting = attempt.begin("socks5h://", &format!("ws://{name}/"));
        let _proxy = attempt.accept().await;
        let error = connecting.await.unwrap().unwrap_err();
        assert!(error.to_string().ends_with("overlong domain"), "{error}");
    });
}

#[test]
fn the_handshake_in_the_tunnel_has_its_own_limits() {
    run(async {
        let attempt = Attempt::new().await;
        let client = Client::new()
            .proxy(Proxy::new(attempt.addr.to_string()).unwrap())
            .limits(Limits::default().handshake_bytes(150).handshake_headers(10));
        let connecting = tokio::spawn(async move { client.connect("ws://a.example/").await });
        let mut proxy = attempt.accept().await;
        proxy.head().await;
        proxy.send("HTTP/1.1 200 OK\r\n\r\n").await;
        proxy.head().await;
        proxy.send(format!("HTTP/1.1 101 Yes\r\nX: {}\r\n\r\n", "x".repeat(150))).await;
        let error = connecting.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Handshake(_)), "{error:?}");
        proxy.expect_end().await;
    });
}
