//! Answers to connections that run no case.

use longwire_wire::{Head, Peer, RawFrame};

use crate::conversation::{Conversation, Strays};
use crate::judge_client::accepting;
use crate::request::may_be_accepted;
use crate::transport::Transport;

/// The answer to a request that is no opening handshake, such as a browser's.
pub(crate) const HELP: &str =
    "This is `longwire check --listen`: connect with the WebSocket client that is to be tested.\n";

/// Refuses a request, and ends the connection.
pub(crate) async fn refuse(mut peer: Peer<Transport>, status: &str, text: String) {
    let head = Head::new(format!("HTTP/1.1 {status}"))
        .with("Content-Type", "text/plain; charset=utf-8")
        .with("Content-Length", text.len().to_string())
        .with("Connection", "close");
    if peer.send_bytes([head.encode(), text.into_bytes()].concat()).await.is_ok() {
        let _ended = peer.finish().await;
    }
}

/// Accepts a request, sends a message if there is one, and closes.
pub(crate) async fn say(mut peer: Peer<Transport>, request: &Head, text: Option<String>) {
    if !may_be_accepted(request) {
        return refuse(peer, "426 Upgrade Required", HELP.to_owned()).await;
    }
    if peer.send_head(&accepting(request)).await.is_err() {
        return;
    }
    if let Some(text) = text
        && peer.send(RawFrame::text(text)).await.is_err()
    {
        return;
    }
    Conversation::new(peer, None, Strays::Any).leave().await;
}
