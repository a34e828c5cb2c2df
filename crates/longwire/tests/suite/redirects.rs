//! Servers that redirect the client.

use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use longwire::{Client, Destination, Error, HandshakeError, Result, WebSocket};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::support::{ROOMY, Raw, run_paused};

/// The connections that a client makes, with their destinations.
struct Net(UnboundedReceiver<(Destination, Raw<DuplexStream>)>);

impl Net {
    /// An in-memory network, and a client that connects over it.
    fn connecting(client: Client, url: &'static str) -> (Net, JoinHandle<Result<WebSocket>>) {
        let (told, connections) = unbounded_channel();
        let client = client.connector(move |to| {
            let (ours, theirs) = tokio::io::duplex(ROOMY);
            told.send((to, Raw::new(theirs))).unwrap();
            std::future::ready(Ok(ours))
        });
        (Net(connections), tokio::spawn(async move { client.connect(url).await }))
    }

    /// Answers the next request, which must go to `destination`, with a redirect, and returns its head.
    async fn redirect(&mut self, destination: &str, status: u16, location: impl AsRef<[u8]>) -> String {
        let (to, mut server) = self.0.recv().await.unwrap();
        assert_eq!(to.to_string(), destination);
        let head = server.head().await;
        let begin = format!("HTTP/1.1 {status} Moved\r\nContent-Length: 0\r\nLocation: ");
        server.send([begin.as_bytes(), location.as_ref(), b"\r\n\r\n"].concat()).await;
        head.to_ascii_lowercase()
    }
}

fn with_secrets() -> Client {
    Client::new()
        .max_redirects(5)
        .header(AUTHORIZATION, HeaderValue::from_static("Bearer 1"))
        .header(COOKIE, HeaderValue::from_static("id=1"))
        .header(ORIGIN, HeaderValue::from_static("http://app.example"))
}

#[test]
fn redirects_are_followed_by_every_status_for_them() {
    run_paused(async {
        let (mut net, attempt) = Net::connecting(with_secrets(), "ws://a.example/one");
        for (status, location, path) in [
            (301, "two", "/one"),
            (302, "/three?x", "/two"),
            (303, "http://a.example/four", "/three?x"),
            (307, "//a.example:80/five", "/four"),
            (308, "six#top", "/five"),
            (302, "/too-far", "/six"),
        ] {
            let head = net.redirect("a.example:80", status, location).await;
            assert!(head.starts_with(&format!("get {path} http/1.1\r\n")), "{head}");
            assert!(
                head.contains("authorization: bearer 1\r\n") && head.contains("cookie: id=1\r\n"),
                "{head}"
            );
        }
        let error = attempt.await.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "too many redirects: followed 5, and ws://a.example/six redirects again"
        );
        let Error::Handshake(handshake) = &error else { panic!("{error:?}") };
        assert!(matches!(**handshake, HandshakeError::TooManyRedirects { followed: 5, .. }), "{handshake:?}");
    });
}

/// A server that sends its addresses unescaped, in either encoding that servers use for that.
#[test]
fn an_address_beyond_ascii_is_followed_percent_encoded() {
    run_paused(async {
        let (mut net, _attempt) = Net::connecting(with_secrets(), "ws://a.example/");
        net.redirect("a.example:80", 302, "/caf\u{e9}?\u{1f980}").await;
        let head = net.redirect("a.example:80", 302, b"/caf\xe9").await;
        assert!(head.starts_with("get /caf%c3%a9?%f0%9f%a6%80 http/1.1\r\n"), "{head}");
        let head = net.redirect("a.example:80", 404, "/").await;
        assert!(head.starts_with("get /caf%e9 http/1.1\r\n"), "{head}");
    });
}

#[test]
fn another_origin_is_not_told_who_asks_not_even_when_it_sends_back() {
    run_paused(async {
        for (elsewhere, destination) in [
            ("ws://b.example/", "b.example:80"),
            ("ws://a.example:81/", "a.example:81"),
            ("ws://you:other@b.example/", "b.example:80"),
        ] {
            let (mut net, _attempt) = Net::connecting(with_secrets(), "ws://a.example/");
            net.redirect("a.example:80", 302, elsewhere).await;
            let there = net.redirect(destination, 302, "ws://a.example/back").await;
            let back = net.redirect("a.example:80", 404, "/").await;
            for head in [there, back] {
                assert!(!head.contains("authorization:") && !head.contains("cookie:"), "{head}");
                assert!(head.contains("origin: http://app.example\r\n"), "{head}");
            }
        }
    });
}

#[test]
fn user_and_password_of_the_url_stay_with_its_origin() {
    run_paused(async {
        let client = Client::new().max_redirects(2);
        let (mut net, _attempt) = Net::connecting(client, "ws://me:secret@a.example/");
        assert!(net.redirect("a.example:80", 302, "/there").await.contains("authorization: basic "));
        assert!(net.redirect("a.example:80", 302, "//b.example/").await.contains("authorization: basic "));
        assert!(!net.redirect("b.example:80", 404, "/").await.contains("authorization"));
    });
}

#[test]
fn a_redirect_to_what_is_no_websocket_is_told() {
    run_paused(async {
        let (mut net, attempt) = Net::connecting(with_secrets(), "ws://a.example/");
        net.redirect("a.example:80", 302, "mailto:me@a.example").await;
        let error = attempt.await.unwrap().unwrap_err();
        let Error::Handshake(handshake) = &error else { panic!("{error:?}") };
        assert!(matches!(**handshake, HandshakeError::Redirect(_)), "{error}");

        let (mut net, attempt) = Net::connecting(with_secrets(), "ws://a.example/");
        net.redirect("a.example:80", 304, "/there").await;
        assert!(matches!(attempt.await.unwrap().unwrap_err(), Error::Refused(_)), "304 redirected");
    });
}
