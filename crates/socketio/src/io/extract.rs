//! What handlers take.

use serde::de::DeserializeOwned;

use super::incoming::{Ack, Incoming};
use crate::protocol::{ArgumentError, Arguments};

/// What a handler takes beside the socket: [`Data`], [`Arguments`], [`Ack`], [`EventName`], `()`, or a tuple of them.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "the second parameter of a handler says what it takes of the event",
    note = "typed arguments are `Data<T>`: `|socket, Data(text): Data<String>| async move {{ … }}`",
    note = "several arguments are `Data<(A, B)>`; with an acknowledgement: `(Data(text), ack): (Data<String>, Ack)`",
    note = "a handler without arguments takes `()`: `|socket, ()| async move {{ … }}`"
)]
pub trait FromEvent: Sized + Send {
    #[doc(hidden)]
    fn from_event(event: &mut Incoming) -> Result<Self, ArgumentError>;
}

/// The arguments of an event as a value of any type that implements [`serde::Deserialize`]. A tuple takes several arguments, any
/// other type takes the first. Binary arguments are [`Bytes`](bytes::Bytes).
///
/// If the client sends something else, the handler is not called, and the event is logged. A handler that takes
/// `Result<Data<T>, ArgumentError>` decides itself.
///
/// `T` owns its data: `Data<String>`, not `Data<&str>`. An array such as `[f64; 2]` counts as a tuple; as a single
/// argument it is `Data<([f64; 2],)>`.
///
/// ```
/// use bytes::Bytes;
/// use longwire_socketio::{Data, Socket};
///
/// #[derive(serde::Deserialize)]
/// struct Photo {
///     title: String,
///     pixels: Bytes,
/// }
///
/// fn handle(socket: &Socket) {
///     // socket.emit("say", "hello")
///     socket.on("say", |_socket, Data(text): Data<String>| async move { println!("{text}") });
///     // socket.emit("move", 3, 4)
///     socket.on("move", |_socket, Data((x, y)): Data<(i32, i32)>| async move { println!("{x}, {y}") });
///     // socket.emit("photo", { title: "Sunrise", pixels: new Uint8Array(…) })
///     socket.on("photo", |_socket, Data(photo): Data<Photo>| async move {
///         println!("{}: {} bytes", photo.title, photo.pixels.len());
///     });
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<T>(pub T);

impl<T: DeserializeOwned + Send> FromEvent for Data<T> {
    fn from_event(event: &mut Incoming) -> Result<Data<T>, ArgumentError> {
        event.arguments.read().map(Data)
    }
}

impl<A: FromEvent> FromEvent for Result<A, ArgumentError> {
    fn from_event(event: &mut Incoming) -> Result<Self, ArgumentError> {
        Ok(A::from_event(event))
    }
}

impl FromEvent for Arguments {
    fn from_event(event: &mut Incoming) -> Result<Arguments, ArgumentError> {
        Ok(event.arguments.clone())
    }
}

impl FromEvent for Ack {
    fn from_event(event: &mut Incoming) -> Result<Ack, ArgumentError> {
        Ok(event.claim_answer())
    }
}

/// The name of an event, for handlers of several events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName(pub String);

impl FromEvent for EventName {
    fn from_event(event: &mut Incoming) -> Result<EventName, ArgumentError> {
        Ok(EventName(event.name.to_string()))
    }
}

impl FromEvent for () {
    fn from_event(_: &mut Incoming) -> Result<(), ArgumentError> {
        Ok(())
    }
}

impl<A: FromEvent, B: FromEvent> FromEvent for (A, B) {
    fn from_event(event: &mut Incoming) -> Result<(A, B), ArgumentError> {
        Ok((A::from_event(event)?, B::from_event(event)?))
    }
}

impl<A: FromEvent, B: FromEvent, C: FromEvent> FromEvent for (A, B, C) {
    fn from_event(event: &mut Incoming) -> Result<(A, B, C), ArgumentError> {
        Ok((A::from_event(event)?, B::from_event(event)?, C::from_event(event)?))
    }
}
