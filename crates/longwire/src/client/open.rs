//! The client's opening handshake over a transport.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Request};
use longwire_proto::handshake::{Agreed, ClientHandshake, ResponseError, encode_request};
use longwire_proto::{Config, Limits, Role};
use tokio::io::AsyncWriteExt;

use super::address::Address;
use super::destination::Destination;
use super::dialer::Reached;
use super::response::{Answer, NoAnswer, read_answer, refusal};
use super::step::{ConnectStep, Steps};
use super::timeouts::within;
use crate::error::{Error, HandshakeError, Result};
use crate::established::{Established, Negotiated, extensions_header};
use crate::shared::driver::DrivenBy;
use crate::telemetry;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// The results of a successful handshake.
struct Opened {
    agreed: Agreed,
    headers: HeaderMap,
    /// The bytes that followed the response: the server's first frames.
    read_ahead: Vec<u8>,
}

/// Opens a WebSocket with `handshake`, within `time`.
pub(super) async fn open(
    reached: Reached,
    address: &Address,
    handshake: &ClientHandshake,
    config: &Config,
    time: Duration,
    steps: &Steps,
) -> Result<WebSocket> {
    let Reached { mut transport, peer_addr } = reached;
    let begun = Instant::now();
    let doing = || format!("open a WebSocket at {address}");
    let request = handshake.request();
    steps.report(&ConnectStep::Request(&request));
    let asking = ask(&mut transport, &request, &config.limits, address.destination());
    let answer = within(time, doing, asking).await?;
    steps.report(&ConnectStep::Response(&answer.response));
    let opened = judge(&mut transport, handshake, answer).await?;
    telemetry::shook_hands(Role::Client, begun);
    // Only this extension is offered, and the response can only accept what was offered.
    let agreement = match (&config.deflate, opened.agreed.extensions.first()) {
        (Some(deflate), Some(answer)) => Some(deflate.confirm(answer).map_err(HandshakeError::Deflate)?),
        _ => None,
    };
    let negotiated = Negotiated {
        uri: address.uri(),
        subprotocol: opened.agreed.subprotocol,
        agreed: extensions_header(&opened.headers),
        peer_addr,
        response_headers: Some(Box::new(opened.headers)),
        attached: http::Extensions::new(),
    };
    tracing::debug!(subprotocol = negotiated.subprotocol.as_deref(), "open");
    let established = Established::new(Role::Client, Arc::new(config.clone()))
        .deflate(agreement)
        .read_ahead(opened.read_ahead)
        .negotiated(negotiated);
    Ok(WebSocket::begin(transport, established, DrivenBy::Itself))
}

/// Sends the request and waits for the head of the response.
async fn ask(
    transport: &mut Transport,
    request: &Request<()>,
    limits: &Limits,
    to: &Destination,
) -> Result<Answer> {
    let request = encode_request(request);
    let write = async {
        transport.write_all(&request).await?;
        transport.flush().await
    };
    write.await.map_err(|error| Error::io(format!("send the opening handshake to {to}"), error))?;

    read_answer(transport, limits).await.map_err(|error| match error {
        NoAnswer::Io(error) => {
            Error::io(format!("read the response of {to} to the opening handshake"), error)
        }
        NoAnswer::Head(error) => HandshakeError::Head(error).into(),
        NoAnswer::NotHttp(said) => HandshakeError::NotHttp(said).into(),
        NoAnswer::Ended => HandshakeError::Ended.into(),
    })
}

/// Verifies the response. The body of a refusal has a separate timeout: a late body must not hide the refusal.
async fn judge(transport: &mut Transport, handshake: &ClientHandshake, answer: Answer) -> Result<Opened> {
    let agreed = match handshake.verify(&answer.response) {
        Ok(agreed) => agreed,
        Err(ResponseError::Status(_)) => {
            return Err(Error::Refused(Box::new(refusal(transport, answer).await)));
        }
        Err(error) => return Err(HandshakeError::Response(error).into()),
    };
    let Answer { response, behind } = answer;
    Ok(Opened { agreed, headers: response.into_parts().0.headers, read_ahead: behind.into() })
}
