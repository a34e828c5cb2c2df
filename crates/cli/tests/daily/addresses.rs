//! Addresses in the forms that users type.

use std::net::{Ipv4Addr, TcpStream};

use crate::program::{echo, port, run, serve};

#[test]
fn a_server_listens_where_it_is_meant_to() {
    for (address, shown) in [
        ("localhost:0", "http://127.0.0.1:"),
        ("0", "http://127.0.0.1:"),
        ("app.localhost:0", "http://127.0.0.1:"),
    ] {
        let (_server, page) = serve(&["--listen", address]);
        assert!(page.contains(shown), "{address}: {page}");
    }
}

#[test]
fn a_port_behind_a_colon_is_that_of_every_address() {
    let (_server, page) = serve(&["--listen", ":0"]);
    for host in [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)] {
        TcpStream::connect((host, port(&page))).unwrap();
    }
}

#[test]
fn a_client_connects_without_a_scheme_and_to_names_below_localhost() {
    let (_server, address) = echo();
    let port = address.split([':', '/']).nth(1).unwrap();
    for url in [
        address.clone(),
        format!("app.localhost:{port}/echo"),
        format!("ws://a.b.localhost:{port}/echo"),
        format!("{port}/echo"),
    ] {
        let output = run(&["connect", &url, "--count", "1"], b"hello\n");
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, b"hello\n");
    }
}
