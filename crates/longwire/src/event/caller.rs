//! A handle with which other threads call a connection's handler.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::handler::{Handler, Socket};
use super::mailbox::{Mail, cost_of_call};
use super::remote::Remote;
use super::resumption::Resumption;
use super::scheduling::ResumeCall;
use crate::send_status::SendStatus;

/// Runs closures with a connection's handler and [`Socket`] on its event loop, from any thread; made by
/// [`Socket::caller`]. It is cheap to clone and does not keep the connection open.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use longwire::{Caller, Handler, Socket, SocketId};
///
/// struct Clients<H> {
///     callers: Mutex<HashMap<SocketId, Caller<H>>>,
/// }
///
/// impl<H: Handler> Clients<H> {
///     /// Called by `on_open`; `on_close` removes it.
///     fn add(&self, socket: &mut Socket<'_, H>) {
///         self.callers.lock().unwrap().insert(socket.id(), socket.caller());
///     }
///
///     /// Called by any thread.
///     fn unsubscribe(&self, client: SocketId, topic: String) {
///         let callers = self.callers.lock().unwrap();
///         let Some(caller) = callers.get(&client) else { return };
///         let called = caller.call(move |_handler, socket| {
///             socket.unsubscribe(&topic);
///         });
///         if !called.is_queued() {
///             caller.remote().close(1013, "too many requests").expect("a valid code");
///         }
///     }
/// }
/// ```
pub struct Caller<H> {
    remote: Remote,
    handler: PhantomData<fn(&H)>,
}

impl<H: Handler> Socket<'_, H> {
    /// A handle with which any thread can call the handler for this connection.
    pub fn caller(&mut self) -> Caller<H> {
        Caller { remote: self.remote(), handler: PhantomData }
    }
}

impl<H: Handler> Caller<H> {
    /// Runs `call` on the connection's loop. Never waits. The loop runs calls in their order, and in order with the
    /// publications of [`Topics`](crate::Topics). A call can overtake messages of [`Remote::send`] that wait for room in
    /// the queue.
    ///
    /// [`Queued`](SendStatus::Queued): `call` runs unless the connection ends first. [`Full`](SendStatus::Full): the
    /// waiting calls, together with the messages of [`Remote`] handles, have reached
    /// [`Limits::high_water`](crate::Limits::high_water). Each call counts for the size of `call` plus some hundred bytes;
    /// memory that `call` points to does not count. [`Closed`](SendStatus::Closed): the connection is closing or has
    /// ended. With `Full` and `Closed`, `call` is dropped.
    ///
    /// A call does not wait for room in the connection's queue. While that is full, [`Socket::send`] returns
    /// [`Full`](SendStatus::Full). If the call panics, only this connection is closed, with 1011.
    pub fn call<F>(&self, call: F) -> SendStatus
    where
        F: FnOnce(&H, &mut Socket<'_, H>) + Send + 'static,
    {
        let Remote { id, mailbox, allowance, ceiling } = &self.remote;
        if allowance.is_over() {
            return SendStatus::Closed;
        }
        let cost = cost_of_call(size_of::<F>());
        if !allowance.take(cost, *ceiling) {
            return SendStatus::Full;
        }
        let call: ResumeCall<H> = Box::new(call);
        let (call, allowance) = (Resumption::new(call), Arc::clone(allowance));
        mailbox.put(Mail::Call { to: id.key(), call, cost, allowance });
        SendStatus::Queued
    }

    /// The handle that sends to the connection and closes it.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }
}

impl<H> Clone for Caller<H> {
    fn clone(&self) -> Caller<H> {
        Caller { remote: self.remote.clone(), handler: PhantomData }
    }
}

impl<H> fmt::Debug for Caller<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("id", &self.remote.id())
            .field("is_open", &self.remote.is_open())
            .finish_non_exhaustive()
    }
}
