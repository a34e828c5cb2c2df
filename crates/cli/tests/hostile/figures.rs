//! The server's metrics, as Prometheus reads them.

use crate::peer::{Peer, upgrade_request};
use crate::server::Server;
use crate::trial::eventually;

/// The metrics at one moment.
pub(crate) struct Figures {
    text: String,
}

impl Figures {
    /// Requests the metrics of a server that was started with `--metrics`.
    pub(crate) fn of(server: &Server) -> Figures {
        let mut text = String::new();
        // Connections dropped just now may still occupy their places, and a request may come too late.
        eventually("the server shows its figures", || {
            text = Peer::connect(server).ask(get("/metrics"));
            text.starts_with("HTTP/1.1 200 ")
        });
        Figures { text }
    }

    /// The value of a metric with labels, such as `timeouts_total{role="server",time="idle"}`; 0 if it does not exist
    /// yet.
    pub(crate) fn get(&self, figure: &str) -> usize {
        let line = format!("longwire_{figure} ");
        self.text
            .lines()
            .find_map(|shown| shown.strip_prefix(&line))
            .map_or(0, |value| value.parse().unwrap())
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_connection_is_counted_with_all_that_it_said() {
    let server = Server::start(&["--metrics"]);
    let mut peer = Peer::open(&server, "/echo");
    peer.echo(b"one");
    peer.echo(b"three");
    let open = Figures::of(&server);
    assert_eq!(open.get(r#"connections_opened_total{role="server"}"#), 1);
    assert_eq!(open.get(r#"connections_open{role="server"}"#), 1);
    // The gauge is updated once a second.
    eventually("the phase of the connection is shown", || {
        Figures::of(&server).get(r#"connections{phase="open"}"#) == 1
    });
    assert_eq!(open.get(r#"handshake_duration_seconds_count{role="server"}"#), 1);
    assert_eq!(open.get(r#"handshake_duration_seconds_bucket{role="server",le="10"}"#), 1);
    assert!(open.text.contains("# TYPE longwire_connections_opened_total counter"), "{}", open.text);
    assert!(open.text.contains("# HELP longwire_held_bytes "), "{}", open.text);

    drop(peer);
    eventually("the connection has ended", || {
        Figures::of(&server).get(r#"connections_open{role="server"}"#) == 0
    });
    let ended = Figures::of(&server);
    assert_eq!(ended.get(r#"connections_closed_total{role="server",by="nobody",code="1006"}"#), 1);
    assert_eq!(ended.get(r#"received_messages_total{role="server"}"#), 2);
    assert_eq!(ended.get(r#"sent_messages_total{role="server"}"#), 2);
    // Frame headers take 6 bytes.
    assert_eq!(ended.get(r#"received_bytes_total{role="server"}"#), 6 + 3 + 6 + 5);
}

#[test]
fn nothing_is_shown_unless_it_is_asked_for() {
    let server = Server::start(&[]);
    assert!(Peer::connect(&server).ask(get("/metrics")).starts_with("HTTP/1.1 404 "));
}

#[test]
fn who_is_not_let_in_is_counted_by_the_reason() {
    let server = Server::start(&["--metrics", "--max-headers", "10"]);
    let requests = [
        ("application", upgrade_request("/nowhere", "")),
        ("origin", upgrade_request("/echo", "Origin: https://evil.example\r\n")),
        ("too_large", upgrade_request("/echo", &"X: y\r\n".repeat(10))),
        ("bad_request", "\x16\x03\x01 is how TLS begins".to_owned()),
    ];
    for (reason, request) in requests {
        Peer::connect(&server).ask(request);
        let counted = Figures::of(&server).get(&format!("connections_refused_total{{reason=\"{reason}\"}}"));
        assert_eq!(counted, 1, "{reason}");
    }
    let server = Server::start(&["--metrics", "--handshake-timeout", "0.2"]);
    Peer::connect(&server).ask("GET /echo HTTP/1.1\r\n");
    // On a busy machine, a request for the metrics may time out, too.
    assert!(Figures::of(&server).get(r#"connections_refused_total{reason="handshake_timeout"}"#) >= 1);
}

/// Every flag in the documentation of the limits exists and has the documented default.
#[test]
fn the_documented_flags_exist() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_longwire")).args(["serve", "-h"]).output().unwrap();
    // The help is wrapped to the width of the terminal.
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let bounds = include_str!("../../../longwire/docs/bounds.md");
    let rows = bounds.lines().filter(|line| line.starts_with("| `") || line.starts_with("| the same"));
    let mut flags = 0;
    for row in rows {
        let columns: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let (default, flag) = (columns[1], columns[2].trim_matches('`'));
        let (_, behind) =
            help.split_once(&format!(" {flag} <")).unwrap_or_else(|| panic!("{flag} is no flag: {help}"));
        let described = behind.split(" --").next().unwrap_or_default();
        let expected = format!("[default: {}", shown_by_help(default));
        // The default may be followed by what it depends on.
        let is_there =
            described.split_once(&expected).is_some_and(|(_, behind)| behind.starts_with([']', ',']));
        assert!(is_there, "{flag}: {described} has not {expected}]");
        flags += 1;
    }
    assert_eq!(flags, 17);
}

/// A default as the help shows it, from the documentation's form such as `16 KiB`.
fn shown_by_help(default: &str) -> String {
    let default = default.replace(',', "");
    match default.split_once(' ') {
        Some((number, "KiB")) => (number.parse::<u64>().unwrap() << 10).to_string(),
        Some((number, "MiB")) => (number.parse::<u64>().unwrap() << 20).to_string(),
        Some((number, "GiB")) => (number.parse::<u64>().unwrap() << 30).to_string(),
        Some((number, "s")) => format!("{number}s"),
        _ if default == "none" => "never".to_owned(),
        _ => default,
    }
}
