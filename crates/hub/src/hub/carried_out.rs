//! Work that is done even if nobody waits for it any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::node::Hub;
use crate::call::{BoxFuture, Call};

impl Hub {
    /// A call that is carried out even if the session that waits for it ends before.
    pub(crate) fn carried_out(self: &Arc<Hub>, call: Call<()>) -> Call<()> {
        match call {
            Call::Ready(()) => Call::Ready(()),
            Call::Later(work) => Call::Later(Box::pin(CarriedOut { hub: self.clone(), work: Some(work) })),
        }
    }
}

struct CarriedOut {
    hub: Arc<Hub>,
    /// `None` when it is done.
    work: Option<BoxFuture<()>>,
}

impl Future for CarriedOut {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl Drop for CarriedOut {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.hub.delivery().spawn(work);
        }
    }
}
