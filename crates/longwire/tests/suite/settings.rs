//! Impossible settings are errors, before anything connects or is served.

use std::time::Duration;

use longwire::{
    Accept, Client, Endpoint, Error, Handler, Limits, MessageRef, Reconnect, Refusal, Server, Socket,
    Timeouts, Upgrade,
};
use tokio::io::duplex;

use crate::support::{echo, run};

struct Nothing;

impl Handler for Nothing {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}

/// Impossible limits and times, with the name of the invalid one.
fn impossible() -> Vec<(Limits, &'static str)> {
    vec![
        (Limits::default().low_water(500_000).high_water(1000), "Limits::low_water"),
        (Limits::default().handshake_bytes(16 << 10).handshake_headers(0), "Limits::handshake_headers"),
        (Limits::default().fragments(0), "Limits::fragments"),
        (Limits::default().close_time(Duration::ZERO), "Limits::close_time"),
    ]
}

fn expect_setting<T: std::fmt::Debug>(outcome: longwire::Result<T>, setting: &str) {
    match outcome.unwrap_err() {
        Error::Setting(error) => assert_eq!(error.setting, setting),
        other => panic!("{other:?}"),
    }
}

async fn server(set: impl FnOnce(Server) -> Server) -> Server {
    set(Server::bind("127.0.0.1:0").await.unwrap())
}

#[test]
fn a_server_with_impossible_settings_does_not_serve() {
    run(async {
        for (limits, setting) in impossible() {
            expect_setting(server(|server| server.limits(limits.clone())).await.serve(echo).await, setting);
            let events = server(|server| server.limits(limits)).await;
            expect_setting(events.run(Nothing).await, setting);
        }
        for (set, setting) in [
            (Server::max_connections as fn(Server, usize) -> Server, "Server::max_connections"),
            (Server::max_connections_per_ip, "Server::max_connections_per_ip"),
            (Server::max_buffered, "Server::max_buffered"),
        ] {
            expect_setting(server(|server| set(server, 0)).await.serve(echo).await, setting);
        }
        let networks = server(|server| server.ipv6_prefix(129)).await;
        expect_setting(networks.serve(echo).await, "Server::ipv6_prefix");
        let idle = server(|server| server).await.workers(0);
        expect_setting(idle.run(Nothing).await, "Server::workers");
        let barred = server(|server| server).await.spawned_per_connection(0);
        expect_setting(barred.run(Nothing).await, "Server::spawned_per_connection");
        let restless = server(|server| server).await.every(Duration::ZERO, |_| {});
        expect_setting(restless.run(Nothing).await, "Server::every");
        let restless = server(|server| server).await.tick_every(Duration::ZERO);
        expect_setting(restless.run(Nothing).await, "Server::tick_every");
    });
}

#[test]
fn a_client_with_impossible_settings_does_not_connect() {
    run(async {
        for (limits, setting) in impossible() {
            let client = Client::new().limits(limits);
            expect_setting(client.connect("ws://127.0.0.1:1/").await, setting);
            expect_setting(client.connect_over(duplex(1).0, "ws://127.0.0.1:1/").await, setting);
            expect_setting(client.reconnecting(Reconnect::default()).connect("ws://127.0.0.1:1/"), setting);
        }
        for (timeouts, setting) in [
            (Timeouts::default().lookup(Duration::ZERO), "Timeouts::lookup"),
            (Timeouts::default().connect(Duration::ZERO), "Timeouts::connect"),
            (Timeouts::default().proxy(Duration::ZERO), "Timeouts::proxy"),
            (Timeouts::default().tls(Duration::ZERO), "Timeouts::tls"),
            (Timeouts::default().handshake(Duration::ZERO), "Timeouts::handshake"),
        ] {
            expect_setting(Client::new().timeouts(timeouts).connect("ws://127.0.0.1:1/").await, setting);
        }
        for (policy, setting) in [
            (Reconnect::default().tries(0), "Reconnect::tries"),
            (Reconnect::default().open_time(Duration::ZERO), "Reconnect::open_time"),
            (Reconnect::default().first_wait(Duration::from_secs(31)), "Reconnect::first_wait"),
        ] {
            expect_setting(Client::new().reconnecting(policy).connect("ws://127.0.0.1:1/"), setting);
        }
    });
}

#[test]
fn an_acceptor_with_impossible_limits_opens_nothing() {
    let opens = |limits| {
        let mut request = http::Request::builder()
            .header("host", "a.example")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13")
            .extension(hyper::upgrade::on(http::Request::new(())))
            .body(())
            .unwrap();
        Endpoint::new().limits(limits).upgrade(&mut request).map(drop)
    };
    opens(Limits::default()).unwrap();
    for (limits, _) in impossible() {
        assert_eq!(opens(limits).unwrap_err().status(), http::StatusCode::INTERNAL_SERVER_ERROR);
    }
}
