//! A client that speaks the Centrifuge protocol, and as much of it as it likes.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::frames::{FIN, TEXT};
use crate::peer::{Peer, masked};
use crate::server::Server;

const PATH: &str = "/connection/websocket";

pub(super) struct Speaker {
    pub(super) peer: Peer,
    /// Replies and pushes that have come with earlier ones.
    heard: VecDeque<Value>,
    /// The code with which the server has closed.
    pub(super) code: Option<u16>,
}

impl Speaker {
    /// A WebSocket on which nothing was sent.
    pub(super) fn silent(server: &Server) -> Speaker {
        Speaker::on(Peer::open(server, PATH))
    }

    fn on(peer: Peer) -> Speaker {
        Speaker { peer, heard: VecDeque::new(), code: None }
    }

    /// A client that is connected.
    pub(super) fn connected(server: &Server) -> Speaker {
        let mut speaker = Speaker::silent(server);
        let reply = speaker.call(&json!({ "id": 1, "connect": {} }));
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        speaker
    }

    /// Sends commands in one frame.
    pub(super) fn say<'a>(&mut self, commands: impl IntoIterator<Item = &'a Value>) {
        let frame = frame(commands);
        self.peer.send(frame);
    }

    /// As [`say`](Speaker::say), to a server that may have closed.
    pub(super) fn try_say<'a>(&mut self, commands: impl IntoIterator<Item = &'a Value>) {
        let frame = frame(commands);
        self.peer.try_send(frame);
    }

    /// Sends a command, and returns its reply.
    pub(super) fn call(&mut self, command: &Value) -> Value {
        self.say([command]);
        loop {
            let heard = self.hear();
            if heard["id"] == command["id"] {
                return heard;
            }
        }
    }

    /// The next reply or push.
    pub(super) fn hear(&mut self) -> Value {
        match self.hear_or_end() {
            Some(heard) => heard,
            None => panic!("the server has closed with {:?}", self.code),
        }
    }

    /// The next reply or push; `None` once the server has closed.
    pub(super) fn hear_or_end(&mut self) -> Option<Value> {
        while self.heard.is_empty() {
            let frame = self.peer.frame();
            if let Some(code) = frame.close_code() {
                self.code = Some(code);
                return None;
            }
            if frame.first_byte() == FIN | TEXT {
                let text = String::from_utf8(frame.payload).unwrap();
                self.heard.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
        }
        self.heard.pop_front()
    }

    pub(super) fn subscribe(&mut self, channel: &str) {
        let reply = self.call(&json!({ "id": 2, "subscribe": { "channel": channel } }));
        assert!(reply["subscribe"].is_object(), "{reply}");
    }
}

/// The bytes of a frame with commands.
pub(super) fn frame<'a>(commands: impl IntoIterator<Item = &'a Value>) -> Vec<u8> {
    let lines: Vec<String> = commands.into_iter().map(Value::to_string).collect();
    masked(FIN | TEXT, lines.join("\n"))
}
