//! HTTP proxies: a tunnel with CONNECT (RFC 9110 §9.3.6), also for `ws://` (RFC 6455 §4.1).

use longwire_proto::Limits;
use tokio::io::AsyncWriteExt;

use super::server::ProxyServer;
use crate::client::destination::Destination;
use crate::client::response::{Answer, NoAnswer, read_answer, refusal};
use crate::error::{Error, ProxyError, Result};
use crate::transport::Transport;

/// Asks the proxy at the other end of `transport` to connect to `to`.
pub(super) async fn ask(
    transport: &mut Transport,
    proxy: &ProxyServer,
    to: &Destination,
    limits: &Limits,
) -> Result<Answer> {
    let request = request(proxy, to);
    let write = async {
        transport.write_all(&request).await?;
        transport.flush().await
    };
    write.await.map_err(|error| Error::io(format!("send CONNECT to the proxy {proxy}"), error))?;

    read_answer(transport, limits).await.map_err(|error| match error {
        NoAnswer::Io(error) => Error::io(format!("read the response of the proxy {proxy}"), error),
        NoAnswer::Head(error) => invalid_response(proxy, error.to_string()).into(),
        NoAnswer::NotHttp(said) => invalid_response(proxy, format!("it is not HTTP: {said}")).into(),
        NoAnswer::Ended => ProxyError::Ended { proxy: proxy.to_string() }.into(),
    })
}

/// Checks that the response confirms the connection.
pub(super) async fn judge(
    transport: &mut Transport,
    answer: Answer,
    proxy: &ProxyServer,
    to: &Destination,
) -> Result<()> {
    if !answer.response.status().is_success() {
        let response = Box::new(refusal(transport, answer).await);
        return Err(ProxyError::Refused { proxy: proxy.to_string(), to: to.to_string(), response }.into());
    }
    // In TLS and in HTTP the client speaks first, so these bytes cannot come from the server.
    if !answer.behind.is_empty() {
        return Err(invalid_response(proxy, "it sent data after its response".into()).into());
    }
    Ok(())
}

fn invalid_response(proxy: &ProxyServer, reason: String) -> ProxyError {
    ProxyError::Answer { proxy: proxy.to_string(), reason }
}

/// The request contains none of the application's headers: they are for the server.
fn request(proxy: &ProxyServer, to: &Destination) -> Vec<u8> {
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(credentials) = &proxy.credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.basic().as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}
