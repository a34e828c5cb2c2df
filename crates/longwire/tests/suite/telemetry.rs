//! The metrics at each limit, and on the way to it.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use longwire::{
    Client, Engine, Error, Keepalive, Limits, Message, Reconnect, Refusal, Role, WebSocket, connect,
    telemetry,
};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, Script, TEXT, Told, against_raw, close, config, dialled, echo,
    masked, plain, run_counted, run_paused_counted, serve, settle, upgrade_request,
};

#[test]
fn a_connection_from_its_handshake_to_its_end() {
    run_counted(async |counts| {
        let serving = serve(|server| server.deflate(None), echo).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        let open = [
            "connections_open role=client: 1",
            "connections_open role=server: 1",
            "connections_opened_total role=client: 1",
            "connections_opened_total role=server: 1",
            "handshake_duration_seconds role=client: 1",
            "handshake_duration_seconds role=server: 1",
        ];
        assert_eq!(counts.take(), open);

        for message in ["one", "two"] {
            socket.send(message).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(message.into()));
        }
        assert_eq!(counts.take(), [""; 0], "traffic must be summed up before it is reported");

        socket.close(4000, "bye").await.unwrap();
        // Each end: two messages in 5 bytes (9 if masked), and a Close frame in 7 (13 if masked).
        let expected = [
            "connections_closed_total role=client by=local code=4xxx: 1",
            "connections_closed_total role=server by=peer code=4xxx: 1",
            "connections_open role=client: -1",
            "connections_open role=server: -1",
            "received_bytes_total role=server: 29",
            "received_messages_total role=client: 2",
            "received_messages_total role=server: 2",
            "sent_bytes_total role=client: 29",
            "sent_messages_total role=client: 2",
            "sent_messages_total role=server: 2",
        ];
        let ended = counts.take_with(&expected).await;
        for line in expected {
            assert!(ended.iter().any(|counted| counted == line), "{line} is not in {ended:#?}");
        }
    });
}

#[test]
fn who_is_not_let_in_is_counted_by_the_reason() {
    run_counted(async |counts| {
        let refuse_all = async |_: &longwire::Upgrade<'_>| Err(Refusal::not_found("nothing here"));
        let open = serve(
            |server| server.limits(Limits::default().handshake_bytes(4096).handshake_headers(20)),
            echo,
        )
        .await;
        let closed = serve(|server| server.on_upgrade(refuse_all), echo).await;
        let cases = [
            (&open, "hello\r\n\r\n".to_owned(), "bad_request"),
            (&open, upgrade_request("").replace("Version: 13", "Version: 8"), "bad_request"),
            (&open, upgrade_request(&"X: y\r\n".repeat(20)), "too_large"),
            (&open, upgrade_request(&format!("X: {}\r\n", "y".repeat(4096))), "too_large"),
            (&open, upgrade_request("Origin: https://evil.example\r\n"), "origin"),
            (&open, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(), "not_websocket"),
            (&closed, upgrade_request(""), "application"),
        ];
        for (serving, request, reason) in cases {
            serving.ask(&request).await;
            assert_eq!(counts.take(), [format!("connections_refused_total reason={reason}: 1")], "{request}");
        }
        let mut leaving = open.raw().await;
        leaving.send("GET / HT").await;
        leaving.finish().await;
        leaving.expect_end().await;
        assert_eq!(counts.take(), ["connections_refused_total reason=left: 1"]);
    });
}

#[test]
fn a_proxy_that_does_not_name_its_client_is_counted() {
    run_counted(async |counts| {
        let proxies = longwire::TrustedProxies::new(["127.0.0.1"]).unwrap().proxy_protocol();
        let serving = serve(|server| server.trusted_proxies(proxies), echo).await;
        serving.ask(upgrade_request("")).await;
        assert_eq!(counts.take(), ["connections_refused_total reason=proxy_header: 1"]);
        let mut leaving = serving.raw().await;
        leaving.send("PROXY TCP4").await;
        leaving.finish().await;
        leaving.expect_end().await;
        assert_eq!(counts.take(), ["connections_refused_total reason=left: 1"]);
    });
}

#[test]
fn who_comes_when_the_server_is_full_is_counted() {
    run_counted(async |counts| {
        let full = serve(|server| server.max_connections(1), echo).await;
        let _inside = full.raw_open().await;
        counts.take();
        assert!(full.ask(upgrade_request("")).await.starts_with("HTTP/1.1 503 "));
        assert_eq!(counts.take(), ["connections_refused_total reason=full: 1"]);
        let full_per_ip = serve(|server| server.max_connections_per_ip(1), echo).await;
        let _inside = full_per_ip.raw_open().await;
        counts.take();
        assert!(full_per_ip.ask(upgrade_request("")).await.starts_with("HTTP/1.1 503 "));
        assert_eq!(counts.take(), ["connections_refused_total reason=full_per_ip: 1"]);
    });
}

#[test]
fn who_does_not_ask_in_time_is_counted() {
    run_counted(async |counts| {
        let limits = Limits::default().handshake_time(Duration::from_millis(50));
        let serving = serve(|server| server.limits(limits), echo).await;
        serving.raw().await.expect_end().await;
        assert_eq!(counts.take(), ["connections_refused_total reason=handshake_timeout: 1"]);
    });
}

#[test]
fn a_client_whose_request_is_not_decided_in_time_is_counted() {
    run_counted(async |counts| {
        let limits = Limits::default().handshake_time(Duration::from_millis(200));
        let never = async |_: &longwire::Upgrade<'_>| std::future::pending().await;
        let serving = serve(|server| server.limits(limits).on_upgrade(never), echo).await;
        let mut raw = serving.raw().await;
        raw.send(upgrade_request("")).await;
        raw.rest().await;
        assert_eq!(counts.take(), ["connections_refused_total reason=handshake_timeout: 1"]);
    });
}

#[cfg(feature = "tls")]
#[test]
fn who_cannot_speak_tls_is_counted() {
    run_counted(async |counts| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = longwire::Tls::pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
        let serving = serve(|server| server.tls(tls), echo).await;
        let mut plain = serving.raw().await;
        plain.send(upgrade_request("")).await;
        plain.rest().await;
        assert_eq!(counts.take(), ["connections_refused_total reason=tls: 1"]);
    });
}

#[test]
fn what_a_peer_does_wrong_is_counted_by_its_kind() {
    run_paused_counted(async |counts| {
        let limits = Limits::default().message(100).fragments(3);
        let fragments = [masked(0x01, "a"), masked(0x00, ""), masked(0x00, ""), masked(0x00, "")].concat();
        let cases: [(Vec<u8>, u16, &str); 6] = [
            (plain(TEXT, "not masked"), 1002, "not_masked"),
            (masked(TEXT | 0x40, "x"), 1002, "reserved_bit"),
            (masked(CLOSE, close(1005, "")), 1002, "close_code"),
            (masked(TEXT, b"\xff"), 1007, "text_not_utf8"),
            (masked(BINARY, [0; 101]), 1009, "message_too_big"),
            (fragments, 1008, "too_many_fragments"),
        ];
        for (wrong, code, kind) in cases {
            let (mut socket, mut raw) = against_raw(Role::Server, ROOMY, limits.clone());
            raw.send(wrong).await;
            assert!(matches!(socket.recv().await, Err(Error::Protocol(_))));
            drop(raw);
            settle().await;
            let counted = counts.take();
            for line in [
                format!("protocol_failures_total role=server kind={kind}: 1"),
                format!("connections_closed_total role=server by=local code={code}: 1"),
            ] {
                assert!(counted.contains(&line), "{line} is not in {counted:#?}");
            }
        }
    });
}

#[test]
fn a_connection_that_is_shed_is_counted_once() {
    run_counted(async |counts| {
        let serving = serve(|server| server.max_buffered(1000), echo).await;
        let mut raw = serving.raw_open().await;
        raw.send(&masked(BINARY, [0; 5000])[..4000]).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1013, "this end is short of memory")));
        raw.send(masked(BINARY, [0; 5000])).await;
        drop(raw);
        let code = "connections_closed_total role=server by=local code=1013: 1";
        let counted = counts.take_with(&[code]).await;
        assert!(counted.contains(&"connections_shed_total role=server: 1".to_owned()), "{counted:#?}");
        assert!(counted.iter().any(|line| line == code), "{counted:#?}");
        assert!(!counted.iter().any(|line| line.starts_with("protocol_failures")), "{counted:#?}");
    });
}

#[test]
fn a_peer_that_is_gone_without_a_word_is_counted_as_lost() {
    run_paused_counted(async |counts| {
        let second = Duration::from_secs(1);
        let limits = Limits::default().keepalive(Keepalive::every(10 * second).within(5 * second));
        let (mut socket, _silent) = keeping_time(limits);
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(counts.take_of("timeouts"), ["timeouts_total role=server time=keepalive: 1"]);
    });
}

#[test]
fn an_idle_connection_is_counted_and_so_is_its_peer_that_does_not_close() {
    run_paused_counted(async |counts| {
        let limits = Limits::default().keepalive(None).idle_time(Duration::from_secs(60));
        let (mut socket, _silent) = keeping_time(limits);
        assert_eq!(socket.recv().await.unwrap(), None);
        let timeouts =
            ["timeouts_total role=server time=close: 1", "timeouts_total role=server time=idle: 1"];
        assert_eq!(counts.take_of("timeouts"), timeouts);
    });
}

/// A server's end with running timers, and the transport of a silent client.
fn keeping_time(limits: Limits) -> (WebSocket, tokio::io::DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let config = std::sync::Arc::new(longwire::Config::new(limits));
    (WebSocket::over(ours, Role::Server, config, Vec::new()), theirs)
}

#[test]
fn what_moves_is_added_whenever_the_timer_fires() {
    run_paused_counted(async |counts| {
        let limits = Limits::default().keepalive(Keepalive::every(Duration::from_secs(30)));
        let (mut socket, mut peer) = keeping_time(limits);
        peer.write_all(&masked(TEXT, "hello")).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        counts.take();
        tokio::time::sleep(Duration::from_secs(31)).await;
        let counted = ["received_bytes_total role=server: 11", "received_messages_total role=server: 1"];
        assert_eq!(counts.take_of("received"), counted);
    });
}

#[test]
fn senders_that_have_to_wait_are_counted_once_per_jam() {
    run_paused_counted(async |counts| {
        let (socket, mut raw) = against_raw(Role::Server, 4, Limits::default().low_water(0).high_water(1000));
        let (sender, _receiver) = socket.split();
        counts.take();
        sender.send(vec![0; 2000]).await.unwrap();
        for _ in 0..3 {
            assert!(sender.try_send("no room").is_err());
        }
        assert_eq!(counts.take(), ["backpressure_total role=server: 1"]);
        raw.frame().await;
        settle().await;
        sender.send(vec![0; 2000]).await.unwrap();
        assert!(sender.try_send("no room").is_err());
        assert_eq!(counts.take(), ["backpressure_total role=server: 1"]);
    });
}

#[test]
fn pings_that_are_not_answered_at_once_are_counted() {
    run_paused_counted(async |counts| {
        let limits = Limits::default().control_replies(0);
        let (mut socket, mut raw) = against_raw(Role::Server, 4, limits);
        socket.feed("in the way").await.unwrap();
        let pings = ["1", "2", "3"].map(|payload| masked(PING, payload)).concat();
        let (received, ()) = tokio::join!(socket.recv(), raw.send([pings, masked(TEXT, "on")].concat()));
        assert_eq!(received.unwrap(), Some(Message::from("on")));
        assert_eq!(raw.frame().await.payload, b"in the way");
        assert_eq!(raw.frame().await, Frame::new(PONG, "3"));
        drop((socket, raw));
        settle().await;
        assert_eq!(counts.take_of("pings"), ["pings_put_off_total role=server: 3"]);
    });
}

#[test]
fn what_all_connections_hold_is_shown_and_taken_back_at_the_end() {
    run_counted(async |counts| {
        let mut serving = serve(|server| server, echo).await;
        let mut raw = serving.raw_open().await;
        raw.send(&masked(BINARY, vec![0; 200_000])[..150_000]).await;
        let shown = loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let [line] = &counts.take_of("held_bytes")[..] {
                break line.clone();
            }
        };
        let (_, held) = shown.split_once(": ").unwrap();
        assert!(held.parse::<f64>().unwrap() > 0.0, "{shown}");
        drop(raw);
        serving.stop();
        serving.returned().await;
        assert_eq!(counts.take_of("held_bytes").len(), 1, "the gauge must be reset");
    });
}

#[test]
fn a_connection_over_any_transport_counts_too() {
    run_paused_counted(async |counts| {
        let (ours, theirs) = tokio::io::duplex(ROOMY);
        let mut socket = WebSocket::over(ours, Role::Client, config(Limits::default()), Vec::new());
        drop(theirs);
        assert_eq!(socket.recv().await.unwrap(), None);
        let closed = ["connections_closed_total role=client by=nobody code=1006: 1"];
        assert_eq!(counts.take_of("connections_closed"), closed);
    });
}

#[test]
fn what_comes_of_a_connection_that_breaks_is_counted() {
    run_paused_counted(async |counts| {
        let (client, mut server) = dialled(ROOMY, Limits::default());
        let received = receive_until_the_end(&client, Reconnect::default());
        drop(server.open().await);
        server.hang_up().await;
        let raw = server.open().await;
        settle().await;
        let again = ["reconnections_opened_total: 1", "reconnections_tried_total: 2"];
        assert_eq!(counts.take_of("reconnections"), again, "the first connection is not a reconnection");

        drop(raw);
        server.refuse("401 Who", "").await;
        assert!(matches!(received.await.unwrap(), Err(Error::GaveUp(_))));
        let given_up = ["reconnections_given_up_total reason=final: 1", "reconnections_tried_total: 1"];
        assert_eq!(counts.take_of("reconnections"), given_up);
    });
}

#[test]
fn the_last_of_all_tries_is_counted_as_given_up_and_a_wanted_end_is_not() {
    run_paused_counted(async |counts| {
        let (client, mut server) = dialled(ROOMY, Limits::default());
        let received = receive_until_the_end(&client, Reconnect::default().tries(2));
        server.hang_up().await;
        server.hang_up().await;
        assert!(matches!(received.await.unwrap(), Err(Error::GaveUp(_))));
        let given_up = ["reconnections_given_up_total reason=tries: 1", "reconnections_tried_total: 1"];
        assert_eq!(counts.take_of("reconnections"), given_up);

        let received = receive_until_the_end(&client, Reconnect::default());
        server.open().await.send(plain(CLOSE, close(1000, ""))).await;
        assert!(matches!(received.await.unwrap(), Ok(None)));
        assert_eq!(counts.take_of("reconnections"), [""; 0]);
    });
}

/// What the first `recv` of a reconnecting client returns.
fn receive_until_the_end(
    client: &Client,
    policy: Reconnect,
) -> JoinHandle<longwire::Result<Option<Message>>> {
    let mut socket = client.clone().reconnecting(policy).connect("ws://a.example/").unwrap();
    tokio::spawn(async move { socket.recv().await })
}

/// Event loops count on their own threads. The publisher counts messages that a loop is too far behind to accept.
#[test]
fn messages_of_topics_that_a_loop_cannot_take_are_counted_for_each_subscriber() {
    run_counted(async |counts| {
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let mut server = Script::new()
            .on_open(|socket| socket.subscribe("flood"))
            .on_message(move |_, _| may_go_on.lock().unwrap().recv().unwrap())
            .run(Engine::Readiness, |server| server)
            .await;
        let mut waiting = server.open("/").await;
        let _other = server.open("/").await;
        waiting.send(masked(TEXT, "wait")).await;
        server.expect_sometime(Told::message("wait")).await;
        let megabyte = Bytes::from(vec![0; 1 << 20]);
        let missed: usize = (0..80).map(|_| 2 - server.topics.publish("flood", megabyte.clone())).sum();
        assert!(missed > 0);
        let counted = format!("topic_messages_dropped_total policy=backlog: {missed}");
        assert_eq!(counts.take_of("topic_messages"), [counted]);
        go_on.send(()).unwrap();
    });
}

/// Every metric name in the documentation exists.
#[test]
fn the_documented_names_exist() {
    let names = [
        telemetry::CONNECTIONS_OPENED,
        telemetry::CONNECTIONS_REFUSED,
        telemetry::CONNECTIONS_CLOSED,
        telemetry::PROTOCOL_FAILURES,
        telemetry::CONNECTIONS_SHED,
        telemetry::SLOW_SUBSCRIBERS,
        telemetry::TOPIC_MESSAGES_DROPPED,
        telemetry::TIMEOUTS,
        telemetry::BACKPRESSURE,
        telemetry::PINGS_PUT_OFF,
        telemetry::ACCEPT_ERRORS,
        telemetry::CONNECTIONS,
        telemetry::RECONNECTIONS_TRIED,
        telemetry::RECONNECTIONS_OPENED,
        telemetry::RECONNECTIONS_GIVEN_UP,
    ];
    let bounds = include_str!("../../docs/bounds.md");
    for name in names {
        assert!(bounds.contains(name), "{name} is not documented");
    }
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
    let documented =
        bounds.split(|character| !is_name(character)).filter(|word| word.starts_with("longwire_"));
    for name in documented {
        assert!(names.contains(&name), "{name} does not exist");
    }
}
