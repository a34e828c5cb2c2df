//! `longwire proxy`, between the client and the server of this program.

use std::io::{Lines, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::program::{Running, echo, run};

/// A proxy in front of an echo server.
struct Proxy {
    running: Running,
    _server: Running,
    url: String,
    said: Lines<std::io::BufReader<std::process::ChildStderr>>,
}

impl Proxy {
    fn start(flags: &[&str]) -> Proxy {
        let (server, echo) = echo();
        let endpoint = format!("ws://{echo}");
        let args = [&["proxy", "--listen", "127.0.0.1:0", &endpoint], flags].concat();
        let mut running = Running::start(&args);
        let mut said = running.stderr();
        let line = said.next().unwrap().unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("ws://")).unwrap().to_owned();
        Proxy { running, _server: server, url, said }
    }

    /// The host and port of the page.
    fn page(&mut self) -> String {
        let line = self.said.next().unwrap().unwrap();
        line.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned()
    }

    /// Ends the proxy, and returns what it has printed, without the times.
    fn printed(self) -> Vec<String> {
        self.running.signal("INT");
        let (code, printed, _) = self.running.end();
        assert_eq!(code, Some(0));
        printed.lines().map(|line| line.split_once(' ').unwrap_or(("", line)).1.to_owned()).collect()
    }
}

#[test]
fn everything_passes_and_is_shown_inflated() {
    let proxy = Proxy::start(&[]);
    let long = "longwire ".repeat(50);
    let input =
        format!("{{\"data\":\"{long}\"}}\n{{\"opcode\":\"close\",\"code\":4321,\"reason\":\"bye\"}}\n");
    let output = run(&["connect", &proxy.url, "--json"], input.as_bytes());
    let passed = String::from_utf8(output.stdout).unwrap();
    assert!(passed.contains("\"received\"") && passed.contains("\"code\":4321"), "{passed}");
    let printed = proxy.printed();
    let open = &printed[0];
    assert!(
        open.contains("#1 * ws://127.0.0.1:") && open.contains("/echo · 101 · permessage-deflate"),
        "{open}"
    );
    for arrow in ['>', '<'] {
        let message =
            printed.iter().find(|line| line.starts_with(&format!("#1 {arrow} longwire longwire"))).unwrap();
        assert!(message.ends_with("bytes compressed"), "{message}");
        assert!(printed.contains(&format!("#1 {arrow} close 4321 bye")), "{printed:?}");
    }
    assert_eq!(printed.last().unwrap(), "#1 * ended");
}

#[test]
fn plain_http_passes_too() {
    let proxy = Proxy::start(&[]);
    let mut stream = TcpStream::connect(proxy.url.trim_start_matches("ws://").trim_end_matches('/')).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("{}"), "{answer}");
}

/// A site that points its own name at the proxy has the origin that its page expects.
#[test]
fn names_and_pages_of_others_get_no_answer_of_the_server() {
    let mut proxy = Proxy::start(&["--user", "me:secret", "--allow-origin", "http://localhost:3000"]);
    let address = proxy.url.trim_start_matches("ws://").trim_end_matches('/').to_owned();
    let asked = |host: &str, header: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /health HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let rebound = asked("evil.example", "");
    assert!(rebound.starts_with("HTTP/1.1 403") && rebound.contains("refused Host"), "{rebound}");
    assert!(proxy.said.next().unwrap().unwrap().contains("refused Host \"evil.example\""));
    let foreign = asked(&address, "Origin: https://evil.example\r\n");
    assert!(foreign.starts_with("HTTP/1.1 403") && foreign.contains("--allow-origin"), "{foreign}");
    for origin in ["http://localhost:3000".to_owned(), format!("http://{address}")] {
        let answer = asked(&address, &format!("Origin: {origin}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{origin}: {answer}");
    }
    let foreign = run(&["connect", &proxy.url, "-H", "Origin: https://evil.example"], b"");
    assert_eq!(foreign.status.code(), Some(5), "{foreign:?}");
    assert!(run(&["connect", &proxy.url, "--count", "1"], b"hello\n").status.success());
}

#[test]
fn faults_are_made_as_asked_for() {
    let dropping = Proxy::start(&["--fault", "drop every 2 from server"]);
    let output = run(&["connect", &dropping.url, "--wait", "0.5"], b"one\ntwo\nthree\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one\nthree\n");
    let printed = dropping.printed();
    assert!(!printed[0].contains("permessage-deflate"), "{printed:?}");
    assert!(
        printed.iter().any(|line| line.starts_with("#1 < two") && line.ends_with("dropped")),
        "{printed:?}"
    );

    let cutting = Proxy::start(&["--fault", "cut after 2 messages from server"]);
    let output = run(&["connect", &cutting.url, "--at-end", "stay"], b"one\ntwo\nthree\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one\ntwo\n");
    assert_eq!(cutting.printed().last().unwrap(), "#1 * cut by --fault");

    let corrupting = Proxy::start(&["--fault", "corrupt every 1 from server", "--no-compression"]);
    let output = run(&["connect", &corrupting.url], b"one\n");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_a_502_that_says_why() {
    let mut running = Running::start(&["proxy", "--listen", "127.0.0.1:0", "ws://127.0.0.1:1"]);
    let line = running.stderr().next().unwrap().unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("ws://")).unwrap();
    let output = run(&["connect", url], b"");
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("502") && said.contains("cannot connect to 127.0.0.1:1"), "{said}");
}

#[test]
fn connections_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let proxy = Proxy::start(&["--record", path.to_str().unwrap()]);
    for text in ["one\n", "two\n"] {
        assert!(run(&["connect", &proxy.url, "--count", "1"], text.as_bytes()).status.success());
    }
    proxy.printed();
    for (name, text) in [("a.har", "< one"), ("a-2.har", "< two")] {
        let output = run(&["show", folder.path().join(name).to_str().unwrap()], b"");
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(text) && shown.contains("2 messages"), "{shown}");
        assert!(shown.ends_with("* closed by the client: 1000 (normal closure)\n"), "{shown}");
    }
    let cut = folder.path().join("cut.har");
    let proxy =
        Proxy::start(&["--record", cut.to_str().unwrap(), "--fault", "cut after 1 message from server"]);
    run(&["connect", &proxy.url, "--at-end", "stay"], b"one\n");
    proxy.printed();
    let output = run(&["show", cut.to_str().unwrap()], b"");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.ends_with("* lost: 1006 (no closing handshake): cut by --fault\n"), "{shown}");
}

/// Regression: the recordings of open connections had no end.
#[test]
fn a_proxy_that_is_stopped_records_the_end_of_open_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.har");
    for how in ["INT", "TERM", "closed pipe"] {
        let mut proxy = Proxy::start(&["--overwrite", "--record", path.to_str().unwrap()]);
        let mut client = Running::start(&["connect", &proxy.url]);
        let (mut says, mut hears) = (client.stdin(), client.stdout());
        writeln!(says, "one").unwrap();
        assert_eq!(hears.next().unwrap().unwrap(), "one");
        if how == "closed pipe" {
            drop(proxy.running.stdout());
            writeln!(says, "two").unwrap();
        } else {
            proxy.running.signal(how);
        }
        let (code, printed, _) = proxy.running.end();
        assert_eq!(code, Some(0), "{how}");
        assert!(
            how == "closed pipe" || printed.ends_with("#1 * the proxy was stopped\n"),
            "{how}: {printed}"
        );
        let output = run(&["show", path.to_str().unwrap()], b"");
        let shown = String::from_utf8(output.stdout).unwrap();
        let end = "* lost: 1006 (no closing handshake): the proxy was stopped\n";
        assert!(shown.ends_with(end), "{how}: {shown}");
    }
}

/// Regression: the end was "ended", whoever had ended it and without a Close frame.
#[test]
fn an_end_without_a_close_frame_says_whose_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.har");
    let mut proxy = Proxy::start(&["--record", path.to_str().unwrap()]);
    let mut client = Running::start(&["connect", &proxy.url]);
    let mut says = client.stdin();
    writeln!(says, "one").unwrap();
    assert_eq!(client.stdout().next().unwrap().unwrap(), "one");
    drop(client);
    let end = "the client ended the connection without a Close frame";
    assert!(proxy.running.stdout().any(|line| line.unwrap().ends_with(&format!("#1 * {end}"))));
    let output = run(&["show", path.to_str().unwrap()], b"");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.ends_with(&format!("* lost: 1006 (no closing handshake): {end}\n")), "{shown}");
}

#[test]
fn a_proxy_that_cannot_record_does_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("taken.har"), "precious").unwrap();
    std::fs::write(path("feed-7.har"), "precious").unwrap();
    for (record, said) in [
        (path("nowhere/x.har"), "cannot write"),
        (path("taken.har"), "taken.har exists already"),
        (path("feed.har"), "feed-7.har exists already"),
    ] {
        let args = ["proxy", "--listen", "127.0.0.1:0", "ws://127.0.0.1:1", "--record", &record];
        let (code, _, stderr) = Running::start(&args).end();
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(!std::fs::exists(path("feed.har")).unwrap());
    let proxy = Proxy::start(&["--record", &path("taken.har"), "--overwrite"]);
    assert!(run(&["connect", &proxy.url, "--count", "1"], b"one\n").status.success());
    proxy.printed();
    let output = run(&["show", &path("taken.har")], b"");
    assert!(String::from_utf8(output.stdout).unwrap().contains("< one"));
}

#[test]
fn the_page_gets_what_has_passed_and_only_the_page() {
    let mut proxy = Proxy::start(&["--page", "127.0.0.1:0"]);
    let page = proxy.page();
    assert!(run(&["connect", &proxy.url, "--count", "1"], b"secret\n").status.success());
    let live = format!("ws://{page}/live");
    let output =
        run(&["connect", &live, "--expect", "\"data\":\"secret\".*received", "--timeout", "60"], b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    let foreign = run(&["connect", &live, "-H", "Origin: https://evil.example"], b"");
    assert_eq!(foreign.status.code(), Some(5), "{foreign:?}");
    for (path, upgrade) in [
        ("/", ""),
        (
            "/live",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                                                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n",
        ),
    ] {
        let mut stream = TcpStream::connect(&page).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{upgrade}\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
        assert!(!answer.contains("secret"));
    }
}

/// Regression: while all threads waited to print, none of them noticed a signal.
#[test]
fn signals_end_a_proxy_whose_output_nobody_reads() {
    let mut proxy = Proxy::start(&[]);
    let mut output = proxy.running.0.stdout.take().unwrap();
    let workers = thread::available_parallelism().unwrap().get();
    // Longer than any pipe.
    let long = format!("{}\n", "x".repeat(1 << 20));
    let clients = (0..=workers).map(|_| {
        let mut client = Running::start(&["connect", &proxy.url]);
        let mut input = client.stdin();
        let long = long.clone();
        // It may be ended before all is written.
        thread::spawn(move || drop(input.write_all(long.as_bytes())));
        client
    });
    let clients: Vec<Running> = clients.collect();
    // From now on the proxy is printing, and waits for somebody who reads.
    output.read_exact(&mut [0; 1000]).unwrap();
    let process = proxy.running.0.id().to_string();
    let (ending, ends) = channel();
    thread::spawn(move || ending.send(proxy.running.end().0));
    let ended = (0..60).find_map(|_| {
        let _ended = Command::new("kill").args(["-s", "INT", &process]).status();
        ends.recv_timeout(Duration::from_secs(1)).ok()
    });
    assert_eq!(ended, Some(Some(0)));
    drop(clients);
}
