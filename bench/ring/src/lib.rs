//! A safe interface to the part of io_uring that the floor uses: multishot accept and receive,
//! receiving into buffers that the kernel picks from a shared pool, and sending memory that the ring owns until then.
//!
//! A ring belongs to one thread and lasts as long as its process.

mod buffers;

use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use buffers::Buffers;
pub use buffers::{Pool, Received};

/// Waits until the socket accepts every byte, and raises no signal if it cannot.
const SEND_FLAGS: i32 = 0x4000 | 0x100; // MSG_NOSIGNAL | MSG_WAITALL

/// The error of a receive that found no free buffer.
const ENOBUFS: i32 = 105;

/// A ring, with the payloads that it is sending.
pub struct Ring {
    ring: IoUring,
    /// Never dropped, because the kernel may write to it as long as the ring exists.
    buffers: ManuallyDrop<Buffers>,
    /// The payload in progress of each connection. Never dropped, because the kernel may read it as long as the ring
    /// exists.
    sending: ManuallyDrop<Vec<Option<Payload>>>,
}

/// A payload to send.
#[derive(Debug)]
pub enum Payload {
    /// A part of shared memory.
    Shared(Arc<[u8]>, Range<usize>),
    /// Owned memory.
    Owned(Vec<u8>),
    /// Received bytes, sent directly from the pool's buffer.
    Received(Received),
}

/// An event.
#[derive(Debug)]
pub enum Completion {
    /// A listener has accepted a connection.
    Accepted(OwnedFd),
    /// Accepting stopped, and can be restarted.
    AcceptEnded,
    /// Bytes were received. The buffer must be sent or [given back](Ring::give_back).
    Received {
        /// The connection that it came from.
        connection: u32,
        /// The received bytes.
        received: Received,
        /// Whether the receive remains armed.
        armed: bool,
    },
    /// Receiving stopped because all buffers were in use, and can be restarted.
    Starved {
        /// The connection that was receiving.
        connection: u32,
    },
    /// The connection has ended: closed by its peer (`None`), or with an error.
    Ended {
        /// The connection that ended.
        connection: u32,
        /// Why.
        error: Option<io::Error>,
    },
    /// A send has completed, wholly, partly or with an error.
    Sent {
        /// The connection that it went to.
        connection: u32,
        /// The payload.
        payload: Payload,
        /// The number of bytes sent.
        result: io::Result<usize>,
    },
}

/// The kind of operation, in the upper half of `user_data`. The lower half is the connection.
#[derive(Clone, Copy)]
enum Operation {
    Accept = 1,
    Receive = 2,
    Send = 3,
}

impl Ring {
    /// # Errors
    ///
    /// The kernel refuses an io_uring, or is too old for deferred task running (6.1).
    pub fn new(pool: Pool) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(16 * 1024)
            .build(4096)?;
        let buffers = ManuallyDrop::new(Buffers::new(pool, &ring.submitter())?);
        Ok(Self { ring, buffers, sending: ManuallyDrop::new(Vec::new()) })
    }

    /// Accepts every connection that comes.
    pub fn accept(&mut self, listener: &impl AsFd) {
        let entry = opcode::AcceptMulti::new(types::Fd(listener.as_fd().as_raw_fd())).build();
        self.push(entry.user_data(user_data(Operation::Accept, 0)));
    }

    /// Receives whatever comes from `socket`, which is called `connection` from here on.
    pub fn receive(&mut self, socket: &impl AsFd, connection: u32) {
        let entry = opcode::RecvMulti::new(types::Fd(socket.as_fd().as_raw_fd()), Buffers::GROUP).build();
        self.push(entry.user_data(user_data(Operation::Receive, connection)));
    }

    /// Sends the whole payload.
    ///
    /// # Panics
    ///
    /// The connection is sending already.
    pub fn send(&mut self, socket: &impl AsFd, connection: u32, payload: Payload) {
        let index = connection as usize;
        if self.sending.len() <= index {
            self.sending.resize_with(index + 1, || None);
        }
        assert!(self.sending[index].is_none(), "connection {connection} is sending already");
        let bytes = self.buffers.payload(self.sending[index].insert(payload));
        let entry =
            opcode::Send::new(types::Fd(socket.as_fd().as_raw_fd()), bytes.as_ptr(), bytes.len() as u32)
                .flags(SEND_FLAGS)
                .build();
        self.push(entry.user_data(user_data(Operation::Send, connection)));
    }

    /// The bytes that were received.
    pub fn bytes(&self, received: &Received) -> &[u8] {
        self.buffers.bytes(received)
    }

    /// Lets the kernel use the buffer again.
    pub fn give_back(&mut self, received: Received) {
        self.buffers.give_back(received);
    }

    /// Begins what was asked for, and waits until something has happened.
    ///
    /// # Errors
    ///
    /// The kernel returns an error.
    pub fn wait(&mut self) -> io::Result<()> {
        passing(self.ring.submitter().submit_and_wait(1))
    }

    /// Like [`Ring::wait`], with a timeout.
    ///
    /// # Errors
    ///
    /// The kernel returns an error.
    pub fn wait_for(&mut self, time: Duration) -> io::Result<()> {
        let time = types::Timespec::from(time);
        let arguments = types::SubmitArgs::new().timespec(&time);
        passing(self.ring.submitter().submit_with_args(1, &arguments))
    }

    /// The next completion, if any.
    pub fn next_completion(&mut self) -> Option<Completion> {
        loop {
            let entry = self.ring.completion().next()?;
            if let Some(completion) = self.completion(&entry) {
                return Some(completion);
            }
        }
    }

    fn completion(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let connection = entry.user_data() as u32;
        let result = match u32::try_from(entry.result()) {
            Ok(result) => Ok(result),
            Err(_) => Err(io::Error::from_raw_os_error(-entry.result())),
        };
        let armed = cqueue::more(entry.flags());
        match entry.user_data() >> 32 {
            kind if kind == Operation::Accept as u64 => match result {
                // SAFETY: the kernel has just created this descriptor for us, and reports it only once.
                Ok(fd) => Some(Completion::Accepted(unsafe { OwnedFd::from_raw_fd(fd as i32) })),
                Err(_) => (!armed).then_some(Completion::AcceptEnded),
            },
            kind if kind == Operation::Receive as u64 => {
                let buffer = cqueue::buffer_select(entry.flags());
                Some(match (result, buffer) {
                    (Ok(length @ 1..), Some(buffer)) => {
                        let received = self.buffers.received(buffer, length);
                        Completion::Received { connection, received, armed }
                    }
                    (Err(error), _) if error.raw_os_error() == Some(ENOBUFS) => {
                        Completion::Starved { connection }
                    }
                    (result, _) => Completion::Ended { connection, error: result.err() },
                })
            }
            _ => {
                let payload = self.sending.get_mut(connection as usize)?.take()?;
                let result = result.map(|length| length as usize);
                Some(Completion::Sent { connection, payload, result })
            }
        }
    }

    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: the ring owns the memory that an entry points to until its completion: payloads in `sending`, which
        // has one per connection and whose heap memory does not move, and buffers in `buffers`.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            // The queue is full, and submitting empties it. If that fails now, the loop retries.
            let _ = self.ring.submit();
        }
    }
}

fn user_data(operation: Operation, connection: u32) -> u64 {
    ((operation as u64) << 32) | u64::from(connection)
}

/// Ignores the errors of a wait that are temporary: a signal, a full completion queue, a timeout.
fn passing(waited: io::Result<usize>) -> io::Result<()> {
    const ETIME: i32 = 62;
    const EBUSY: i32 = 16;
    match waited {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) if matches!(error.raw_os_error(), Some(ETIME | EBUSY)) => Ok(()),
        Err(error) => Err(error),
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}
