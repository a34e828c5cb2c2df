//! Loads of each kind, and what they count.

use crate::program::{load, report, serve, text};

#[test]
fn an_open_loop_gets_every_message_back() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    for engine in ["auto", "readiness"] {
        let report =
            report(&[&url, "--rate", "500", "--for", "1s", "--connections", "5", "--engine", engine]);
        let messages = &report["messages"];
        assert_eq!(report["connections"]["opened"], 5, "{report}");
        assert_eq!((&messages["sent"], &messages["lost"]), (&500.into(), &0.into()), "{report}");
        assert_eq!(messages["received"], messages["sent"]);
        assert_eq!(report["times"]["round_trip"]["count"], 500);
        assert_eq!(report["closes"]["1000"], 5);
    }
}

#[test]
fn stages_sizes_compression_and_threads_go_together() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let report = report(&[
        &url,
        "--stage",
        "500ms:400",
        "--stage",
        "500ms:400",
        "--size",
        "16..1024",
        "--json-content",
        "--compress",
        "--threads",
        "2",
        "--connections",
        "4",
    ]);
    assert_eq!(
        (&report["messages"]["received"], &report["messages"]["unexpected"]),
        (&300.into(), &0.into())
    );
    assert_eq!(report["generator"]["threads"], 2);
}

#[test]
fn publications_reach_plain_subscribers_and_clients_of_the_hub() {
    let server = serve(&["--insecure"]);
    let [plain, hub] = ["channel/demo:load-{number}", "connection/websocket"]
        .map(|path| format!("127.0.0.1:{}/{path}", server.port));
    let shape = ["--rate", "20", "--for", "1s", "--connections", "6", "--channels", "2"];
    for args in [
        [&[plain.as_str(), "--workload", "fan-out"], &shape[..]].concat(),
        [&[hub.as_str(), "--channel", "demo:hub-{number}"], &shape[..]].concat(),
    ] {
        let report = report(&args);
        let messages = &report["messages"];
        // Each of 20 publications has three subscribers.
        assert_eq!((&messages["sent"], &messages["received"]), (&20.into(), &60.into()), "{report}");
        assert_eq!(
            (&messages["lost"], &messages["repeated"], &messages["unexpected"]),
            (&0.into(), &0.into(), &0.into())
        );
        assert_eq!(report["times"]["fan_out"]["count"], 60);
    }
}

#[test]
fn storms_and_idle_crowds_open_connections() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let storm =
        report(&[&url, "--workload", "storm", "--rate", "50", "--for", "1s", "--source", "127.0.0.0/8"]);
    assert_eq!(
        (&storm["connections"]["opened"], &storm["errors"]),
        (&50.into(), &serde_json::json!({})),
        "{storm}"
    );
    assert!(storm["times"]["opening"]["p99"].as_f64().unwrap() > 0.0);
    let idle = report(&[&url, "--workload", "idle", "--connections", "20", "--for", "500ms"]);
    assert_eq!(idle["connections"]["open_at_end"], 20, "{idle}");
}

#[test]
fn lines_of_a_file_are_sent_in_turn() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first\r\nsecond\n\nthird").unwrap();
    let report = report(&[
        &url,
        "--messages",
        file.path().to_str().unwrap(),
        "--rate",
        "30",
        "--for",
        "1s",
        "-c",
        "1",
    ]);
    assert_eq!(report["messages"]["received"], 30);
    // Ten times 5 + 6 + 5 bytes.
    assert_eq!(report["messages"]["sent_bytes"], 160);
}

#[test]
fn a_server_with_tls_is_loaded_and_its_certificate_checked() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let [cert, key] = [&cert, &key].map(|path| path.to_str().unwrap());
    let server = serve(&["--tls-cert", cert, "--tls-key", key]);
    let url = format!("wss://localhost:{}/echo", server.port);
    let shape = ["--rate", "100", "--for", "1s", "--connections", "4"];
    for engine in ["auto", "readiness"] {
        let report = report(&[&[&url, "--ca", cert, "--engine", engine], &shape[..]].concat());
        assert_eq!(
            (&report["messages"]["received"], &report["times"]["tls"]["count"]),
            (&100.into(), &4.into())
        );
    }
    let distrusted = load(&[&[url.as_str()], &shape[..]].concat());
    let printed = text(&distrusted.stdout);
    assert_eq!(distrusted.status.code(), Some(1), "{printed}");
    assert!(printed.contains("4 × tls: invalid peer certificate"), "{printed}");
}
