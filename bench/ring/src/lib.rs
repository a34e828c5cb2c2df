//! A safe face of the part of io_uring that the load generator and the floor use: accept and receive that stay armed,
//! receiving into buffers that the kernel picks from a shared pool, and sending of memory that the ring holds meanwhile.
//!
//! A ring is for one thread, and lasts as long as its process.

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

/// Waits for a connection to take every byte, and does not raise a signal where it cannot.
const SEND_FLAGS: i32 = 0x4000 | 0x100; // MSG_NOSIGNAL | MSG_WAITALL

/// The error of a receive that found no buffer.
const ENOBUFS: i32 = 105;

/// A ring, and what it is sending.
pub struct Ring {
    ring: IoUring,
    /// Never dropped, for the kernel may write to it as long as the ring exists.
    buffers: ManuallyDrop<Buffers>,
    /// What is being sent, by connection. Never dropped, for the kernel may read it as long as the ring exists.
    sending: ManuallyDrop<Vec<Option<Payload>>>,
}

/// What can be sent.
#[derive(Debug)]
pub enum Payload {
    /// A part of memory that others use too.
    Shared(Arc<[u8]>, Range<usize>),
    /// Memory of its own.
    Owned(Vec<u8>),
    /// What was received, from the pool's buffer that it lies in.
    Received(Received),
}

/// What has happened.
#[derive(Debug)]
pub enum Completion {
    /// A listener has accepted a connection.
    Accepted(OwnedFd),
    /// Accepting ended, and can be started again.
    AcceptEnded,
    /// Something came in. The buffer is to be sent, or [given back](Ring::give_back).
    Received {
        /// The connection that it came from.
        connection: u32,
        /// Where it lies.
        received: Received,
        /// Whether receiving goes on by itself.
        armed: bool,
    },
    /// Receiving stopped because all buffers were in use, and can be started again.
    Starved {
        /// The connection that nothing was received from.
        connection: u32,
    },
    /// The connection has ended: with `None` by its peer, else by an error.
    Ended {
        /// The connection that ended.
        connection: u32,
        /// Why.
        error: Option<io::Error>,
    },
    /// What was to be sent was sent, or part of it, or nothing.
    Sent {
        /// The connection that it went to.
        connection: u32,
        /// What was to be sent.
        payload: Payload,
        /// How many bytes of it were.
        result: io::Result<usize>,
    },
}

/// What a completion is of: the upper half of its `user_data`. The lower half is the connection.
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
    /// The kernel refuses.
    pub fn wait(&mut self) -> io::Result<()> {
        passing(self.ring.submitter().submit_and_wait(1))
    }

    /// Like [`Ring::wait`], but for no longer than this.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn wait_for(&mut self, time: Duration) -> io::Result<()> {
        let time = types::Timespec::from(time);
        let arguments = types::SubmitArgs::new().timespec(&time);
        passing(self.ring.submitter().submit_with_args(1, &arguments))
    }

    /// What has happened next.
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
                // SAFETY: the kernel has just made this descriptor for us, and tells us of it once.
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
        // SAFETY: what an entry points to is owned by the ring until its completion: payloads by `sending`, which has
        // one for each connection and whose heap memory does not move, buffers by `buffers`.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            // The queue is full; submitting empties it. If that fails now, it is tried again.
            let _ = self.ring.submit();
        }
    }
}

fn user_data(operation: Operation, connection: u32) -> u64 {
    ((operation as u64) << 32) | u64::from(connection)
}

/// What passes by itself is no error of waiting: a signal, a full completion queue, a time that has run out.
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
