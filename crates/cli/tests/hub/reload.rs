//! SIGHUP.

use serde_json::json;

use crate::program::{API_KEY, CONFIG, Hub};

#[tokio::test]
async fn a_hang_up_reloads_keys_and_namespaces_and_connections_go_on() {
    let mut hub = Hub::start(CONFIG, &[]);
    let mut socket = hub.connect("/channel/open:a").await;
    let head = format!("X-API-Key: {API_KEY}\r\n");
    let new_head = "X-API-Key: another-key-of-the-tests\r\n";
    assert_eq!(hub.post("/api/info", new_head, "{}").0, 401);

    hub.reload(
        &CONFIG.replace("an-api-key-of-the-tests", "another-key-of-the-tests").replace(".kept", ".later"),
    );
    let told = hub.log.next().unwrap().unwrap();
    assert!(told.starts_with("Reloaded "), "{told}");
    assert_eq!(hub.post("/api/info", &head, "{}").0, 401);
    let publish = |channel: &str| {
        let body = json!({ "channel": channel, "data": "hello" }).to_string();
        hub.post("/api/publish", new_head, &body).1
    };
    assert!(publish("kept:a").contains("102") && publish("later:a").contains("\"offset\":1"));
    assert_eq!(publish("open:a"), "{\"result\":{}}");
    assert_eq!(socket.recv().await.unwrap().unwrap(), "\"hello\"");
}

#[test]
fn a_mistake_in_the_file_changes_nothing() {
    let mut hub = Hub::start(CONFIG, &[]);
    hub.reload("[api]\nkeys = 7\n");
    let told = hub.log.next().unwrap().unwrap();
    assert!(told.contains("the current configuration stays in use"), "{told}");
    assert!(hub.api("info", &json!({})).get("result").is_some());
}
