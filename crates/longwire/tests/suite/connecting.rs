//! Reaching a server: names, addresses, timeouts, and other transports.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use longwire::{Client, Destination, Error, Timeouts};
#[cfg(feature = "tls")]
use longwire::{ClientTls, Roots};
use tokio::time::Instant;

use crate::support::{ROOMY, Raw, deserted, echo, run, run_paused, serve};

const SECOND: Duration = Duration::from_secs(1);

/// A client whose resolver returns these addresses for every name.
fn with_addresses(addresses: &[SocketAddr]) -> Client {
    let addresses = addresses.to_vec();
    Client::new().proxy(None).resolver(move |_: Destination| std::future::ready(Ok(addresses.clone())))
}

#[test]
fn the_first_address_that_answers_is_it() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let client = with_addresses(&[deserted(), "[100::1]:9".parse().unwrap(), serving.addr]);
        let mut socket = client.connect("ws://a.example/").await.unwrap();
        assert_eq!(socket.peer_addr(), Some(serving.addr));
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
    });
}

#[test]
fn when_no_address_answers_each_is_named() {
    run(async {
        let (first, second) = (deserted(), deserted());
        let error = with_addresses(&[first, second]).connect("ws://a.example/").await.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused)
        );
        assert!(text.starts_with(&format!("cannot connect to a.example:80: {first}: ")), "{text}");
        assert!(text.contains(&format!("; {second}: ")), "{text}");
    });
}

#[test]
fn a_name_that_is_not_known_is_told() {
    run(async {
        let lost = Client::new().proxy(None).resolver(async |_| Err(io::Error::other("no such name")));
        let error = lost.connect("ws://a.example/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot look up a.example: no such name");
        let error = with_addresses(&[]).connect("ws://a.example/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot look up a.example: it has no address");
    });
}

#[test]
fn a_lookup_that_takes_too_long_is_given_up() {
    run_paused(async {
        let slow = Client::new()
            .proxy(None)
            .resolver(async |_| pending().await)
            .timeouts(Timeouts::default().lookup(2 * SECOND));
        let begun = Instant::now();
        let error = slow.connect("ws://a.example/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot look up a.example: it took longer than 2 s");
        assert_eq!(begun.elapsed(), 2 * SECOND);
    });
}

#[cfg(feature = "tls")]
#[test]
fn tls_and_the_opening_handshake_have_times_of_their_own() {
    run_paused(async {
        let (hold, _held) = tokio::sync::mpsc::unbounded_channel();
        let client = Client::new()
            .tls(ClientTls::new(Roots::None))
            .timeouts(Timeouts::default().tls(2 * SECOND).handshake(3 * SECOND))
            .connector(move |_| {
                let (ours, silent) = tokio::io::duplex(ROOMY);
                hold.send(silent).unwrap();
                std::future::ready(Ok(ours))
            });
        let error = client.connect("wss://a.example/").await.unwrap_err();
        let expected = "cannot secure the connection to a.example:443 with TLS: it took longer than 2 s";
        assert_eq!(error.to_string(), expected);
        let error = client.connect("ws://a.example/").await.unwrap_err();
        let expected = "cannot open a WebSocket at ws://a.example/: it took longer than 3 s";
        assert_eq!(error.to_string(), expected);
    });
}

/// A path for this test's socket file, in a separate directory.
#[cfg(unix)]
fn socket_path(test: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("longwire-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory.join("socket")
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_asked_for_what_the_url_names() {
    run(async {
        let path = socket_path("asked");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let client = Client::new().unix_socket(&path);
        let _attempt = tokio::spawn(async move { client.connect("ws://app.example/events").await });
        let request = Raw::new(listener.accept().await.unwrap().0).head().await;
        assert!(request.starts_with("GET /events HTTP/1.1\r\n"), "{request}");
        assert!(request.to_ascii_lowercase().contains("host: app.example\r\n"), "{request}");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();

        let error = Client::new().unix_socket(&path).connect("ws://app.example/").await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot connect to {}: ", path.display())), "{text}");
    });
}

#[cfg(feature = "tls")]
#[test]
fn a_connector_is_told_what_the_url_names_and_tls_follows() {
    run_paused(async {
        let (asked, mut told) = tokio::sync::mpsc::unbounded_channel();
        let client = Client::new().tls(ClientTls::new(Roots::None)).connector(move |to: Destination| {
            let (ours, theirs) = tokio::io::duplex(ROOMY);
            asked.send((to.to_string(), theirs)).unwrap();
            std::future::ready(Ok(ours))
        });
        for (url, expected, first_byte) in
            [("ws://a.example/", "a.example:80", b"G"), ("wss://[::1]/", "[::1]:443", b"\x16")]
        {
            let client = client.clone();
            let attempt = tokio::spawn(async move { client.connect(url).await });
            let (to, server) = told.recv().await.unwrap();
            assert_eq!(to, expected);
            Raw::new(server).expect(first_byte).await;
            attempt.await.unwrap().unwrap_err();
        }
    });
}

#[test]
fn a_connector_that_fails_or_takes_too_long_is_told() {
    run_paused(async {
        let failing = |error: fn() -> io::Error| {
            Client::new().connector(move |_| std::future::ready(Err::<tokio::io::DuplexStream, _>(error())))
        };
        let error = failing(|| io::Error::other("no route")).connect("ws://a.example/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot connect to a.example:80: no route");
        let slow = Client::new()
            .connector(async |_| pending::<io::Result<tokio::io::DuplexStream>>().await)
            .timeouts(Timeouts::default().connect(SECOND));
        let error = slow.connect("ws://a.example/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot connect to a.example:80: it took longer than 1 s");
    });
}

/// The value of `Authorization` that the server receives.
async fn authorization(client: Client, url: &str) -> Option<String> {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let url = url.to_owned();
    tokio::spawn(async move { client.connect_over(ours, url).await });
    let request = Raw::new(theirs).head().await;
    let mut headers = request.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    assert!(!request.contains("cret"), "{request}");
    found.map(|(_, value)| value.to_owned())
}

#[test]
fn user_and_password_of_the_url_are_sent_unless_a_header_is_set() {
    run(async {
        let url = "ws://me:s%40cret@a.example/";
        assert_eq!(authorization(Client::new(), url).await.unwrap(), "Basic bWU6c0BjcmV0");
        let header = Client::new().header(AUTHORIZATION, HeaderValue::from_static("Bearer 1"));
        assert_eq!(authorization(header, url).await.unwrap(), "Bearer 1");
        assert_eq!(authorization(Client::new(), "ws://a.example/").await, None);
        let by_call = Client::new().basic_auth("me", "s@cret");
        assert_eq!(authorization(by_call, "ws://a.example/").await.unwrap(), "Basic bWU6c0BjcmV0");
    });
}

#[test]
fn no_error_shows_user_and_password() {
    run(async {
        let address = deserted();
        for url in [format!("ws://me:secret@{address}/"), format!("ftp://me:secret@{address}/")] {
            let error = Client::new().connect(url).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    });
}
