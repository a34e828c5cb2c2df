//! Events that the client acknowledges.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::member::{Delivery, Member};
use super::socket::Socket;
use crate::protocol::{ArgumentError, Draft, EncodeError, ToArguments, event};

/// An event that is sent when this is awaited; the result is the client's answer. Made by [`Socket::emit_with_ack`].
#[must_use = "the event is sent when this is awaited"]
pub struct EmitWithAck<T> {
    socket: Socket,
    event: Result<Draft, EncodeError>,
    time: Duration,
    answer: PhantomData<fn() -> T>,
}

impl Socket {
    /// Sends an event, and returns the client's answer. The type of the answer follows the rules of [`Data`](crate::Data): a
    /// tuple takes several arguments, `()` takes none.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use longwire_socketio::{AckError, Socket};
    ///
    /// async fn ask(socket: Socket) -> Result<(), AckError> {
    ///     let name: String = socket.emit_with_ack("name?", ()).await?;
    ///     let age = socket.emit_with_ack::<u32>("age?", &name).timeout(Duration::from_secs(60)).await?;
    ///     println!("{name} is {age}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Without an answer, it ends after [`SocketIoConfig::ack_timeout`](crate::SocketIoConfig::ack_timeout), or
    /// [`timeout`](EmitWithAck::timeout), with [`AckError::Timeout`].
    pub fn emit_with_ack<T: DeserializeOwned>(&self, name: &str, data: impl ToArguments) -> EmitWithAck<T> {
        EmitWithAck {
            socket: self.clone(),
            event: event(self.namespace_name(), name, data),
            time: self.client().config.ack_timeout,
            answer: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> EmitWithAck<T> {
    /// How long the client may take to answer.
    pub fn timeout(mut self, time: Duration) -> EmitWithAck<T> {
        self.time = time;
        self
    }

    async fn run(self) -> Result<T, AckError> {
        let EmitWithAck { socket, event, time, .. } = self;
        let event = event.map_err(AckError::Encode)?;
        if !socket.is_connected() {
            return Err(AckError::Disconnected);
        }
        let limit = socket.client().config.waiting_acks;
        let id = socket.members().next_ack();
        let answer = socket.acks().expect(id, limit).ok_or(AckError::TooMany)?;
        let expected = Expected { socket: &socket, id };
        let event = event.expecting_ack(id);
        socket.deliver(&event.finish(None), Delivery::Reliable);
        socket.tell_if_listens(&event);
        if !socket.is_connected() {
            // The answers were cleared before this one was expected.
            return Err(AckError::Disconnected);
        }
        let answer = tokio::time::timeout(time, answer).await.map_err(|_| AckError::Timeout)?;
        drop(expected);
        answer.map_err(|_| AckError::Disconnected)?.parse().map_err(AckError::Arguments)
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for EmitWithAck<T> {
    type Output = Result<T, AckError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, AckError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for EmitWithAck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitWithAck")
            .field("socket", &self.socket)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Forgets an answer that nobody waits for any more.
struct Expected<'s> {
    socket: &'s Socket,
    id: u64,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.socket.acks().forget(self.id);
    }
}

/// Why there is no answer of a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum AckError {
    /// The client has not answered in time.
    Timeout,
    /// The client is not connected, or has left before it answered.
    Disconnected,
    /// [`SocketIoConfig::waiting_acks`](crate::SocketIoConfig::waiting_acks) answers of this client are awaited already.
    TooMany,
    /// The event's name is reserved, or its data cannot be JSON.
    Encode(EncodeError),
    /// The client answered something else.
    Arguments(ArgumentError),
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AckError::Timeout => f.write_str("the client has not acknowledged the event in time"),
            AckError::Disconnected => f.write_str("the client is disconnected"),
            AckError::TooMany => f.write_str("too many acknowledgements of this client are awaited"),
            AckError::Encode(error) => error.fmt(f),
            AckError::Arguments(error) => write!(f, "the client's acknowledgement has {error}"),
        }
    }
}

impl std::error::Error for AckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AckError::Timeout | AckError::Disconnected | AckError::TooMany => None,
            AckError::Encode(error) => Some(error),
            AckError::Arguments(error) => Some(error),
        }
    }
}
