//! The access log: a line for each connection when it ends.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::program::Program;

const CONFIG: &str = "[tokens]\nhmac_secret = '0123456789abcdef0123456789abcdef'\n\
                      [namespaces.open]\nsubscribe = ['anonymous']\npublish = ['subscriber']\n[namespaces.closed]\n";

fn start() -> Program {
    let mut program = Program::start(CONFIG, &["--access-log", "--log-format", "json"]);
    assert_eq!(program.document().get("message"), Some(&json!("serving")));
    program
}

/// The next line of the access log.
fn line(program: &mut Program) -> Value {
    std::iter::repeat_with(|| program.document())
        .find(|document| document["target"] == "longwire::access")
        .unwrap()
}

/// These fields of a line.
fn fields<'a>(line: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().map(|name| &line[*name]).collect()
}

fn token() -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), CONFIG).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_longwire"))
        .args(["token", "--user", "42", "--config"])
        .arg(file.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_line_says_who_a_client_was_and_what_it_did() {
    let mut program = start();
    let mut socket = program.connect("/connection/websocket?secret=1").await;
    let connect = json!({ "id": 1, "connect": { "token": token() } }).to_string();
    socket.send(connect.clone()).await.unwrap();
    let reply: Value =
        serde_json::from_str(socket.recv().await.unwrap().unwrap().as_text().unwrap()).unwrap();
    socket.close(4001, "bye").await.unwrap();
    let line = line(&mut program);
    assert_eq!(fields(&line, &["message", "level", "user"]), ["closed", "INFO", "42"]);
    assert_eq!(line["client"], reply["connect"]["client"]);
    assert_eq!(
        fields(&line, &["path", "transport", "protocol"]),
        ["/connection/websocket", "websocket", "json"]
    );
    assert_eq!(fields(&line, &["messages_in", "messages_out"]), [1, 1]);
    // Two frames with a header of 6 bytes or 8, and what they contain.
    assert!(line["bytes_in"].as_u64().unwrap() > connect.len() as u64, "{line}");
    assert!(line["bytes_out"].as_u64().unwrap() > reply.to_string().len() as u64, "{line}");
    assert_eq!(line["code"], 4001);
    assert_eq!(fields(&line, &["reason", "by"]), ["bye", "client"]);
    assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    let seconds = line["seconds"].as_f64().unwrap();
    assert!((0.0..60.0).contains(&seconds), "{line}");
    assert!(!line.to_string().contains("secret"), "the query is not logged: {line}");
}

#[tokio::test]
async fn every_kind_of_websocket_has_a_line_with_the_reason_of_the_server() {
    let mut program = start();
    let mut plain = program.connect("/channel/closed:a?token=x").await;
    assert_eq!(plain.recv().await.unwrap(), None);
    let refused = line(&mut program);
    assert_eq!(fields(&refused, &["path", "transport", "by"]), ["/channel/closed:a", "plain", "server"]);
    assert!(refused["code"].as_u64().unwrap() >= 3000 && refused["reason"] != "", "{refused}");
    for (path, transport) in
        [("/echo", "echo"), ("/ticker", "ticker"), ("/connection/uni_websocket", "uni_websocket")]
    {
        drop(program.connect(path).await);
        assert_eq!(fields(&line(&mut program), &["path", "transport"]), [path, transport]);
    }
}

#[test]
fn a_stream_has_a_line_when_it_ends() {
    let mut program = start();
    let mut stream = TcpStream::connect(&program.address).unwrap();
    let body = json!({ "token": token() }).to_string();
    let head =
        format!("POST /connection/uni_http_stream?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("\"connect\"") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).unwrap();
        seen.extend_from_slice(bytes.get(..count).unwrap());
    }
    drop(stream);
    let line = line(&mut program);
    let names = ["user", "path", "transport", "protocol", "by"];
    let expected = ["42", "/connection/uni_http_stream", "uni_http_stream", "json", "client"];
    assert_eq!(fields(&line, &names), expected);
    assert_eq!(line["messages_out"], 1);
    assert!(line["bytes_out"].as_u64().unwrap() > 0 && line["client"].as_str().unwrap().len() > 8, "{line}");
}

#[test]
fn each_refusal_has_a_line() {
    let mut program = start();
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (request, path, status) in [
        (format!("GET /echo?token=x HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n{upgrade}\r\n"), "/echo", 403),
        (format!("GET /channel/nowhere:a HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n"), "/channel/nowhere:a", 404),
        (
            "GET /connection/uni_sse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
            "/connection/uni_sse",
            400,
        ),
    ] {
        // More than the lines of warnings are bounded to.
        for _ in 0..20 {
            program.request(&request);
            let line = line(&mut program);
            assert_eq!(fields(&line, &["message", "path"]), ["refused", path]);
            assert_eq!(line["status"], status);
        }
    }
}

#[tokio::test]
async fn the_websocket_of_the_admin_page_has_a_line() {
    let config = "[admin]\nenabled = true\ntoken = 'a token of the tests, in full'\n";
    let mut program = Program::start(config, &["--access-log", "--log-format", "json"]);
    assert_eq!(program.document()["message"], "serving");
    let client = longwire::Client::new().header("authorization", "Bearer a token of the tests, in full");
    let mut socket = client.connect(format!("ws://{}/admin/live", program.address)).await.unwrap();
    socket.recv().await.unwrap().unwrap();
    socket.close(1000, "").await.unwrap();
    let line = line(&mut program);
    assert_eq!(
        fields(&line, &["message", "path", "transport", "by"]),
        ["closed", "/admin/live", "admin", "client"]
    );
    assert!(line["bytes_out"].as_u64().unwrap() > 0, "{line}");
}

/// Behind a proxy that speaks the PROXY protocol, a line names the client that is refused and only what was sent to it.
#[test]
fn a_refusal_after_a_proxy_header_names_the_client() {
    let flags = ["--access-log", "--log-format", "json", "--trusted-proxy", "127.0.0.1", "--proxy-protocol"];
    for engine in ["readiness", "auto"] {
        let more = ["--max-connections-per-ip", "1", "--engine", engine];
        let mut program = Program::start("", &[&flags[..], &more].concat());
        assert_eq!(program.document()["message"], "serving");
        let address = program.address.clone();
        let open = |header: &str| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream
                .write_all(format!("{header}\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
                .unwrap();
            let mut answer = [0; 12];
            let count = stream.read(&mut answer).unwrap_or_default();
            (stream, String::from_utf8_lossy(&answer[..count]).into_owned())
        };
        let of_client = "PROXY TCP4 192.0.2.1 127.0.0.1 7 80";
        let (_first, answer) = open(of_client);
        assert_eq!(answer, "HTTP/1.1 200");
        let (_second, answer) = open(of_client);
        assert_eq!(answer, "HTTP/1.1 503");
        let (third, answer) = open("GET / HTTP/1.1");
        assert_eq!(answer, "");
        let third = third.local_addr().unwrap().to_string();
        let full = line(&mut program);
        assert_eq!(fields(&full, &["message", "peer"]), ["refused", "192.0.2.1:7"]);
        assert_eq!(full["status"], 503);
        let without = line(&mut program);
        assert_eq!(fields(&without, &["message", "peer"]), ["refused", &*third]);
        assert_eq!(without.get("status"), None, "nothing was sent");
    }
}

/// A hostile reason neither breaks a line nor steers a terminal. Without the setting, there is no line.
#[tokio::test]
async fn the_line_for_people_is_one_line() {
    let mut program = Program::start(CONFIG, &["--access-log"]).serving();
    let mut socket = program.connect("/channel/open:a").await;
    socket.close(4000, "\u{1b}[31m\n\u{9b}2J\u{202e}").await.unwrap();
    let line = program.line();
    assert!(line.contains(" INFO closed peer=127.0.0.1:"), "{line}");
    assert!(!line.contains(|character: char| character.is_control() || character == '\u{202e}'), "{line:?}");
    let mut quiet = Program::start(CONFIG, &[]).serving();
    drop(quiet.connect("/echo").await);
    quiet.signal("TERM");
    assert!(quiet.line().starts_with("Shutting down"));
}
