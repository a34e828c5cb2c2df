//! Submission entries for operations.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use io_uring::types::{CancelBuilder, Fd};
use io_uring::{opcode, squeue};
use rustix::event::PollFlags;
use rustix::net::{RecvFlags, SendFlags, SocketFlags};
use slotmap::Key as _;

use crate::buffers;
use crate::operations::{OperationKey, Work};

/// The next round of an operation. The entry of a send refers to the `unsent` bytes of its buffer.
pub(crate) fn of(
    operation: OperationKey,
    descriptor: BorrowedFd<'_>,
    work: Work,
    unsent: &[u8],
) -> squeue::Entry {
    let socket = Fd(descriptor.as_raw_fd());
    let entry = match work {
        Work::Accept => {
            opcode::AcceptMulti::new(socket).flags(SocketFlags::CLOEXEC.bits().cast_signed()).build()
        }
        Work::Receive => opcode::RecvMulti::new(socket, buffers::GROUP).build(),
        Work::Send => {
            // A buffer longer than the kernel can count is sent in several rounds.
            let length = u32::try_from(unsent.len()).unwrap_or(u32::MAX);
            // MSG_WAITALL makes the kernel wait for room, instead of ending the round early.
            let flags = SendFlags::NOSIGNAL.bits() | RecvFlags::WAITALL.bits();
            opcode::Send::new(socket, unsent.as_ptr(), length).flags(flags.cast_signed()).build()
        }
        Work::AwaitReadable => opcode::PollAdd::new(socket, PollFlags::IN.bits().into()).build(),
        Work::AwaitWritable => opcode::PollAdd::new(socket, PollFlags::OUT.bits().into()).build(),
        Work::AwaitWake => opcode::PollAdd::new(socket, PollFlags::IN.bits().into()).multi(true).build(),
    };
    entry.user_data(operation.user_data())
}

/// Cancels an operation. Completes only if there was nothing to cancel, with the null key.
pub(crate) fn cancellation(operation: OperationKey) -> squeue::Entry {
    opcode::AsyncCancel::new(operation.user_data())
        .build()
        .flags(squeue::Flags::SKIP_SUCCESS)
        .user_data(OperationKey::null().user_data())
}

/// Cancels everything. Completes with the null key.
pub(crate) fn cancellation_of_all() -> squeue::Entry {
    opcode::AsyncCancel2::new(CancelBuilder::any()).build().user_data(OperationKey::null().user_data())
}
