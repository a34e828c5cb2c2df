//! The opening handshake of a client over a transport.

use http::{HeaderMap, StatusCode};
use longwire_proto::Limits;
use longwire_proto::handshake::{Agreed, ClientHandshake, encode_request};
use tokio::io::AsyncWriteExt;

use super::destination::Destination;
use super::response::{Answer, NoAnswer, read_answer, refusal};
use crate::error::{Error, HandshakeError, Result};
use crate::transport::Transport;

/// What a handshake that succeeded gives.
pub(super) struct Opened {
    pub(super) agreed: Agreed,
    pub(super) headers: HeaderMap,
    /// What came behind the response: the server's first frames.
    pub(super) read_ahead: Vec<u8>,
}

pub(super) async fn shake_hands(
    transport: &mut Transport,
    handshake: &ClientHandshake,
    limits: &Limits,
    to: &Destination,
) -> Result<Opened> {
    let request = encode_request(&handshake.request());
    let write = async {
        transport.write_all(&request).await?;
        transport.flush().await
    };
    write.await.map_err(|error| Error::io(format!("send the opening handshake to {to}"), error))?;

    let answer = read_answer(transport, limits).await.map_err(|error| match error {
        NoAnswer::Io(error) => Error::io(format!("read the answer of {to} to the opening handshake"), error),
        NoAnswer::Head(error) => HandshakeError::Head(error).into(),
        NoAnswer::Ended => HandshakeError::Ended.into(),
    })?;
    if answer.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Refused(Box::new(refusal(transport, answer).await)));
    }
    let Answer { response, behind } = answer;
    let agreed = handshake.verify(&response).map_err(HandshakeError::Response)?;
    Ok(Opened { agreed, headers: response.into_parts().0.headers, read_ahead: behind.into() })
}
