//! Every setting has an effect, or is an error at once.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use longwire::{
    Accept, Client, ClientTls, Destination, Error, EventSocket, Keepalive, Limits, Proxy, Reconnect, Roots,
    Timeouts,
};
use tokio::io::{DuplexStream, duplex};

use crate::support::{Peer, run, serve};

/// The error for the settings of `client`, which it reports before connecting.
async fn wrong(client: &Client) -> String {
    match client.connect("ws://a.invalid/").await {
        Err(error @ Error::Setting(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_is_text_and_one_that_cannot_be_sent_is_an_error_of_connect() {
    run(async {
        let serving = serve(
            |server| {
                server.on_upgrade(async |request| {
                    Ok(Accept::new().attach(request.header("x-api-key").map(str::to_owned)))
                })
            },
            async |mut socket: longwire::WebSocket| {
                let key = socket.attached::<Option<String>>().cloned().flatten().ok_or("no key")?;
                Ok(socket.send(key).await?)
            },
        )
        .await;
        let client = Client::new().header("x-api-key", "1234");
        let mut socket = client.connect(serving.url("/")).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("1234".into()));

        assert_eq!(
            wrong(&client.clone().header("x api key", "1234")).await,
            r#"`Client::header` cannot be "x api key": it can be a name of letters, digits and hyphens"#
        );
        let secret = client.clone().header("x-api-key", String::from("secret\r\nx-more: 1"));
        let said = wrong(&secret).await;
        assert!(said.contains(r#""x-api-key" with this value"#) && !said.contains("secret"), "{said}");
        assert!(matches!(
            secret.clone().reconnecting(Reconnect::default()).connect("ws://a.invalid/"),
            Err(Error::Setting(_))
        ));
        assert!(matches!(
            EventSocket::from_client(&secret, "ws://a.invalid/", &[], |_| {}),
            Err(Error::Setting(_))
        ));
    });
}

async fn nowhere(_to: Destination) -> io::Result<DuplexStream> {
    Err(io::ErrorKind::NotFound.into())
}

async fn nobody(_name: Destination) -> io::Result<Vec<SocketAddr>> {
    Ok(Vec::new())
}

/// The proxy was once silently ignored, so a user who relied on it was exposed.
#[test]
fn a_proxy_or_resolver_where_none_is_used_is_an_error() {
    run(async {
        let proxied = Client::new().proxy(Proxy::new("http://127.0.0.1:1").unwrap());
        let resolved = Client::new().resolver(nobody);
        let said = wrong(&proxied.clone().connector(nowhere)).await;
        assert_eq!(
            said,
            "`Client::proxy` cannot be set beside `Client::connector`: it can be left out, since no proxy is used there"
        );
        assert!(
            wrong(&resolved.clone().connector(nowhere)).await.starts_with("`Client::resolver` cannot be set")
        );
        #[cfg(unix)]
        {
            let said = wrong(&proxied.clone().unix_socket("/nowhere")).await;
            assert!(said.contains("`Client::unix_socket`"), "{said}");
            wrong(&resolved.clone().unix_socket("/nowhere")).await;
        }
        // A proxy from the environment is ignored there, and asking for none is not a contradiction.
        let direct = Client::new().proxy(None).connector(nowhere);
        assert!(matches!(direct.connect("ws://a.invalid/").await, Err(Error::Io { .. })));
    });
}

#[test]
fn what_connects_or_encrypts_is_an_error_where_the_transport_is_there_already() {
    run(async {
        for (client, setting) in [
            (Client::new().proxy(Proxy::new("http://127.0.0.1:1").unwrap()), "Client::proxy"),
            (Client::new().resolver(nobody), "Client::resolver"),
            (Client::new().connector(nowhere), "Client::connector"),
            #[cfg(unix)]
            (Client::new().unix_socket("/nowhere"), "Client::unix_socket"),
            #[cfg(feature = "tls")]
            (Client::new().tls(ClientTls::new(Roots::Bundled)), "Client::tls"),
        ] {
            let (transport, _peer) = duplex(64);
            let error = client.connect_over(transport, "wss://a.invalid/").await.unwrap_err();
            let Error::Setting(invalid) = error else { panic!("{error:?}") };
            assert_eq!(invalid.setting, setting);
        }
    });
}

/// `limits` once undid `keepalive`, and `timeouts` undid `connect_time`.
#[test]
fn what_is_set_by_itself_comes_before_what_is_set_together_in_either_order() {
    const SECOND: Duration = Duration::from_secs(1);
    let often = || Keepalive::every(SECOND).within(SECOND);
    let limits = || Limits::default().message(7);
    let times = || Timeouts::default().tls(SECOND);
    let shown = |client: Client| format!("{client:?}");
    assert_eq!(
        shown(Client::new().keepalive(often()).limits(limits())),
        shown(Client::new().limits(limits()).keepalive(often()))
    );
    assert_eq!(
        shown(Client::new().connect_time(SECOND).timeouts(times())),
        shown(Client::new().timeouts(times()).connect_time(SECOND))
    );
    run(async move {
        // The peer does not answer the ping: without the keepalive, this would hang.
        let peer = Peer::listen().await;
        let client = Client::new().keepalive(often()).limits(limits());
        let url = peer.url();
        let (_silent, socket) = tokio::join!(peer.open(), client.connect(url));
        let mut socket = socket.unwrap();
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(socket.closed().code, 1006);
    });
}
