//! Reading on behalf of two tasks that wait for data.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::connection::Connection;

/// Reads once. If another task waits for data, too, both are woken: a transport remembers only one waker.
pub(super) fn poll_read(
    connection: &mut Connection,
    cx: &mut Context<'_>,
    other: Option<&Waker>,
) -> Poll<()> {
    match other.filter(|other| !other.will_wake(cx.waker())) {
        None => connection.poll_read(cx),
        Some(other) => {
            let both = Waker::from(Arc::new(Both(other.clone(), cx.waker().clone())));
            connection.poll_read(&mut Context::from_waker(&both))
        }
    }
}

/// Wakes two tasks.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}
