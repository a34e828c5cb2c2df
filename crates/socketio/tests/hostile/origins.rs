//! Pages of other origins.

use longwire_wire::{Head, Peer};

use crate::support::{Serving, calm, on_each_engine};

const OPEN: &str = "EIO=4&transport=polling";

#[test]
fn pages_of_other_origins_are_refused_over_both_transports() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for origin in ["https://evil.example", "null", "http://example.com.evil.example"] {
            let answer = server.request("GET", OPEN, &format!("origin: {origin}\r\n"), b"").await;
            answer.expect(403, r#"{"code":4,"message":"Forbidden"}"#);
            assert_eq!(answer.header("access-control-allow-origin"), None);
            let preflight = format!("origin: {origin}\r\naccess-control-request-method: POST\r\n");
            assert_eq!(server.request("OPTIONS", OPEN, &preflight, b"").await.status, 403);

            let mut peer = Peer::client(server.connect().await);
            let request = Head::upgrade("/socket.io/?EIO=4&transport=websocket", "example.com");
            peer.send_head(&request.with("origin", origin)).await.unwrap();
            assert_eq!(peer.head().await.unwrap().start, "HTTP/1.1 403 Forbidden", "{origin}");
        }
        server.expect_nothing_left();
        let own = server.request("GET", OPEN, "origin: http://example.com\r\n", b"").await;
        assert_eq!(own.status, 200);
    });
}

#[test]
fn pages_of_allowed_origins_may_read_the_responses() {
    on_each_engine(async |engine| {
        let allowed = |server: longwire::Server| server.origins(["https://*.friends.example"]);
        let server = Serving::start_with(engine, calm(), allowed).await;
        let headers = "origin: https://a.friends.example\r\n";
        let answer = server.request("GET", OPEN, headers, b"").await;
        assert_eq!(answer.status, 200);
        for answer in [answer, server.request("GET", "EIO=4", headers, b"").await] {
            assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.friends.example"));
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            assert_eq!(answer.header("vary"), Some("origin"));
        }
        let asked = format!("{headers}access-control-request-headers: content-type, x-token\r\n");
        let preflight = server.request("OPTIONS", OPEN, &asked, b"").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("https://a.friends.example"));
        assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type, x-token"));
        let foreign = server.request("GET", OPEN, "origin: https://friends.example\r\n", b"").await;
        assert_eq!(foreign.status, 403);
    });
}
