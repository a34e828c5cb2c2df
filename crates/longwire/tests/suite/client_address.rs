//! The address of a client behind a proxy: by the PROXY protocol, or by a header.

use std::time::Duration;

use longwire::{Error, Limits, Server, TrustedProxies};
use tokio::net::TcpStream;

use crate::support::{Frame, Front, Raw, Serving, TEXT, for_each_front, upgrade_request};

fn proxies(trusted: &[&str]) -> TrustedProxies {
    TrustedProxies::new(trusted).unwrap()
}

/// A server behind a proxy on this machine.
async fn behind(front: Front, proxies: TrustedProxies) -> Serving {
    front.start_greeting(|server| server.trusted_proxies(proxies)).await
}

async fn expect_page(raw: &mut Raw<TcpStream>, header: &str, client: &str) {
    raw.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n")).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect(client).await;
}

async fn expect_greeting(raw: &mut Raw<TcpStream>, header: &str, client: &str) {
    raw.send(upgrade_request(header)).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(raw.frame().await, Frame::new(TEXT, client));
}

async fn expect_refused(raw: &mut Raw<TcpStream>, request: &str, status: u16) {
    assert!(raw.try_send(request).await);
    let head = raw.head().await;
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
}

fn connection(stream: &TcpStream) -> String {
    stream.local_addr().unwrap().to_string()
}

#[test]
fn a_trusted_proxy_names_the_client_of_each_request() {
    for_each_front(async |front| {
        let serving = behind(front, proxies(&["127.0.0.1", "10.0.0.0/8"])).await;
        let forwarded = "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.2.3\r\n";
        expect_greeting(&mut serving.raw().await, forwarded, "192.0.2.1:0").await;

        let mut raw = serving.raw().await;
        expect_page(&mut raw, forwarded, "192.0.2.1:0").await;
        expect_page(&mut raw, "X-Forwarded-For: 2001:db8::1\r\n", "[2001:db8::1]:0").await;
        expect_greeting(
            &mut raw,
            "X-Forwarded-For: 192.0.2.2\r\nX-Forwarded-For: 192.0.2.3:9\r\n",
            "192.0.2.3:9",
        )
        .await;

        let stream = TcpStream::connect(serving.addr).await.unwrap();
        let own = connection(&stream);
        let mut raw = Raw::new(stream);
        expect_page(&mut raw, "", &own).await;
        expect_page(&mut raw, "Forwarded: for=192.0.2.1\r\n", &own).await;
        expect_greeting(&mut raw, "X-Forwarded-For: 192.0.2.1, unknown\r\n", &own).await;
    });
}

#[test]
fn only_the_header_that_the_proxy_sets_is_read() {
    for_each_front(async |front| {
        let serving = behind(front, proxies(&["127.0.0.1"]).forwarded()).await;
        let forwarded =
            "Forwarded: for=6.6.6.6, for=\"[2001:db8::1]:7\";proto=https\r\nX-Forwarded-For: 6.6.6.6\r\n";
        expect_greeting(&mut serving.raw().await, forwarded, "[2001:db8::1]:7").await;
        expect_page(&mut serving.raw().await, forwarded, "[2001:db8::1]:7").await;
    });
}

#[test]
fn what_a_stranger_says_is_ignored() {
    for_each_front(async |front| {
        let strangers = [Some(proxies(&["10.0.0.0/8", "unix"])), None];
        for trusted in strangers {
            let serving = front.start_greeting(|server| match trusted {
                Some(trusted) => server.trusted_proxies(trusted),
                None => server,
            });
            let serving = serving.await;
            for header in ["X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n"] {
                let stream = TcpStream::connect(serving.addr).await.unwrap();
                let own = connection(&stream);
                let mut raw = Raw::new(stream);
                expect_page(&mut raw, header, &own).await;
                expect_greeting(&mut raw, header, &own).await;
            }
        }
    });
}

#[test]
fn connections_count_for_the_client_and_not_for_the_proxy() {
    for_each_front(async |front| {
        let trust =
            |server: Server| server.trusted_proxies(proxies(&["127.0.0.1"])).max_connections_per_ip(1);
        let serving = front.start_greeting(trust).await;
        let (one, two) = ("X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n");
        let (mut first, mut second) = (serving.raw().await, serving.raw().await);
        expect_greeting(&mut first, one, "192.0.2.1:0").await;
        expect_greeting(&mut second, two, "192.0.2.2:0").await;
        expect_refused(&mut serving.raw().await, &upgrade_request(one), 503).await;

        // A proxy sends requests of several clients over one connection.
        let mut kept = serving.raw().await;
        let page = format!("GET / HTTP/1.1\r\nHost: a\r\n{one}\r\n");
        expect_refused(&mut kept, &page, 503).await;
        let mut other = serving.raw().await;
        expect_page(&mut other, "X-Forwarded-For: 192.0.2.3\r\n", "192.0.2.3:0").await;
        expect_page(&mut other, "X-Forwarded-For: 192.0.2.4\r\n", "192.0.2.4:0").await;
        expect_greeting(&mut serving.raw().await, "X-Forwarded-For: 192.0.2.3\r\n", "192.0.2.3:0").await;

        let strict = front.start_greeting(|server| server.max_connections_per_ip(1)).await;
        let stream = TcpStream::connect(strict.addr).await.unwrap();
        let own = connection(&stream);
        let mut first = Raw::new(stream);
        expect_greeting(&mut first, one, &own).await;
        let head = strict.raw().await.head().await;
        assert!(head.starts_with("HTTP/1.1 503 "), "without trust, the proxy is the client: {head}");
    });
}

/// A header of version 2 that names 192.0.2.1:7.
const VERSION_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\0\x07\0\x50";

/// A connection that the proxy has opened for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.1 127.0.0.1 7 80\r\n";

#[test]
fn the_proxy_protocol_names_the_client_of_a_connection() {
    for_each_front(async |front| {
        let serving = behind(front, proxies(&["127.0.0.1", "10.0.0.0/8"]).proxy_protocol()).await;
        for header in [VERSION_1, VERSION_2] {
            let mut raw = serving.raw().await;
            raw.send(header).await;
            expect_page(&mut raw, "X-Forwarded-For: 6.6.6.6\r\n", "192.0.2.1:7").await;
            expect_greeting(&mut raw, "X-Forwarded-For: 6.6.6.6\r\n", "192.0.2.1:7").await;

            // In one write with the request, and in many.
            let whole = [header, upgrade_request("").as_bytes()].concat();
            let mut raw = serving.raw().await;
            raw.send(&whole).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            assert_eq!(raw.frame().await, Frame::new(TEXT, "192.0.2.1:7"));
            let mut raw = serving.raw().await.at_once();
            for byte in &whole {
                raw.send([*byte]).await;
            }
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            assert_eq!(raw.frame().await, Frame::new(TEXT, "192.0.2.1:7"));
        }
        for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
            let stream = TcpStream::connect(serving.addr).await.unwrap();
            let own = connection(&stream);
            let mut raw = Raw::new(stream);
            raw.send(header).await;
            expect_page(&mut raw, "", &own).await;
        }
        // The client of the PROXY header is a proxy as well.
        let mut raw = serving.raw().await;
        raw.send("PROXY TCP4 10.1.2.3 127.0.0.1 7 80\r\n").await;
        expect_greeting(&mut raw, "X-Forwarded-For: 192.0.2.9\r\n", "192.0.2.9:0").await;
    });
}

#[test]
fn a_connection_of_a_trusted_proxy_without_a_valid_header_is_closed() {
    for_each_front(async |front| {
        let serving = behind(front, proxies(&["127.0.0.1"]).proxy_protocol()).await;
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        let huge = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff";
        let request = upgrade_request("");
        for bytes in [request.as_bytes(), b"PROXY nobody knows whom\r\n", &long, huge] {
            let mut raw = serving.raw().await;
            raw.try_send(bytes).await;
            assert_eq!(raw.rest().await, b"", "{bytes:?}");
        }
        let mut raw = serving.raw().await;
        raw.send(b"PROXY ").await;
        raw.finish().await;
        raw.expect_end().await;
    });
}

#[test]
fn a_proxy_header_has_to_arrive_in_time() {
    for_each_front(async |front| {
        let limits = Limits::default().handshake_time(Duration::from_millis(50));
        let trusted = proxies(&["127.0.0.1"]).proxy_protocol();
        let serving = front.start_greeting(|server| server.trusted_proxies(trusted).limits(limits)).await;
        let mut raw = serving.raw().await;
        raw.send(b"PROXY TCP4 192.0.2.1").await;
        raw.expect_end().await;
    });
}

#[test]
fn a_shutdown_does_not_wait_for_a_proxy_header() {
    for_each_front(async |front| {
        let mut serving = behind(front, proxies(&["127.0.0.1"]).proxy_protocol()).await;
        let mut raw = serving.raw().await;
        raw.send(VERSION_1).await;
        expect_page(&mut raw, "", "192.0.2.1:7").await;
        let mut waiting = serving.raw().await;
        waiting.send(b"PROXY TCP4 192.0.2.1").await;
        serving.stop();
        waiting.expect_end().await;
        drop(raw);
        serving.returned().await;
    });
}

#[test]
fn a_stranger_cannot_speak_the_proxy_protocol() {
    for_each_front(async |front| {
        let serving = behind(front, proxies(&["10.0.0.0/8"]).proxy_protocol()).await;
        for header in [VERSION_1, VERSION_2, LOCAL] {
            let mut raw = serving.raw().await;
            raw.send([header, upgrade_request("").as_bytes()].concat()).await;
            let head = raw.head().await;
            assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
        }
        let stream = TcpStream::connect(serving.addr).await.unwrap();
        let own = connection(&stream);
        expect_greeting(&mut Raw::new(stream), "", &own).await;
    });
}

#[test]
fn the_client_of_a_proxy_header_is_limited() {
    for_each_front(async |front| {
        let trusted = proxies(&["127.0.0.1"]).proxy_protocol();
        let set_up = |server: Server| server.trusted_proxies(trusted).max_connections_per_ip(1);
        let serving = front.start_greeting(set_up).await;
        let mut first = serving.raw().await;
        first.send(VERSION_1).await;
        expect_greeting(&mut first, "", "192.0.2.1:7").await;
        let mut second = serving.raw().await;
        second.send(VERSION_2).await;
        assert!(second.head().await.starts_with("HTTP/1.1 503 "));
        let mut other = serving.raw().await;
        other.send("PROXY TCP4 192.0.2.2 127.0.0.1 7 80\r\n").await;
        expect_greeting(&mut other, "", "192.0.2.2:7").await;
    });
}

/// There are two loops, and each refuses 64 connections at a time.
#[test]
fn however_many_clients_of_proxy_headers_are_refused_each_is_told_why() {
    for_each_front(async |front| {
        let trusted = proxies(&["127.0.0.1"]).proxy_protocol();
        let set_up = |server: Server| server.trusted_proxies(trusted).max_connections_per_ip(1);
        let serving = front.start_greeting(set_up).await;
        let mut first = serving.raw().await;
        first.send(VERSION_1).await;
        expect_greeting(&mut first, "", "192.0.2.1:7").await;
        for number in 0..2 * 64 + 2 {
            let mut refused = serving.raw().await;
            refused.send(VERSION_1).await;
            let answer = refused.rest().await;
            assert!(answer.starts_with(b"HTTP/1.1 503 "), "refusal {number}: {answer:?}");
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn the_proxy_header_comes_before_tls() {
    for_each_front(async |front| {
        let identity = crate::support::Identity::new();
        let (tls, trusted) = (identity.tls(), proxies(&["127.0.0.1"]).proxy_protocol());
        let serving = front.start_greeting(|server| server.trusted_proxies(trusted).tls(tls)).await;
        for header in [VERSION_1, VERSION_2] {
            let mut raw = serving.raw().await;
            raw.send(header).await;
            let mut raw = identity.over(raw.into_inner()).await;
            raw.send(upgrade_request("")).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            assert_eq!(raw.frame().await, Frame::new(TEXT, "192.0.2.1:7"));
        }
    });
}

#[test]
fn an_invalid_proxy_is_named_by_the_error() {
    let error = TrustedProxies::new(["10.0.0.1", "proxy.example"]).unwrap_err();
    assert!(matches!(error, Error::Setting(_)), "{error:?}");
    assert!(error.to_string().contains("proxy.example"), "{error}");
}
