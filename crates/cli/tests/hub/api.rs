//! `POST /api/…`.

use serde_json::json;

use crate::program::{API_KEY, CONFIG, Hub, post};

#[test]
fn only_a_key_opens_the_api() {
    let hub = Hub::start(CONFIG, &[]);
    for head in [format!("X-API-Key: {API_KEY}\r\n"), format!("Authorization: apikey {API_KEY}\r\n")] {
        let (status, body) = hub.post("/api/info", &head, "");
        assert_eq!(status, 200, "{body}");
    }
    for head in ["", "X-API-Key: wrong\r\n", "Authorization: Bearer an-api-key-of-the-tests\r\n"] {
        let (status, body) = hub.post("/api/info", head, "{}");
        assert_eq!(status, 401, "{head}: {body}");
    }
    let without_key = Hub::start("", &[]);
    assert_eq!(without_key.post("/api/info", "X-API-Key: \r\n", "{}").0, 401);
}

#[test]
fn what_cannot_be_done_is_an_error_with_its_code() {
    let hub = Hub::start(CONFIG, &[]);
    for (method, params, code) in [
        ("publish", json!({ "channel": "nowhere:a", "data": 1 }), 102),
        ("publish", json!({ "channel": "open:a" }), 107),
        ("publish", json!({ "data": 1 }), 107),
        ("presence", json!({ "channel": "open:a" }), 108),
        ("history", json!({ "channel": "open:a" }), 108),
        ("disconnect", json!({}), 107),
        ("rpc", json!({ "method": "add" }), 104),
    ] {
        let answer = hub.api(method, &params);
        assert_eq!(answer["error"]["code"], code, "{method} {params}: {answer}");
    }
    let head = format!("X-API-Key: {API_KEY}\r\n");
    assert_eq!(hub.post("/api/nothing", &head, "{}").0, 404);
    assert_eq!(hub.post("/api/publish", &head, "{").0, 400);
    assert_eq!(hub.post("/api/publish", &head, "7").0, 400);
}

#[test]
fn a_batch_runs_in_order_and_a_key_is_published_once() {
    let hub = Hub::start(CONFIG, &[]);
    let publish = json!({ "publish": { "channel": "kept:a", "data": 1, "idempotency_key": "k" } });
    let head = format!("X-API-Key: {API_KEY}\r\n");
    let commands = json!({ "commands": [
        publish, publish, { "broadcast": { "channels": ["kept:a", "nowhere:a"], "b64data": "/wA=" } },
        { "history": { "channel": "kept:a", "limit": 10, "reverse": true } }, { "nothing": {} },
    ]});
    let (status, body) = hub.post("/api/batch", &head, &commands.to_string());
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let epoch = &answer["replies"][0]["publish"]["epoch"];
    let history = &answer["replies"][3]["history"]["publications"];
    let times = [&history[0]["time"], &history[1]["time"]];
    assert!(
        times[1].as_u64() > Some(1_700_000_000_000) && times[0].as_u64() >= times[1].as_u64(),
        "{history}"
    );
    let first = json!({ "publish": { "offset": 1, "epoch": epoch } });
    let expected = json!({ "replies": [
        first, first,
        { "broadcast": { "responses": [
            { "result": { "offset": 2, "epoch": epoch } },
            { "error": { "code": 102, "message": "unknown channel" } },
        ]}},
        { "history": { "epoch": epoch, "offset": 2, "publications": [
            { "offset": 2, "data": "/wA=", "time": times[0] }, { "offset": 1, "data": 1, "time": times[1] },
        ]}},
        { "error": { "code": 104, "message": "method not found" } },
    ]});
    assert_eq!(answer, expected);
}

#[test]
fn the_api_may_have_an_address_of_its_own() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = CONFIG.replace("[api]\n", &format!("[api]\nlisten = ['127.0.0.1:{port}']\n"));
    let hub = Hub::start(&config, &[]);
    let head = format!("X-API-Key: {API_KEY}\r\n");
    assert_eq!(hub.post("/api/info", &head, "{}").0, 404, "it is not where clients connect");
    let (status, body) = post(&format!("127.0.0.1:{port}"), "/api/info", &head, "{}");
    assert_eq!(status, 200, "{body}");
}
