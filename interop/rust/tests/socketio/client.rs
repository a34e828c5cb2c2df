//! A client whose events the test takes one after the other.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use rust_socketio::asynchronous::{Client as Socket, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// How long a test waits for something that should happen soon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    pub(crate) socket: Socket,
    events: UnboundedReceiver<(String, Payload)>,
}

/// The settings of a client.
pub(crate) fn client(address: SocketAddr, transport: TransportType) -> ClientBuilder {
    ClientBuilder::new(format!("http://{address}")).transport_type(transport).reconnect_delay(10, 50)
}

impl Client {
    /// A client that has joined its namespace.
    pub(crate) async fn connect(builder: ClientBuilder) -> Client {
        let mut client = Client::begin(builder).await;
        client.next("connect").await;
        client
    }

    /// A client that may be refused.
    pub(crate) async fn begin(mut builder: ClientBuilder) -> Client {
        let (sender, events) = unbounded_channel();
        for event in [Event::Connect, Event::Close, Event::Error] {
            let (sender, name) = (sender.clone(), event.as_str().to_owned());
            builder = builder.on(event, move |payload, _| {
                // The test may have ended.
                drop(sender.send((name.clone(), payload)));
                async {}.boxed()
            });
        }
        builder = builder.on_any(move |event, payload, _| {
            drop(sender.send((event.into(), payload)));
            async {}.boxed()
        });
        Client { socket: builder.connect().await.expect("the server answers"), events }
    }

    /// The next event of this name, within this time; others are passed over.
    pub(crate) async fn next_within(&mut self, name: &str, time: Duration) -> Option<Payload> {
        let found = async {
            loop {
                let (event, payload) = self.events.recv().await.expect("the client has not ended");
                if event == name {
                    return payload;
                }
            }
        };
        timeout(time, found).await.ok()
    }

    pub(crate) async fn next(&mut self, name: &str) -> Payload {
        self.next_within(name, PATIENCE).await.unwrap_or_else(|| panic!("no {name}"))
    }

    pub(crate) async fn expect(&mut self, name: &str, arguments: &[Value]) {
        assert_eq!(self.next(name).await, Payload::Text(arguments.to_vec()));
    }

    /// Sends an event.
    pub(crate) async fn tell(&self, event: &str, data: impl Into<Payload>) {
        self.socket.emit(event, data).await.expect("it is connected");
    }

    /// The arguments of the server's answer to an event.
    pub(crate) async fn ask(&self, event: &str, data: impl Into<Payload>) -> Value {
        let (sender, mut answer) = unbounded_channel();
        let answered = move |payload, _| {
            drop(sender.send(payload));
            async {}.boxed()
        };
        self.socket.emit_with_ack(event, data, PATIENCE, answered).await.expect("it is connected");
        // The client hands over the arguments as one array.
        match timeout(PATIENCE, answer.recv()).await.expect("an answer in time") {
            Some(Payload::Text(mut arguments)) if arguments.len() == 1 => arguments.remove(0),
            other => panic!("unexpected: {other:?}"),
        }
    }
}
