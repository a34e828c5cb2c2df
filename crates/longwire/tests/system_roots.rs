//! The system's certificate authorities cannot be read, perhaps because a disk does not respond.
//!
//! A separate program, because they are read once per process, from a place that its environment names.
#![cfg(all(unix, feature = "client", feature = "tls"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use longwire::{Client, Timeouts};
use tokio::net::TcpListener;

/// The environment variable that marks the child process.
const ALONE: &str = "LONGWIRE_TEST_OF_SYSTEM_ROOTS";

#[test]
fn who_waits_for_the_authorities_of_the_system_has_the_time_for_tls() {
    if std::env::var_os(ALONE).is_some() {
        return connect();
    }
    let folder = std::env::temp_dir().join(format!("longwire-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // Nobody ever writes to it.
    let pipe = folder.join("authorities.pem");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let name = "who_waits_for_the_authorities_of_the_system_has_the_time_for_tls";
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .env("SSL_CERT_FILE", &pipe)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(program.stdout.take().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok).filter(|line| line.contains("TLS")) {
            // The test may have given up.
            let _late = tell.send(line);
        }
    });
    let outcome = told.recv_timeout(Duration::from_secs(60));
    program.kill().unwrap();
    program.wait().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let outcome = outcome.unwrap();
    assert!(outcome.starts_with("cannot secure the connection to 127.0.0.1:"), "{outcome}");
    assert!(outcome.ends_with(" with TLS: it took longer than 0.1 s"), "{outcome}");
}

/// Connects in the child process, and prints the error.
fn connect() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://{}/", server.local_addr().unwrap());
        let client = Client::new().timeouts(Timeouts::default().tls(Duration::from_millis(100)));
        println!("{}", client.connect(url).await.unwrap_err());
    });
    runtime.shutdown_background();
}
