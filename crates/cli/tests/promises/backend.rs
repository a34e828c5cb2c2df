//! A back end that uses the API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::load::Phase;
use crate::program::{API_KEY, CHANNELS};
use crate::record::{Position, Seen};

/// What the API answered with success: the content at each position of each channel.
pub(crate) type Ledger = [BTreeMap<Position, String>; CHANNELS.len()];

#[derive(Debug, Clone)]
pub(crate) struct Backend {
    http: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Backend {
    pub(crate) fn new(address: SocketAddr) -> Backend {
        Backend { http: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    /// The result of a method, or `None` if there was no answer.
    async fn call(&self, method: &str, params: &Value) -> Option<Value> {
        let request = Request::post(format!("http://{}/api/{method}", self.address))
            .header("X-API-Key", API_KEY)
            .body(Full::from(params.to_string()))
            .unwrap();
        let response = self.http.request(request).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        // A server that shuts down may refuse a request.
        let answer: Value = status.is_success().then(|| serde_json::from_slice(&body).unwrap())?;
        let result = answer.get("result").cloned();
        Some(result.unwrap_or_else(|| panic!("{method} {params}: {answer}")))
    }

    /// Publishes to both channels until the load ends. The server may be away for a while.
    pub(crate) async fn publish(
        self,
        name: String,
        mut random: SmallRng,
        mut phase: watch::Receiver<Phase>,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        let mut number = 0;
        while phase.borrow_and_update().is_load() {
            for (channel, ledger) in CHANNELS.iter().zip(&mut ledger) {
                number += 1;
                let data = format!("{name} {number}");
                if let Some(answer) = self.call("publish", &json!({ "channel": channel, "data": data })).await
                {
                    let is_new = ledger.insert(Position::read(&answer), data).is_none();
                    assert!(is_new, "two publications have the same position: {answer}");
                }
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(1..=10))).await;
        }
        ledger
    }

    /// The newest position of each channel.
    pub(crate) async fn positions(&self) -> [Position; CHANNELS.len()] {
        let mut positions = CHANNELS.map(|_| Position::default());
        for (channel, position) in CHANNELS.iter().zip(&mut positions) {
            let page = self.call("history", &json!({ "channel": channel })).await;
            *position = Position::read(&page.unwrap());
        }
        positions
    }

    /// All of a channel's history, page by page.
    pub(crate) async fn history(&self, channel: &str) -> Vec<Seen> {
        let mut history: Vec<Seen> = Vec::new();
        loop {
            let since = history.last().map(|last| {
                let Position { epoch, offset } = &last.position;
                json!({ "epoch": epoch, "offset": offset })
            });
            let query = json!({ "channel": channel, "limit": -1, "since": since });
            let page = self.call("history", &query).await.unwrap();
            let epoch = Position::read(&page).epoch;
            let publications = page.get("publications").and_then(Value::as_array).unwrap();
            if publications.is_empty() {
                return history;
            }
            history.extend(publications.iter().map(|publication| Seen::read(publication, &epoch)));
        }
    }
}
