//! WebSockets on connections that other HTTP servers accept: hyper, axum, and a stack of tower services.

mod axum;
mod axum_socket;
mod hyper;
mod one_import;
mod tower;
mod upgrading;

use std::net::SocketAddr;

use ::axum::Router;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Raw, upgrade_request};

const GET: &str = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// An HTTP server that runs until its runtime ends.
struct Host {
    addr: SocketAddr,
}

impl Host {
    /// Starts an axum server on a free port.
    async fn axum(router: Router) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async { ::axum::serve(listener, router).await });
        Host { addr }
    }

    fn url(&self, target: &str) -> String {
        format!("ws://{}{target}", self.addr)
    }

    async fn raw(&self) -> Raw<TcpStream> {
        Raw::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// Sends `request`, and returns the status line and text of the response.
    async fn ask(&self, request: impl AsRef<[u8]>) -> (String, String) {
        let mut raw = self.raw().await;
        raw.send(request).await;
        let head = raw.head().await.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        let body = String::from_utf8(raw.bytes(length).await).unwrap();
        (head.lines().next().unwrap().to_owned(), body)
    }

    /// Checks that it refuses a page of another origin, a client of an old version, and a request without a key.
    async fn refuses_what_it_should(&self) {
        for (request, status, reason) in [
            (upgrade_request("Origin: https://evil.example\r\n"), "403 forbidden", "pages of this origin"),
            (upgrade_request("").replace("Version: 13", "Version: 7"), "426 upgrade required", "version 13"),
            (
                upgrade_request("").replace("Sec-WebSocket-Key", "X"),
                "400 bad request",
                "Sec-WebSocket-Key is missing",
            ),
        ] {
            let (line, text) = self.ask(request).await;
            assert_eq!(line, format!("http/1.1 {status}"));
            assert!(text.contains(reason), "{text}");
        }
    }
}
