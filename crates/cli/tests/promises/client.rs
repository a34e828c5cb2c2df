//! A client of the Centrifuge protocol in JSON, which comes back whenever its connection ends, and recovers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use longwire::{Client as WebSocketClient, WebSocket};
use rand::RngExt as _;
use rand::rngs::SmallRng;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::load::Phase;
use crate::program::CHANNELS;
use crate::record::Record;

/// The id of the connect command. The subscribe commands have the ids after it.
const CONNECT: u64 = 1;
const FIRST_SUBSCRIBE: u64 = CONNECT + 1;
const FIRST_PUBLISH: u64 = FIRST_SUBSCRIBE + CHANNELS.len() as u64;

pub(crate) struct Client {
    pub(crate) name: String,
    random: SmallRng,
    pub(crate) records: [Record; CHANNELS.len()],
    /// What it has published, by channel, as far as the server has answered with success.
    pub(crate) acknowledged: [Vec<String>; CHANNELS.len()],
    /// The codes with which the server has closed connections.
    pub(crate) codes: Vec<u16>,
    /// The publications of this connection that have no answer yet, by the id of the command: channel and content.
    pending: BTreeMap<u64, (usize, String)>,
    /// How often it has published.
    published: u64,
    /// How often it has connected.
    pub(crate) connections: u64,
}

impl Client {
    pub(crate) fn new(name: String, random: SmallRng) -> Client {
        Client {
            name,
            random,
            records: Default::default(),
            acknowledged: Default::default(),
            codes: Vec::new(),
            pending: BTreeMap::new(),
            published: 0,
            connections: 0,
        }
    }

    /// Connects again and again, until it has everything that was published.
    pub(crate) async fn run(mut self, address: SocketAddr, mut phase: watch::Receiver<Phase>) -> Client {
        let url = format!("ws://{address}/connection/websocket");
        while !self.is_done(&phase) {
            if let Ok(socket) = WebSocketClient::new().proxy(None).connect(&url).await {
                self.connections += 1;
                self.session(socket, &mut phase).await;
            }
            // Some come back too late for a short history.
            let most = if self.random.random_bool(0.2) { 300 } else { 10 };
            tokio::time::sleep(Duration::from_millis(self.random.random_range(1..=most))).await;
        }
        self
    }

    fn is_done(&self, phase: &watch::Receiver<Phase>) -> bool {
        match &*phase.borrow() {
            Phase::Load | Phase::Quiet => false,
            Phase::Drain(goals) => {
                self.records.iter().zip(goals).all(|(record, goal)| record.has_reached(goal))
            }
        }
    }

    /// One connection, to its end.
    async fn session(&mut self, mut socket: WebSocket, phase: &mut watch::Receiver<Phase>) {
        self.pending.clear();
        if socket.send(self.greeting()).await.is_err() {
            return;
        }
        while !self.is_done(phase) {
            let pause = Duration::from_millis(self.random.random_range(20..=200));
            tokio::select! {
                message = socket.recv() => match message {
                    Ok(Some(message)) => {
                        if self.received(message.as_text().unwrap()) && socket.send("{}").await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => {
                        self.codes.push(u16::from(socket.closed().code));
                        return;
                    }
                    // The connection was cut.
                    Err(_) => return,
                },
                _ = phase.changed() => {}
                () = tokio::time::sleep(pause), if phase.borrow().is_load() => {
                    let command = self.publish();
                    if socket.send(command).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// The commands with which a connection begins, in one message.
    fn greeting(&self) -> String {
        let mut commands = json!({ "id": CONNECT, "connect": {} }).to_string();
        for ((channel, record), id) in CHANNELS.iter().zip(&self.records).zip(FIRST_SUBSCRIBE..) {
            let mut subscribe = json!({ "channel": channel, "recoverable": true });
            if let (Some(position), Some(fields)) = (record.position(), subscribe.as_object_mut()) {
                fields.insert("recover".to_owned(), true.into());
                fields.insert("offset".to_owned(), position.offset.into());
                fields.insert("epoch".to_owned(), position.epoch.as_str().into());
            }
            commands.push('\n');
            commands.push_str(&json!({ "id": id, "subscribe": subscribe }).to_string());
        }
        commands
    }

    fn publish(&mut self) -> String {
        self.published += 1;
        let (id, index) = (FIRST_PUBLISH + self.published, self.random.random_range(0..CHANNELS.len()));
        let data = format!("{} {}", self.name, self.published);
        let channel = CHANNELS.get(index).unwrap();
        let command = json!({ "id": id, "publish": { "channel": channel, "data": data } });
        self.pending.insert(id, (index, data));
        command.to_string()
    }

    /// Takes the replies and pushes of a message. Returns whether one was a ping.
    fn received(&mut self, message: &str) -> bool {
        let mut is_pinged = false;
        for line in message.lines() {
            let reply: Value = serde_json::from_str(line).unwrap();
            match reply.get("id").and_then(Value::as_u64) {
                Some(id) => self.answered(id, &reply),
                None => match reply.get("push") {
                    Some(push) => self.pushed(push),
                    None => is_pinged = true,
                },
            }
        }
        is_pinged
    }

    fn answered(&mut self, id: u64, reply: &Value) {
        assert!(reply.get("error").is_none(), "{}: {reply}", self.name);
        if let Some((channel, data)) = self.pending.remove(&id) {
            self.acknowledged.get_mut(channel).unwrap().push(data);
        } else if id != CONNECT {
            let channel = usize::try_from(id - FIRST_SUBSCRIBE).unwrap();
            self.records.get_mut(channel).unwrap().subscribed(reply.get("subscribe").unwrap());
        }
    }

    fn pushed(&mut self, push: &Value) {
        let channel = push.get("channel").and_then(Value::as_str);
        let index = CHANNELS.iter().position(|known| channel == Some(known));
        let publication = push.get("pub").unwrap_or_else(|| panic!("{}: {push}", self.name));
        self.records.get_mut(index.unwrap()).unwrap().published(publication);
    }
}
