//! `/channel/{name}`.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::program::{CONFIG, Hub, reply};

#[tokio::test]
async fn plain_clients_and_centrifuge_clients_are_in_the_same_channels() {
    let hub = Hub::start(CONFIG, &[]);
    let mut plain = hub.connect("/channel/kept:a").await;
    let mut client = hub.connect("/connection/websocket").await;
    let mut later = Vec::new();
    client.send(r#"{"id":1,"connect":{}}"#).await.unwrap();
    reply(&mut client, &mut later).await;
    client.send(r#"{"id":2,"subscribe":{"channel":"kept:a"}}"#).await.unwrap();
    reply(&mut client, &mut later).await;

    for (text, data) in [("{\"a\": 1}", json!({ "a": 1 })), ("hello", json!("hello"))] {
        plain.send(text).await.unwrap();
        assert_eq!(plain.recv().await.unwrap().unwrap(), text);
        assert_eq!(reply(&mut client, &mut later).await["push"]["pub"]["data"], data);
    }
    client.send(r#"{"id":3,"publish":{"channel":"kept:a","data":{"b" : 2}}}"#).await.unwrap();
    assert_eq!(plain.recv().await.unwrap().unwrap(), r#"{"b" : 2}"#, "as it was sent");

    let mut late = hub.connect("/channel/kept:a?history=2").await;
    for text in ["hello", r#"{"b" : 2}"#] {
        assert_eq!(late.recv().await.unwrap().unwrap(), text);
    }
    let published: Value = hub.api("publish", &json!({ "channel": "kept:a", "data": "live" }));
    assert_eq!(published["result"]["offset"], 4);
    assert_eq!(late.recv().await.unwrap().unwrap(), "\"live\"");
}

/// All of it together is more than may wait for a client.
#[tokio::test]
async fn a_long_past_does_not_make_a_client_slow() {
    let hub = Hub::start(CONFIG, &[]);
    let text = |number: usize| format!("{number}{}", ".".repeat(60_000));
    for number in 1..=8 {
        let published = hub.api("publish", &json!({ "channel": "kept:a", "data": text(number) }));
        assert_eq!(published["result"]["offset"], number);
    }
    let mut late = hub.connect("/channel/kept:a?history=10").await;
    for number in [7, 8] {
        let expected = format!("\"{}\"", text(number));
        assert_eq!(late.recv().await.unwrap().expect("it is not closed"), expected.as_str());
    }
    hub.api("publish", &json!({ "channel": "kept:a", "data": "live" }));
    assert_eq!(late.recv().await.unwrap().unwrap(), "\"live\"");
}

/// Of user 42, for ever.
const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiJ9.5BtGKilEa9dT-IpL-mAOlBDwswmsN3Kus3ji_9ayRGg";

#[tokio::test]
async fn a_user_may_have_one_connection_or_a_number_of_them() {
    for (limits, expected) in [
        ("single_connection = true", [Some(3504), Some(3504), None]),
        ("max_connections_per_user = 2", [None, None, Some(3504)]),
    ] {
        let tokens = "[tokens]\nhmac_secret = 'a secret of the tests that has at least 32 bytes'\n";
        let hub = Hub::start(&format!("{CONFIG}{tokens}[limits]\n{limits}\n"), &[]);
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let mut socket = hub.connect(&format!("/channel/open:a?token={TOKEN}")).await;
            // Its own message comes back once it is subscribed.
            if socket.send("hello").await.is_ok() {
                let _echoed_or_closed = socket.recv().await;
            }
            sockets.push(socket);
        }
        for (place, (mut socket, expected)) in sockets.into_iter().zip(expected).enumerate() {
            let end = async {
                while socket.recv().await.unwrap().is_some() {}
                u16::from(socket.closed().code)
            };
            match expected {
                Some(code) => {
                    let end = tokio::time::timeout(Duration::from_secs(30), end).await;
                    assert_eq!(end.expect("it is closed"), code, "{limits}: {place}");
                }
                None => assert!(end.now_or_never().is_none(), "{limits}: {place} goes on"),
            }
        }
    }
}

#[tokio::test]
async fn without_permission_the_connection_is_closed_with_3507() {
    let hub = Hub::start("", &[]);
    let mut socket = hub.connect("/channel/news").await;
    assert_eq!(socket.recv().await.unwrap(), None);
    assert_eq!(u16::from(socket.closed().code), 3507);
}

#[tokio::test]
async fn insecure_lets_everybody_do_everything_and_says_so() {
    let mut hub = Hub::start("", &["--insecure"]);
    let warning = hub.log.next().unwrap().unwrap();
    assert!(warning.starts_with("INSECURE: "), "{warning}");
    let mut socket = hub.connect("/channel/news").await;
    socket.send("hello").await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), "hello");
}

/// The flag gives permissions. What bounds a client stays, so that the application meets it during development.
#[tokio::test]
async fn insecure_leaves_the_rate_of_publishing_in_force() {
    let config = "[namespaces.slow]\npublish_rate = { count = 1, per = '1h' }\n";
    let hub = Hub::start(config, &["--insecure"]);
    let mut socket = hub.connect("/channel/slow:a").await;
    socket.send("one").await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), "one");
    socket.send("two").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), None);
    assert_eq!(u16::from(socket.closed().code), 3013);
}
