//! `/admin`: who may use it, and what it can do.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use longwire::WebSocket;
use serde_json::{Value, json};

use crate::program::{CONFIG, Hub, Response, reply, request};

const PASSWORD: &str = "a password of the tests";
const TOKEN: &str = "a token of the tests, in full";

fn start() -> Hub {
    let config = format!("{CONFIG}[admin]\nenabled = true\npassword = '{PASSWORD}'\ntoken = '{TOKEN}'\n");
    Hub::start(&config, &[])
}

/// A request as the admin page itself sends it, if it is at `localhost`.
fn from_page(hub: &Hub, method: &str, head: &str, params: &Value) -> Response {
    let head = format!("Host: localhost\r\nOrigin: http://localhost\r\n{head}");
    request(&hub.address, "POST", &format!("/admin/api/{method}"), &head, &params.to_string())
}

/// The header with the cookie of a new session.
fn sign_in(hub: &Hub) -> String {
    let signed_in = from_page(hub, "sign_in", "", &json!({ "secret": PASSWORD }));
    assert_eq!(signed_in.status, 204, "{}", signed_in.body);
    let cookie = signed_in.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/admin", "Max-Age="] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
}

/// The result of a method.
fn result(hub: &Hub, cookie: &str, method: &str, params: &Value) -> Value {
    let answer = from_page(hub, method, cookie, params);
    assert_eq!(answer.status, 200, "{method}: {}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.get("error"), None, "{method}");
    answer.get("result").unwrap().clone()
}

/// A client of the hub that is subscribed to a channel, with its id.
async fn subscriber(hub: &Hub, channel: &str) -> (WebSocket, String) {
    let mut socket = hub.connect("/connection/websocket").await;
    let subscribe = json!({ "id": 2, "subscribe": { "channel": channel } });
    socket.send(format!("{{\"id\":1,\"connect\":{{}}}}\n{subscribe}")).await.unwrap();
    let mut later = Vec::new();
    let connected = reply(&mut socket, &mut later).await;
    let subscribed = reply(&mut socket, &mut later).await;
    assert!(subscribed.get("subscribe").is_some(), "{subscribed}");
    (socket, connected.pointer("/connect/client").and_then(Value::as_str).unwrap().to_owned())
}

#[test]
fn only_a_session_or_the_token_opens_it() {
    let hub = start();
    let cookie = sign_in(&hub);
    assert_eq!(from_page(&hub, "overview", &cookie, &json!({})).status, 200);
    for head in ["", "Cookie: longwire_admin=0\r\n", "Authorization: Bearer wrong\r\n"] {
        assert_eq!(from_page(&hub, "overview", head, &json!({})).status, 401, "{head}");
    }
    assert_eq!(from_page(&hub, "sign_in", "", &json!({ "secret": "wrong" })).status, 401);
    assert_eq!(from_page(&hub, "sign_in", "", &json!({ "secret": 7 })).status, 400);
    let by_token = format!("Host: hub\r\nAuthorization: Bearer {TOKEN}\r\n");
    let answer = request(&hub.address, "POST", "/admin/api/overview", &by_token, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(from_page(&hub, "sign_out", &cookie, &json!({})).status, 204);
    assert_eq!(from_page(&hub, "overview", &cookie, &json!({})).status, 401, "the session has ended");
}

#[test]
fn pages_of_other_sites_cannot_use_the_cookie() {
    let hub = start();
    let cookie = sign_in(&hub);
    let publish = json!({ "channel": "open:a", "data": 1 }).to_string();
    for (method, origin) in [
        ("POST", "Origin: http://evil.example\r\n"),
        ("POST", "Origin: null\r\n"),
        ("POST", "Origin: https://localhost\r\n"),
        ("POST", "Origin: http://localhost\r\nOrigin: http://localhost\r\n"),
        ("POST", ""),
    ] {
        let head = format!("Host: localhost\r\n{origin}{cookie}");
        let answer = request(&hub.address, method, "/admin/api/publish", &head, &publish);
        assert_eq!(answer.status, 403, "{origin}");
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    let head = format!("Host: localhost\r\nOrigin: http://localhost\r\n{cookie}");
    assert_eq!(request(&hub.address, "GET", "/admin/api/publish", &head, "").status, 405);
    for origin in ["Origin: http://evil.example\r\n", ""] {
        let head = format!(
            "Host: localhost\r\n{origin}{cookie}Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        );
        assert_eq!(request(&hub.address, "GET", "/admin/live", &head, "").status, 403, "{origin}");
    }
}

#[test]
fn guessing_is_slow() {
    let hub = start();
    let guess = || from_page(&hub, "sign_in", "", &json!({ "secret": "a wrong password" }));
    let statuses: Vec<u16> = (0..12).map(|_| guess().status).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[11], 429);
    assert!(guess().head.contains("retry-after: "));
    assert_eq!(from_page(&hub, "sign_in", "", &json!({ "secret": PASSWORD })).status, 429);
}

/// Somebody who guesses passwords does not lock the operator out, even if both come through the same proxy.
#[test]
fn guesses_of_others_are_counted_by_themselves() {
    let config = format!(
        "trusted_proxies = ['127.0.0.1']\n{CONFIG}[admin]\nenabled = true\npassword = '{PASSWORD}'\n"
    );
    let hub = Hub::start(&config, &[]);
    let sign_in = |client: &str, secret: &str| {
        let head = format!("X-Forwarded-For: {client}\r\n");
        from_page(&hub, "sign_in", &head, &json!({ "secret": secret })).status
    };
    for number in 0..20 {
        // All of one network.
        let status = sign_in(&format!("2001:db8::{number}"), "a wrong password");
        assert_eq!(status, if number < 10 { 401 } else { 429 }, "{number}");
    }
    assert_eq!(sign_in("2001:db8::ffff", PASSWORD), 429);
    assert_eq!(sign_in("2001:db8:0:1::1", PASSWORD), 204);
    assert_eq!(sign_in("192.0.2.1", PASSWORD), 204);
}

#[test]
fn the_client_of_a_stream_has_its_address() {
    let hub = start();
    let cookie = sign_in(&hub);
    let mut stream = TcpStream::connect(&hub.address).unwrap();
    stream
        .write_all(b"POST /connection/uni_http_stream HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        .unwrap();
    let mut seen = String::new();
    let mut reader = BufReader::new(&stream);
    let connected: Value = loop {
        seen.clear();
        reader.read_line(&mut seen).unwrap();
        if seen.starts_with('{') {
            break serde_json::from_str(&seen).unwrap();
        }
    };
    let client = &connected["connect"]["client"];
    assert!(client.is_string(), "{connected}");
    let found = result(&hub, &cookie, "client", &json!({ "client": client }));
    assert_eq!(found["sessions"][0]["peer"], stream.local_addr().unwrap().to_string(), "{found}");
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let hub = start();
    let page = request(&hub.address, "GET", "/admin", "Host: localhost\r\n", "");
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{}",
        page.head
    );
    assert!(!page.body.contains("<script>") && !page.body.contains("style="), "nothing is inline");
    for path in page.body.split(['"', '\'']).filter(|text| text.starts_with("/admin/")) {
        assert_eq!(request(&hub.address, "GET", path, "Host: localhost\r\n", "").status, 200, "{path}");
    }
    let without = Hub::start(CONFIG, &[]);
    assert_eq!(request(&without.address, "GET", "/admin", "Host: localhost\r\n", "").status, 404);
}

#[tokio::test]
async fn channels_and_clients_are_found() {
    let hub = start();
    let cookie = sign_in(&hub);
    let (_first, client) = subscriber(&hub, "kept:tea").await;
    let (_second, _) = subscriber(&hub, "kept:tea").await;
    let (_third, _) = subscriber(&hub, "open:milk").await;
    let call = |method, params| result(&hub, &cookie, method, &params);
    let found = call("channels", json!({ "limit": 1 }));
    assert_eq!(
        found,
        json!({ "found": [{ "name": "kept:tea", "clients": 2 }], "total": 2, "unanswered": 0 })
    );
    assert_eq!(call("channels", json!({ "filter": "milk", "limit": 9 }))["found"][0]["name"], "open:milk");
    for data in [json!({ "rain": true }), json!("x".repeat(5_000))] {
        call("publish", json!({ "channel": "kept:tea", "data": data }));
    }
    let channel = call("channel", json!({ "channel": "kept:tea" }));
    assert_eq!((&channel["clients"], &channel["presence"]), (&json!(2), &Value::Null));
    assert_eq!(channel["position"]["offset"], 2);
    let page = call("publications", json!({ "channel": "kept:tea", "limit": 9 }));
    let [newest, oldest] = &page["publications"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!((&newest["offset"], &newest["length"]), (&json!(2), &json!(5_002)));
    assert_eq!(newest["data"].as_str().unwrap().len(), 4 << 10);
    assert_eq!((&oldest["data"], &oldest["format"]), (&json!("{\"rain\":true}"), &json!("json")));
    let page = call("publications", json!({ "channel": "kept:tea", "limit": 9, "before": 2 }));
    assert_eq!(page["publications"].as_array().unwrap().len(), 1);
    call("history_remove", json!({ "channel": "kept:tea" }));
    assert_eq!(call("publications", json!({ "channel": "kept:tea", "limit": 9 }))["publications"], json!([]));

    let found = call("client", json!({ "client": client }));
    let session = &found["sessions"][0];
    assert_eq!((&session["transport"], &session["channels"]), (&json!("websocket"), &json!(["kept:tea"])));
    assert!(session["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{session}");
    assert_eq!(call("client", json!({ "client": "nobody" }))["total"], 0);
}

#[tokio::test]
async fn figures_come_until_the_session_ends() {
    let hub = start();
    let cookie = sign_in(&hub);
    let mut page = longwire::Client::new()
        .header("Origin", format!("http://{}", hub.address))
        .header("Cookie", cookie.trim().strip_prefix("Cookie: ").unwrap())
        .connect(format!("ws://{}/admin/live", hub.address))
        .await
        .unwrap();
    let history = page.recv().await.unwrap().unwrap();
    let history: Value = serde_json::from_str(history.as_text().unwrap()).unwrap();
    assert!(history["history"].is_array(), "{history}");
    let (_client, _) = subscriber(&hub, "open:a").await;
    loop {
        let sample = page.recv().await.unwrap().unwrap();
        let sample: Value = serde_json::from_str(sample.as_text().unwrap()).unwrap();
        if sample["sample"]["clients"] == 1 {
            let sample = &sample["sample"];
            assert_eq!((&sample["channels"], &sample["subscriptions"]), (&json!(1), &json!(1)));
            assert!(sample["delay"].as_f64().unwrap() < 60_000.0, "{sample}");
            break;
        }
    }
    assert_eq!(from_page(&hub, "sign_out", &cookie, &json!({})).status, 204);
    while page.recv().await.unwrap().is_some() {}
    assert_eq!(u16::from(page.closed().code), 1008);
}

#[test]
fn other_secrets_after_a_reload_end_sessions() {
    let mut hub = start();
    let cookie = sign_in(&hub);
    hub.reload(&format!("{CONFIG}[admin]\nenabled = true\npassword = 'another password of 16'\n"));
    let log = hub.log.by_ref().map_while(Result::ok);
    assert!(log.into_iter().any(|line| line.contains("Reloaded")));
    assert_eq!(from_page(&hub, "overview", &cookie, &json!({})).status, 401);
    assert_eq!(from_page(&hub, "sign_in", "", &json!({ "secret": PASSWORD })).status, 401);
}

#[test]
fn it_may_have_an_address_of_its_own() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config =
        format!("{CONFIG}[admin]\nenabled = true\npassword = '{PASSWORD}'\nlisten = ['127.0.0.1:{port}']\n");
    let hub = Hub::start(&config, &[]);
    let get = |address: &str| request(address, "GET", "/admin", "Host: localhost\r\n", "").status;
    assert_eq!((get(&hub.address), get(&format!("127.0.0.1:{port}"))), (404, 200));
}

#[test]
fn without_a_password_it_needs_insecure_and_a_local_name() {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_longwire"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin"])
        .output()
        .unwrap();
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert!(
        complaint.contains("--admin needs a password") && complaint.contains("--insecure"),
        "{complaint}"
    );
    let hub = Hub::start("", &["--admin", "--insecure"]);
    let overview = result(&hub, "", "overview", &json!({}));
    assert_eq!((&overview["open"], &overview["insecure"]), (&json!(true), &json!(true)));
    let rebound = "Host: evil.example\r\nOrigin: http://evil.example\r\n";
    assert_eq!(request(&hub.address, "POST", "/admin/api/overview", rebound, "").status, 403);
}
