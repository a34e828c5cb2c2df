//! The operations that the kernel has not finished, and what it may touch until it has.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use slotmap::{Key as _, KeyData, SlotMap};

/// A descriptor that operations are made on. Each operation holds it until its last completion: it cannot be closed
/// before, nor its number be given to another.
pub(crate) type Socket = Rc<OwnedFd>;

slotmap::new_key_type! {
    /// Names an operation. After its last completion it names nothing, also when the place is used again.
    pub(crate) struct Operation;
}

impl Operation {
    pub(super) fn user_data(self) -> u64 {
        self.data().as_ffi()
    }

    pub(super) fn from_user_data(user_data: u64) -> Operation {
        KeyData::from_ffi(user_data).into()
    }
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Work {
    /// Accept connections until there is an error.
    Accept,
    /// Receive into provided buffers until there is an end.
    Receive,
    /// Send `buffer`, of which the first `sent` bytes have left.
    Send { buffer: Vec<u8>, sent: usize },
    /// Wait until there is something to read.
    AwaitReadable,
    /// Wait until there is room to write.
    AwaitWritable,
    /// Wait to be woken by another thread, again and again.
    AwaitWake,
}

/// An operation that the kernel has not finished.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) socket: Socket,
    pub(super) token: u64,
    pub(super) work: Work,
    /// Whether it was cancelled: it is not continued, whatever it comes to.
    pub(super) cancelled: bool,
}

/// The table of them.
pub(super) type Operations = SlotMap<Operation, InFlight>;
