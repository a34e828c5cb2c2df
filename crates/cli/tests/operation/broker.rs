//! A server whose broker cannot be reached.

use std::net::TcpListener;
use std::time::Duration;

use crate::program::Program;

/// A port on which nobody answers.
fn silent() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn get(program: &Program, path: &str) -> String {
    program.request(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
}

fn config(kind: &str) -> String {
    let port = silent();
    format!(
        "metrics = true\n[broker]\ntype = '{kind}'\nurls = ['{kind}://127.0.0.1:{port}']\nstart_timeout = '100ms'\n"
    )
}

#[tokio::test]
async fn it_serves_says_that_it_is_not_ready_and_refuses_for_now() {
    for kind in ["redis", "nats"] {
        let program = Program::start(&config(kind), &["--insecure"]).serving();
        assert!(get(&program, "/health").starts_with("HTTP/1.1 200"));
        let ready = get(&program, "/health/ready");
        assert!(
            ready.starts_with("HTTP/1.1 503") && ready.contains("the broker was not reached yet"),
            "{ready}"
        );
        assert!(get(&program, "/metrics").contains("\nlongwire_broker_calls_total "));
        let mut client = program.connect("/connection/websocket").await;
        client.send(r#"{"id":1,"connect":{}}"#).await.unwrap();
        let connected = client.recv().await.unwrap().unwrap();
        assert!(connected.as_text().unwrap().starts_with(r#"{"id":1,"connect":{"#), "{connected}");
        client.send(r#"{"id":2,"subscribe":{"channel":"news"}}"#).await.unwrap();
        let refused = client.recv().await.unwrap().unwrap();
        let expected = r#"{"id":2,"error":{"code":100,"message":"internal server error","temporary":true}}"#;
        assert_eq!(refused.as_text(), Some(expected));
    }
}

#[tokio::test]
async fn it_goes_on_alone_if_it_is_configured_so_and_says_it() {
    for kind in ["redis", "nats"] {
        let config = config(kind) + "when_down = 'alone'\nalone_after = '1s'\n";
        let mut program = Program::start(&config, &["--insecure"]).serving();
        while !program.line().contains("this node goes on alone") {}
        let ready = get(&program, "/health/ready");
        assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with("{\"alone\":true}\n"), "{ready}");
        let metrics = get(&program, "/metrics");
        assert!(metrics.contains("\nlongwire_broker_alone 1\n"), "{metrics}");
        assert!(metrics.contains("\nlongwire_broker_up 0\n"), "{metrics}");
        let mut client = program.connect("/channel/news").await;
        let mut other = program.connect("/channel/news").await;
        client.send("hello").await.unwrap();
        assert_eq!(other.recv().await.unwrap().unwrap().as_text(), Some("hello"));
    }
}

#[test]
fn without_a_broker_of_several_nodes_it_is_ready_at_once() {
    let program = Program::start("metrics = true", &[]).serving();
    assert!(get(&program, "/health/ready").starts_with("HTTP/1.1 200"));
    assert!(!get(&program, "/metrics").contains("longwire_broker_"));
}

/// A second signal is not needed.
#[test]
fn it_ends_in_time_though_it_cannot_say_goodbye() {
    let mut program = Program::start(&config("redis"), &[]).serving();
    let begun = std::time::Instant::now();
    program.signal("TERM");
    assert!(program.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(8));
}
