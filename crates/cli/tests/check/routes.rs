//! Proxies between the cases and the endpoint.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::serving::{Serving, relay};

/// A SOCKS 5 proxy without passwords (RFC 1928).
struct SocksProxy {
    port: u16,
    tunnels: Arc<AtomicUsize>,
}

impl SocksProxy {
    fn begin() -> SocksProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tunnels);
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let server = asked(&mut client);
                client.write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0").unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                relay(client, server);
            }
        });
        SocksProxy { port, tunnels }
    }
}

/// A connection to the server that a client of the proxy asks for, by name or by address.
fn asked(client: &mut TcpStream) -> TcpStream {
    let mut greeting = [0; 3];
    client.read_exact(&mut greeting).unwrap();
    assert_eq!(greeting, *b"\x05\x01\x00");
    client.write_all(b"\x05\x00").unwrap();
    let mut request = [0; 4];
    client.read_exact(&mut request).unwrap();
    let host = if request == [5, 1, 0, 1] {
        let mut address = [0; 4];
        client.read_exact(&mut address).unwrap();
        Ipv4Addr::from(address).to_string()
    } else {
        assert_eq!(request, [5, 1, 0, 3]);
        let mut len = [0];
        client.read_exact(&mut len).unwrap();
        let mut name = vec![0; len[0].into()];
        client.read_exact(&mut name).unwrap();
        String::from_utf8(name).unwrap()
    };
    let mut port = [0; 2];
    client.read_exact(&mut port).unwrap();
    TcpStream::connect((host, u16::from_be_bytes(port))).unwrap()
}

/// The exit code and what was said, with these variables alone in the environment.
fn check(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    command.arg("check").args(args).env_clear().envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn cases_run_through_a_socks_proxy_of_the_flags_or_the_environment() {
    let serving = Serving::begin();
    let proxy = SocksProxy::begin();
    let url = format!("ws://localhost:{}/echo", serving.1);
    let [by_name, by_address] =
        ["socks5h", "socks5"].map(|scheme| format!("{scheme}://127.0.0.1:{}", proxy.port));
    let case = ["--quiet", "--only", "6455/5.5/ping-126", url.as_str()];
    for (flags, variables, is_used) in [
        (&["--proxy", &by_name][..], &[][..], true),
        (&["--proxy", &by_address], &[("no_proxy", "*")], true),
        (&[], &[("ALL_PROXY", by_name.as_str())], true),
        (&[], &[("ALL_PROXY", by_name.as_str()), ("NO_PROXY", "localhost")], false),
        (&["--no-proxy"], &[("http_proxy", by_name.as_str())], false),
    ] {
        let before = proxy.tunnels.load(Ordering::Relaxed);
        let (code, said) = check(&[&case, flags].concat(), variables);
        assert_eq!(code, Some(0), "{flags:?} {variables:?}: {said}");
        let tunnels = proxy.tunnels.load(Ordering::Relaxed) - before;
        // The endpoint is measured first.
        assert_eq!(tunnels > 1, is_used, "{flags:?} {variables:?}: {tunnels}");
    }
}

/// A proxy of the environment could lead to another machine than this one, which alone may be attacked.
#[test]
fn an_attack_goes_past_a_proxy_of_the_environment() {
    let serving = Serving::begin();
    let url = format!("ws://127.0.0.1:{}/echo", serving.1);
    let args = [&url, "--attack", "--attack-time", "100ms", "--only", "attack/slow-handshake"];
    let (code, said) = check(&args, &[("http_proxy", "http://127.0.0.1:1")]);
    assert_eq!(code, Some(0), "{said}");
}
