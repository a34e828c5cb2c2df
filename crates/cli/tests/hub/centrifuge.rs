//! The Centrifuge protocol, as bytes on a socket.

use longwire::{Message, WebSocket};
use serde_json::{Value, json};

use crate::program::{CONFIG, Hub, reply};

async fn subscribed(hub: &Hub, channel: &str) -> (WebSocket, Vec<Value>) {
    let mut socket = hub.connect("/connection/websocket").await;
    let mut later = Vec::new();
    let commands =
        format!("{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\"}}}}");
    socket.send(commands).await.unwrap();
    for id in [1, 2] {
        let answer = reply(&mut socket, &mut later).await;
        assert!(answer.get("id") == Some(&json!(id)) && answer.get("error").is_none(), "{answer}");
    }
    (socket, later)
}

#[tokio::test]
async fn two_event_loops_deliver_each_publication_once_and_in_order() {
    let hub = Hub::start(CONFIG, &[]);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(subscribed(&hub, "kept:a").await);
    }
    for number in 1..=10 {
        let answer = hub.api("publish", &json!({ "channel": "kept:a", "data": number }));
        assert_eq!(answer["result"]["offset"], number);
    }
    for (socket, later) in &mut clients {
        for number in 1..=10 {
            let push = reply(socket, later).await;
            let time = &push["push"]["pub"]["time"];
            let publication = json!({ "data": number, "offset": number, "time": time });
            assert_eq!(push["push"], json!({ "channel": "kept:a", "pub": publication }));
        }
    }
}

#[tokio::test]
async fn the_first_command_must_be_connect() {
    let hub = Hub::start(CONFIG, &[]);
    let mut socket = hub.connect("/connection/websocket").await;
    socket.send(r#"{"id":1,"subscribe":{"channel":"open:a"}}"#).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), None);
    assert_eq!(u16::from(socket.closed().code), 3501);
}

#[tokio::test]
async fn protobuf_is_agreed_on_by_the_subprotocol_or_the_url() {
    let hub = Hub::start(CONFIG, &[]);
    let mut socket = hub.connect("/connection/websocket?cf_protocol=protobuf").await;
    // A command of 4 bytes: id 1 (field 1), connect (field 4) without any field.
    socket.send(vec![4, 0x08, 1, 0x22, 0]).await.unwrap();
    let Some(Message::Binary(answer)) = socket.recv().await.unwrap() else { panic!("no binary message") };
    assert_eq!(answer.get(1..3), Some(&[0x08, 1][..]), "{answer:?}");
}

#[tokio::test]
async fn a_shutdown_closes_clients_with_3001_and_others_with_1001() {
    let hub = Hub::start(CONFIG, &[]);
    let (mut client, _) = subscribed(&hub, "open:a").await;
    let mut plain = hub.connect("/channel/open:a").await;
    hub.signal("TERM");
    for (socket, code) in [(&mut client, 3001), (&mut plain, 1001)] {
        while socket.recv().await.unwrap().is_some() {}
        assert_eq!(u16::from(socket.closed().code), code);
    }
}
