//! `tungstenite` as a client for `longwire check --listen`: `cargo run --bin tungstenite-client ws://127.0.0.1:9001`.

use std::net::TcpStream;

use tungstenite::WebSocket;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

type Failure = Box<dyn std::error::Error>;

const AGENT: &str = "tungstenite%200.30";

fn connect(url: &str, subprotocols: Option<&'static str>) -> Result<WebSocket<TcpStream>, Failure> {
    let mut request = url.into_client_request()?;
    if let Some(subprotocols) = subprotocols {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocols));
    }
    let address = request.uri().authority().ok_or("the URL has no host")?.as_str().to_owned();
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(tungstenite::client(request, stream)?.0)
}

/// Sends messages back until the connection ends.
fn echo(url: &str) -> Result<(), Failure> {
    let mut socket = connect(url, Some("chat, feed"))?;
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}

fn main() -> Result<(), Failure> {
    let server = std::env::args().nth(1).ok_or("give the URL of longwire check: ws://…")?;
    let mut counting = connect(&format!("{server}/getCaseCount"), None)?;
    let count: u32 = counting.read()?.to_text()?.parse()?;
    for case in 1..=count {
        // Many cases break the protocol, and each ends with an error: at least that of the end.
        let _ended = echo(&format!("{server}/runCase?case={case}&agent={AGENT}"));
    }
    connect(&format!("{server}/updateReports?agent={AGENT}"), None)?;
    Ok(())
}
