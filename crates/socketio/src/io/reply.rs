//! What handlers return.

use std::error::Error;
use std::fmt::Display;

use bytes::Bytes;
use serde::Serialize;

use super::incoming::Ack;
use crate::protocol::{Arguments, ToArguments};

/// The result of a handler in which `?` works on errors of any type.
///
/// ```
/// use longwire_socketio::{Data, HandlerResult, Socket};
///
/// async fn double(_socket: Socket, Data(number): Data<String>) -> HandlerResult<i64> {
///     Ok(number.parse::<i64>()? * 2)
/// }
/// ```
///
/// In a closure, name the type of its end: `HandlerResult::Ok(())`.
pub type HandlerResult<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// What a handler returns. If the client waits for an acknowledgement, this is it: `()` acknowledges without arguments, a tuple
/// is several arguments, and a [`Reply`] is any value that serde can serialize. An `Err` is logged, and the client gets no
/// answer, because errors of the server are none of its business.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "what a handler returns is the acknowledgement of the event",
    note = "wrap a type of your own: `Reply(value)`, with `#[derive(serde::Serialize)]` on the type",
    note = "a handler that answers nothing returns `()`, or `HandlerResult` if `?` is to work in it"
)]
pub trait IntoReply {
    #[doc(hidden)]
    fn answer(self, ack: Ack) -> Result<(), String>;
}

/// Any value as the acknowledgement of an event: `Reply(value)`.
///
/// ```
/// use longwire_socketio::{Reply, Socket};
///
/// #[derive(serde::Serialize)]
/// struct Status {
///     users: usize,
/// }
///
/// fn handle(socket: &Socket) {
///     // socket.emit("status", (status) => console.log(status.users))
///     socket.on("status", |socket, ()| async move { Reply(Status { users: socket.broadcast().fetch_sockets().len() }) });
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<T>(pub T);

impl<T: ToArguments> IntoReply for Reply<T> {
    fn answer(self, ack: Ack) -> Result<(), String> {
        ack.send(self.0).map_err(|error| error.to_string())
    }
}

impl<T: IntoReply, E: Display> IntoReply for Result<T, E> {
    fn answer(self, ack: Ack) -> Result<(), String> {
        match self {
            Ok(value) => value.answer(ack),
            Err(error) => Err(error.to_string()),
        }
    }
}

macro_rules! replies {
    ($([$($generic:ident),*] $type:ty;)*) => {
        $(impl<$($generic: Serialize),*> IntoReply for $type {
            fn answer(self, ack: Ack) -> Result<(), String> {
                Reply(self).answer(ack)
            }
        })*
    };
}

replies! {
    [] ();
    [] bool;
    [] i8;
    [] i16;
    [] i32;
    [] i64;
    [] u8;
    [] u16;
    [] u32;
    [] u64;
    [] usize;
    [] f32;
    [] f64;
    [] char;
    [] &str;
    [] String;
    [] Bytes;
    [] serde_json::Value;
    [] Arguments;
    [T] Option<T>;
    [T] Vec<T>;
    [A] (A,);
    [A, B] (A, B);
    [A, B, C] (A, B, C);
    [A, B, C, D] (A, B, C, D);
}
