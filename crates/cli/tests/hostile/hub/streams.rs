//! Clients that do not read, over every transport, and requests of clients without WebSocket.

use std::time::Duration;

use serde_json::json;

use super::setting::{api, begin};
use super::speaker::Speaker;
use crate::frames::{FIN, TEXT};
use crate::peer::Peer;
use crate::process::{KIB, MIB};
use crate::server::Server;
use crate::trial::{Bounds, CONNECTION, eventually};

const CPU: Duration = Duration::from_secs(15);

/// Opens a stream with commands, and waits until it has begun.
fn open(server: &Server, path: &str, commands: &str) -> Peer {
    let mut peer = Peer::connect(server);
    peer.send(post(path, commands).replacen("Host", "Connection: close\r\nHost", 1));
    peer.leave_unread();
    peer
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn subscribers(server: &Server) -> usize {
    let info = api(server, "info", &json!({}));
    usize::try_from(info["nodes"][0]["num_subs"].as_u64().unwrap()).unwrap()
}

#[test]
fn pushes_that_nobody_reads() {
    let trial = begin("", &[]);
    let commands = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"open:news\"}}";
    let mut socket = Speaker::connected(&trial.server);
    socket.subscribe("open:news");
    let streams =
        ["/connection/sse", "/connection/http_stream"].map(|path| open(&trial.server, path, commands));
    // The honest client is subscribed, too.
    eventually("all are subscribed", || subscribers(&trial.server) == 4);
    let news = json!({ "publish": { "channel": "open:news", "data": "x".repeat(60 * KIB) } });
    let commands = json!({ "commands": vec![news; 10] });
    for _ in 0..25 {
        api(&trial.server, "batch", &commands);
    }
    eventually("the slow ones are gone", || subscribers(&trial.server) == 1);
    assert_eq!(socket.peer.close_code(), Some(3008));
    for mut stream in streams {
        let heard = String::from_utf8(stream.rest()).unwrap();
        assert!(heard.contains(r#""code":3008"#), "the stream ends without the reason");
    }
    drop(socket);
    trial.end(
        "three clients subscribe over WebSocket, SSE and HTTP streaming, and do not read 15 MiB",
        "3008",
        &Bounds { memory: 3 * 2 * MIB + 6 * MIB, cpu: CPU },
    );
}

#[test]
fn streams_that_are_opened_and_abandoned() {
    let trial = begin("", &[]);
    let commands = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"seen:news\"}}";
    for round in 0..300 {
        let path = ["/connection/sse", "/connection/http_stream"][round % 2];
        drop(open(&trial.server, path, commands));
    }
    eventually("the sessions have ended", || subscribers(&trial.server) == 1);
    trial.end(
        "opens 300 streams and abandons them",
        "each session ends with its stream",
        &Bounds { memory: 6 * MIB, cpu: CPU },
    );
}

#[test]
fn emulation_for_the_sessions_of_others() {
    let trial = begin("", &[]);
    let info = api(&trial.server, "info", &json!({}));
    let node = info["nodes"][0]["uid"].as_str().unwrap();
    let mut peer = Peer::connect(&trial.server);
    let guess = |number: usize| {
        json!({ "session": format!("guess-{number}"), "node": node, "data": "{\"id\":1,\"ping\":{}}" })
            .to_string()
    };
    for number in 0..1_000 {
        peer.send(post("/emulation", &guess(number)));
        assert!(peer.head().starts_with("HTTP/1.1 204 "));
    }
    peer.send(post("/emulation", &json!({ "session": "a", "node": "another", "data": "" }).to_string()));
    assert!(peer.head().starts_with("HTTP/1.1 404 "));
    let huge = format!("POST /emulation HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 64 * MIB);
    for _ in 0..20 {
        let mut peer = Peer::connect(&trial.server);
        peer.send(&huge);
        peer.try_send(vec![b'x'; MIB]);
        assert!(peer.head().starts_with("HTTP/1.1 413 "));
    }
    drop(peer);
    trial.end(
        "sends 1,000 requests for sessions that it guesses, and 20 of 64 MiB",
        "204 or 404, which tell nothing; 413",
        &Bounds { memory: 10 * MIB, cpu: CPU },
    );
}

#[test]
fn bodies_that_do_not_arrive() {
    let trial = begin("", &[]);
    let mut peers: Vec<Peer> = Vec::new();
    for path in ["/emulation", "/connection/http_stream", "/api/publish"] {
        for _ in 0..50 {
            let mut peer = Peer::connect(&trial.server);
            peer.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 100 * KIB));
            peer.send(vec![b'x'; 50 * KIB]);
            peers.push(peer);
        }
    }
    for peer in &mut peers[100..] {
        assert!(peer.head().starts_with("HTTP/1.1 401 "), "the API reads nothing without a key");
    }
    eventually("the server has read what came", || trial.server.unread() == 0);
    drop(peers);
    trial.end(
        "150 clients send half of a body of 100 KiB",
        "401 without a key; the server waits 30 s, and holds what came",
        &Bounds { memory: 150 * (CONNECTION + 160 * KIB), cpu: CPU },
    );
}

#[test]
fn clients_that_never_connect() {
    let trial = begin("", &[]);
    let mut sockets: Vec<Speaker> = (0..100).map(|_| Speaker::silent(&trial.server)).collect();
    let mut plain = Peer::open(&trial.server, "/channel/open:a");
    let mut one_way = Peer::open(&trial.server, "/connection/uni_websocket");
    for socket in &mut sockets {
        assert_eq!(socket.peer.close_code(), Some(3502));
    }
    assert_eq!(one_way.close_code(), Some(3502));
    plain.send_frame(FIN | TEXT, "still here");
    assert_eq!(plain.frame().payload, b"still here");
    drop((sockets, plain, one_way));
    trial.end(
        "100 clients open a WebSocket and never connect",
        "3502 after 10 s",
        &Bounds { memory: 102 * CONNECTION + MIB, cpu: CPU },
    );
}
