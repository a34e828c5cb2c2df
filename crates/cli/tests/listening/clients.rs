//! The address of a client behind a proxy.

use crate::program::{Program, ask, run, serves};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn with_config(text: &str) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("longwire.toml");
    std::fs::write(&file, text).unwrap();
    Program::start(&["--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()])
}

#[test]
fn trusted_proxies_speak_the_proxy_protocol() {
    let by_flags = ["--listen", "127.0.0.1:0", "--proxy-protocol", "--trusted-proxy", "127.0.0.0/8"];
    for program in
        [with_config("trusted_proxies = ['127.0.0.1']\nproxy_protocol = true\n"), Program::start(&by_flags)]
    {
        let place = &program.places[0];
        let asked = format!("PROXY TCP4 192.0.2.1 127.0.0.1 7 80\r\n{HEALTH}");
        assert!(ask(place, &asked).starts_with("HTTP/1.1 200 "));
        assert_eq!(ask(place, HEALTH), "", "a proxy that does not speak it is not served");
    }
    let stranger = with_config("trusted_proxies = ['10.0.0.0/8']\nproxy_protocol = true\n");
    assert!(serves(&stranger.places[0]), "others need not speak it");
}

#[test]
fn clients_behind_a_trusted_proxy_are_counted_one_by_one() {
    let upgrade = |client: &str| {
        format!(
            "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{client}\r\n"
        )
    };
    let flags = ["--listen", "127.0.0.1:0", "--max-connections-per-ip", "1", "--trusted-proxy", "127.0.0.1"];
    for (more, name) in
        [(&[][..], "X-Forwarded-For: "), (&["--forwarded-header", "forwarded"], "Forwarded: for=")]
    {
        let program = Program::start(&[&flags[..], more].concat());
        let mut open = Vec::new();
        for (client, status) in
            [("192.0.2.1", 101), ("192.0.2.2", 101), ("192.0.2.1", 503), ("192.0.2.3", 101)]
        {
            let mut stream = std::net::TcpStream::connect(&program.places[0]).unwrap();
            std::io::Write::write_all(&mut stream, upgrade(&format!("{name}{client}\r\n")).as_bytes())
                .unwrap();
            let mut head = [0; 12];
            std::io::Read::read_exact(&mut stream, &mut head).unwrap();
            assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"), "{client}");
            open.push(stream);
        }
    }
}

#[test]
fn what_is_no_proxy_is_an_error_that_names_it() {
    let refused = run(&["--trusted-proxy", "proxy.example"]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("proxy.example") && why.contains("10.0.0.0/8"),
        "{why}"
    );
}
