//! The crate `rust_socketio` against `longwire-socketio`. `cargo xtask test interop` runs these tests.
//!
//! Version 0.6 of the client joins one namespace, does not answer events that ask for an acknowledgement, and gives only the
//! first attachment to its caller, so no more is tested here.

mod client;
mod server;

use std::time::{Duration, Instant};

use rust_socketio::{Payload, TransportType};
use serde_json::{Value, json};

use crate::client::{Client, PATIENCE, client};
use crate::server::{Network, Server};

const TRANSPORTS: [fn() -> TransportType; 4] = [
    || TransportType::Polling,
    || TransportType::Websocket,
    || TransportType::WebsocketUpgrade,
    || TransportType::Any,
];

/// Runs a test once over each transport.
fn over_each_transport(test: impl AsyncFn(&Server, fn() -> TransportType)) {
    for (number, transport) in TRANSPORTS.into_iter().enumerate() {
        println!("transport {number}");
        let server = Server::start();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(test(&server, transport));
        // The clients end with it.
        runtime.shutdown_background();
    }
}

#[test]
fn events_and_acknowledgements() {
    over_each_transport(async |server, transport| {
        let mut ann = Client::connect(client(server.address, transport())).await;
        let mut bob = Client::connect(client(server.address, transport())).await;
        let values = vec![json!("κόσμε 🚃"), json!({ "a": [1, null] }), json!(3)];
        ann.tell("echo", values.clone()).await;
        ann.expect("echo", &values).await;
        ann.tell("broadcast", values.clone()).await;
        bob.expect("broadcast", &values).await;
        assert_eq!(ann.ask("acknowledge", values.clone()).await, json!(values));
        let expected = if matches!(transport(), TransportType::Polling) { "Polling" } else { "WebSocket" };
        assert_eq!(bob.ask("transport", Vec::<Value>::new()).await, json!([expected]));
    });
}

#[test]
fn binary_data() {
    over_each_transport(async |server, transport| {
        let mut ann = Client::connect(client(server.address, transport())).await;
        // Over WebSocket, this client takes the byte 0x1e for the separator of polling. Over polling, it loses what does not
        // arrive at once.
        let pixels: Vec<u8> = (0..1_000_u32).map(|number| number.to_le_bytes()[0] % 0x1e).collect();
        ann.tell("echo", pixels.clone()).await;
        let Payload::Binary(echoed) = ann.next("echo").await else { panic!("binary data") };
        println!(
            "{} {:?} {:?}",
            echoed.len(),
            echoed.iter().zip(&pixels).position(|(a, b)| a != b),
            &echoed[..10]
        );
        assert!(echoed == pixels, "{} bytes of {} came back", echoed.len(), pixels.len());
    });
}

/// The client does not answer, and the server does not wait longer than it wants.
#[test]
fn the_server_asks_and_gets_no_answer() {
    over_each_transport(async |server, transport| {
        let mut ann = Client::connect(client(server.address, transport())).await;
        assert_eq!(ann.ask("ask", vec![json!("question"), json!(10)]).await, json!([null, "timeout"]));
        ann.expect("question", &[json!("please")]).await;
    });
}

#[test]
fn rooms() {
    over_each_transport(async |server, transport| {
        let mut ann = Client::connect(client(server.address, transport())).await;
        let mut bob = Client::connect(client(server.address, transport())).await;
        assert_eq!(bob.ask("join", vec![json!(["tea"])]).await, json!([["tea"]]));
        ann.tell("tell", vec![json!(["tea"]), json!([]), json!("to tea")]).await;
        bob.expect("told", &[json!("to tea")]).await;
        for (except, text) in [(json!(["tea"]), "to all without tea"), (json!([]), "to all")] {
            ann.tell("announce", vec![json!([]), except, json!(text)]).await;
        }
        bob.expect("announced", &[json!("to all")]).await;
        ann.expect("announced", &[json!("to all without tea")]).await;
        ann.expect("announced", &[json!("to all")]).await;
    });
}

#[test]
fn a_namespace_with_a_middleware() {
    over_each_transport(async |server, transport| {
        let members = |word: &str| {
            let auth = json!({ "name": "Ann", "word": word });
            client(server.address, transport()).namespace("/members").auth(auth)
        };
        let ann = Client::connect(members("sesame")).await;
        assert_eq!(ann.ask("who am I", json!(null)).await, json!(["Ann"]));
        let mut refused = Client::begin(members("please")).await;
        let reason = format!("{:?}", refused.next("error").await);
        assert!(reason.contains("wrong word") && reason.contains("Ann"), "{reason}");
    });
}

#[test]
fn who_leaves_is_known_on_both_sides() {
    over_each_transport(async |server, transport| {
        let mut leaving = Client::connect(client(server.address, transport()).namespace("/leaving")).await;
        let ann = Client::connect(client(server.address, transport())).await;
        ann.socket.disconnect().await.unwrap();
        // The client may close its transport before it has sent the packet that says so.
        assert!(["client namespace disconnect", "transport close"].contains(&&*leaving.left().await));
        for leave in ["disconnect me", "close me"] {
            let mut ann = Client::connect(client(server.address, transport()).reconnect(false)).await;
            ann.tell(leave, json!(null)).await;
            ann.next("close").await;
            assert_eq!(leaving.left().await, "server namespace disconnect");
        }
    });
}

impl Client {
    /// Why the next client has left.
    async fn left(&mut self) -> String {
        match self.next("left").await {
            Payload::Text(arguments) => arguments[1].as_str().unwrap_or_default().to_owned(),
            other => panic!("unexpected: {other:?}"),
        }
    }
}

#[test]
fn a_client_comes_back_after_its_network_was_cut() {
    over_each_transport(async |server, transport| {
        let network = Network::before(server);
        let mut ann = Client::connect(client(network.address, transport())).await;
        let begun = Instant::now();
        // Between two polls, the client does not notice.
        loop {
            network.cut();
            if ann.next_within("connect", Duration::from_millis(500)).await.is_some() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "it has not noticed");
        }
        assert_eq!(ann.ask("acknowledge", json!("here again")).await, json!(["here again"]));
    });
}
