//! Turns a connection to a proxy into a connection to the server behind it.

use std::net::SocketAddr;
use std::time::Duration;

use longwire_proto::Limits;

use super::http;
#[cfg(any(feature = "tls", feature = "socks"))]
use super::server::ProxyKind;
use super::server::ProxyServer;
#[cfg(feature = "socks")]
use super::socks;
use crate::client::destination::Destination;
#[cfg(feature = "tls")]
use crate::client::secure::{Whom, secure};
use crate::client::timeouts::within;
use crate::error::Result;
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;

/// Asks `proxy`, at the other end of `transport`, to connect to `to` within `time`. `resolved` is the address of `to`,
/// if the proxy takes one.
pub(in crate::client) async fn tunnel(
    mut transport: Transport,
    proxy: &ProxyServer,
    to: &Destination,
    #[cfg_attr(
        not(feature = "socks"),
        expect(unused_variables, reason = "only SOCKS proxies take addresses")
    )]
    resolved: Option<SocketAddr>,
    limits: &Limits,
    time: Duration,
    #[cfg(feature = "tls")] tls: &ClientTls,
) -> Result<Transport> {
    let doing = || format!("have the proxy {proxy} connect to {to}");
    let asking = async {
        #[cfg(feature = "tls")]
        if proxy.kind == ProxyKind::Https {
            transport = secure(transport, &proxy.destination, tls, Whom::Proxy).await?;
        }
        let answer = match proxy.kind {
            #[cfg(feature = "socks")]
            ProxyKind::Socks(_) => {
                socks::tunnel(&mut transport, proxy, to, resolved).await?;
                None
            }
            _ => Some(http::ask(&mut transport, proxy, to, limits).await?),
        };
        Ok((transport, answer))
    };
    let (mut transport, answer) = within(time, doing, asking).await?;
    // The body of a refusal has a separate timeout: a late body must not hide the refusal.
    if let Some(answer) = answer {
        http::judge(&mut transport, answer, proxy, to).await?;
    }
    Ok(transport)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::Proxy;
    use super::*;
    use crate::error::{Error, ProxyError};

    /// The body of the refusal after the proxy answers with `answer` and keeps the connection open.
    async fn refused(answer: &[u8]) -> bytes::Bytes {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let to = Destination::new("a.example", 80);
        let proxy = Proxy::new("p.example").unwrap().server_for(&to).unwrap().clone();
        let answering = async {
            let _request = theirs.read(&mut [0; 1024]).await.unwrap();
            theirs.write_all(answer).await.unwrap();
        };
        let limits = Limits::default();
        #[cfg(feature = "tls")]
        let tls = ClientTls::default();
        let tunnel = tunnel(
            Transport::Other(Box::new(ours)),
            &proxy,
            &to,
            None,
            &limits,
            Duration::from_millis(500),
            #[cfg(feature = "tls")]
            &tls,
        );
        let (outcome, ()) = tokio::join!(tunnel, answering);
        let Err(Error::Proxy(error)) = outcome else { panic!("the proxy connected, or took too long") };
        let ProxyError::Refused { response, .. } = *error else { panic!("{error}") };
        response.0.into_body()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_whose_body_does_not_come_in_time_is_told_all_the_same() {
        assert_eq!(refused(b"HTTP/1.1 407 Who\r\nContent-Length: 100\r\n\r\nlog in").await, "log in");
    }

    /// A response that switches protocols has no body (RFC 9112 §6.3).
    #[tokio::test(start_paused = true)]
    async fn a_switch_of_protocols_is_told_at_once() {
        let begun = tokio::time::Instant::now();
        assert_eq!(refused(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").await, "");
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
