//! A page and a WebSocket in one axum application: `cargo run -p longwire --example axum --features axum`, then
//! open <http://127.0.0.1:8080> in a browser.

use axum::Router;
use axum::response::{Html, Response};
use axum::routing::{any, get};
use longwire::axum::{WebSocket, WebSocketUpgrade}; // instead of `axum::extract::ws`

const PAGE: &str = r#"<!doctype html><title>echo</title><input autofocus placeholder="say something"><pre></pre>
<script>
  const [input, log] = [document.querySelector("input"), document.querySelector("pre")];
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "socket");
  socket.onmessage = ({ data }) => log.append(data + "\n");
  input.onchange = () => { socket.send(input.value); input.value = ""; };
</script>"#;

async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("page: http://{}", listener.local_addr()?);
    let router = Router::new().route("/", get(async || Html(PAGE))).route("/socket", any(socket));
    axum::serve(listener, router).await
}
