//! The ring: operations in flight, and their completions.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, squeue};

use crate::buffers::{Buffers, Lease};
use crate::completion::{Completion, ReceiveEnd};
use crate::entries;
use crate::operations::{Operation, OperationKey, Operations, Socket, Work};
use crate::outcome::{self, forgive, interrupted, lacking};
use crate::wake::Waker;

/// The sizes of a ring. The default suits thousands of sockets: 4,096 submissions, 16,384 completions, 64 buffers of 32
/// KiB.
///
/// ```
/// let small = longwire_ring::Sizes { buffers: 8, buffer_length: 4096, ..Default::default() };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// How many operations one system call submits. A power of two; more operations take more calls.
    pub submissions: u32,
    /// How many completions may wait. A power of two; more completions take a slow path in the kernel.
    pub completions: u32,
    /// How many buffers all sockets share to receive into. A power of two up to 2^15. Their pages are allocated when
    /// they are first written to.
    pub buffers: u16,
    /// The length of each buffer, in bytes.
    pub buffer_length: u32,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { submissions: 4096, completions: 16_384, buffers: 64, buffer_length: 32 << 10 }
    }
}

/// How many entries the backlog has room for while it is empty. A message to all connections may need many more at once.
const IDLE_BACKLOG: usize = 1024;

/// A ring of the thread that made it. The [crate](crate) has an example.
///
/// Starting an operation does not block. [`submit_and_wait`](Ring::submit_and_wait) submits operations to the kernel,
/// and [`next_completion`](Ring::next_completion) returns their results. Each operation has a last completion: a send
/// and a poll have only one, accepting and receiving report their end. Until then, the ring holds the descriptor and
/// the buffer of the operation.
///
/// Dropping a ring cancels all operations in flight, waits for them, and closes the sockets that it holds. Memory that the kernel does not return within a
/// second is leaked, because the kernel may still write to it.
pub struct Ring {
    // The first field, because fields are dropped in order: the ring must be closed before the memory that it uses is
    // freed.
    uring: IoUring,
    operations: Operations,
    buffers: Rc<Buffers>,
    /// Entries that found no room in the submission queue, in order.
    backlog: VecDeque<squeue::Entry>,
    /// Completions that were taken from the kernel's queue but not handled.
    ready: VecDeque<cqueue::Entry>,
    waker: Waker,
}

impl Ring {
    /// Makes a ring for the calling thread, and tries it out.
    ///
    /// # Errors
    ///
    /// If the kernel, or a sandbox, refuses something that the ring needs; the error says what. Linux 6.1 is recent
    /// enough.
    pub fn new(sizes: Sizes) -> io::Result<Ring> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(sizes.completions)
            .build(sizes.submissions)
            .map_err(lacking("io_uring with deferred task work (Linux 6.1)"))?;
        let waker = Waker::new()?;
        let buffers = Rc::new(Buffers::new(sizes.buffers, sizes.buffer_length)?);
        // SAFETY: the ring is closed before the buffers are dropped, by the order of the fields. Dropping the ring
        // waits for the operations in flight, or leaks the buffers.
        unsafe { buffers.register(&uring.submitter()) }.map_err(lacking("a ring of provided buffers"))?;
        let mut ring = Ring {
            uring,
            operations: Operations::default(),
            buffers,
            backlog: VecDeque::new(),
            ready: VecDeque::new(),
            waker,
        };
        ring.try_receiving().map_err(lacking("multishot receive into provided buffers"))?;
        let counter = ring.waker.counter()?;
        let counter = ring.hold(counter);
        ring.begin(counter, 0, Work::AwaitWake);
        Ok(ring)
    }

    /// How many operations await their last completion. The ring's own wait for its waker is one of them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.operations.len()
    }

    /// Wakes the loop of this ring from other threads.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Takes over a socket for operations, until [`close`](Ring::close) or [`release`](Ring::release). Dropping the ring
    /// closes it, too. Pass the result to this ring only: to another one, it identifies another socket, or none.
    #[must_use = "only the result can close the socket"]
    pub fn hold(&mut self, socket: OwnedFd) -> Socket {
        Socket(self.operations.hold(socket))
    }

    /// The descriptor of a socket, for calls outside the ring. `None` if the ring has closed it or given it back.
    #[must_use]
    pub fn descriptor(&self, socket: Socket) -> Option<BorrowedFd<'_>> {
        self.operations.descriptor(socket.0)
    }

    /// How many operations on a socket await their last completion.
    #[must_use]
    pub fn in_flight_for(&self, socket: Socket) -> usize {
        self.operations.of(socket.0)
    }

    /// Closes a socket, which takes no further operations. Those in flight continue: cancel what should not. The
    /// descriptor is closed after the last of them. Does nothing if that is done already.
    pub fn close(&mut self, socket: Socket) {
        self.operations.close(socket.0);
    }

    /// Gives a socket back. `None` if operations are in flight for it, or if it is closed.
    #[must_use = "dropping the descriptor closes it"]
    pub fn release(&mut self, socket: Socket) -> Option<OwnedFd> {
        self.operations.give_back(socket.0)
    }

    /// Accepts connections of a listener, which must be in blocking mode, until [`Completion::AcceptEnded`].
    ///
    /// On a socket that was closed or given back, this and the following functions start nothing, and nothing completes.
    pub fn accept(&mut self, listener: Socket, token: u64) -> Operation {
        self.begin(listener, token, Work::Accept)
    }

    /// Receives from a stream into the shared buffers, until [`Completion::ReceiveEnded`].
    pub fn receive(&mut self, socket: Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::Receive)
    }

    /// Sends the whole buffer, unless there is an error or the send is cancelled. Start only one send at a time per
    /// socket: two may overtake each other.
    pub fn send(&mut self, socket: Socket, buffer: Vec<u8>, token: u64) -> Operation {
        self.begin_with(socket, token, Work::Send, Some(buffer))
    }

    /// Completes once, when the socket is readable.
    pub fn poll_readable(&mut self, socket: Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::AwaitReadable)
    }

    /// Completes once, when the socket is writable.
    pub fn poll_writable(&mut self, socket: Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::AwaitWritable)
    }

    /// Cancels an operation. The operation still has its last completion, which may report that it finished first. Does
    /// nothing after that completion.
    pub fn cancel(&mut self, operation: Operation) {
        if let Some(in_flight) = self.operations.get_mut(operation.0) {
            in_flight.cancelled = true;
            self.push(entries::cancellation(operation.0));
        }
    }

    /// Submits the started operations, and waits until there is a completion or the timeout expires.
    ///
    /// # Errors
    ///
    /// If the ring is no longer usable. An interruption by a signal and a timeout are not errors.
    pub fn submit_and_wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.submit_backlog()?;
        let want = usize::from(self.ready.is_empty());
        let result = match timeout {
            Some(timeout) => {
                let timeout = Timespec::from(timeout);
                self.uring.submitter().submit_with_args(want, &SubmitArgs::new().timespec(&timeout))
            }
            None => self.uring.submit_and_wait(want),
        };
        self.collect();
        forgive(result)
    }

    /// The next completion that [`submit_and_wait`](Ring::submit_and_wait) has collected.
    pub fn next_completion(&mut self) -> Option<Completion> {
        loop {
            let entry = self.ready.pop_front()?;
            if let Some(completion) = self.complete(&entry) {
                return Some(completion);
            }
        }
    }

    fn begin(&mut self, socket: Socket, token: u64, work: Work) -> Operation {
        self.begin_with(socket, token, work, None)
    }

    fn begin_with(&mut self, socket: Socket, token: u64, work: Work, buffer: Option<Vec<u8>>) -> Operation {
        let operation = self.operations.begin(socket.0, token, work, buffer).unwrap_or_default();
        self.arm(operation);
        Operation(operation)
    }

    /// Queues an operation, for the first time or to continue it.
    fn arm(&mut self, operation: OperationKey) {
        let Some(in_flight) = self.operations.get(operation) else { return };
        let (work, cancelled) = (in_flight.work, in_flight.cancelled);
        let Some(descriptor) = self.operations.descriptor_of(in_flight) else { return };
        let entry = entries::of(operation, descriptor, work, self.operations.unsent(in_flight));
        self.push(entry);
        if cancelled {
            // The cancellation came too late for the previous round.
            self.push(entries::cancellation(operation));
        }
    }

    /// Queues an entry for submission, after those that found no room.
    fn push(&mut self, entry: squeue::Entry) {
        if !self.backlog.is_empty() || !self.has_taken(&entry) {
            self.backlog.push_back(entry);
        }
    }

    /// Whether the submission queue had room for the entry.
    fn has_taken(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: an entry refers to no memory, except that of a send: it refers to the bytes of the `Vec` that
        // `operations` holds for its key (`Operations::unsent`). These are not changed, moved or freed before the entry's
        // last completion (`complete`), or they are leaked (`drop`). That the table moves the `Vec` itself moves no bytes.
        unsafe { self.uring.submission().push(entry) }.is_ok()
    }

    /// Submits until the backlog has found room.
    fn submit_backlog(&mut self) -> io::Result<()> {
        while !self.backlog.is_empty() {
            let result = self.uring.submit();
            self.collect();
            forgive(result)?;
            let before = self.backlog.len();
            while let Some(entry) = self.backlog.pop_front() {
                if !self.has_taken(&entry) {
                    self.backlog.push_front(entry);
                    break;
                }
            }
            if self.backlog.len() == before {
                // The kernel lacks memory, or needs its completions taken first. The next call tries again.
                break;
            }
        }
        if self.backlog.is_empty() {
            self.backlog.shrink_to(IDLE_BACKLOG);
        }
        Ok(())
    }

    fn collect(&mut self) {
        self.ready.extend(self.uring.completion());
    }

    /// The completion for the caller, if there is one. The ring itself continues unfinished operations.
    fn complete(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let result = outcome::of(entry.result());
        // Take over the buffer first, so that it is given back in any case.
        let lease = self.lease(entry, &result);
        let operation = OperationKey::from_user_data(entry.user_data());
        // Not in the table: a cancellation that found nothing to cancel.
        let in_flight = self.operations.get_mut(operation)?;
        let token = in_flight.token();
        let more = cqueue::more(entry.flags());
        if interrupted(&result) && !more && !in_flight.cancelled {
            self.arm(operation);
            return None;
        }
        match (in_flight.work, result) {
            (Work::Accept, Ok(_)) => {
                let socket = accepted(entry);
                self.go_on(operation, more);
                Some(Completion::Accepted { token, socket })
            }
            (Work::Accept, Err(error)) => {
                self.operations.end(operation);
                Some(Completion::AcceptEnded { token, error })
            }
            (Work::Receive, Ok(1..)) if lease.is_some() => {
                self.go_on(operation, more);
                lease.map(|data| Completion::Received { token, data })
            }
            (Work::Receive, result) => {
                let why = ReceiveEnd::of(result, in_flight.cancelled);
                self.operations.end(operation);
                Some(Completion::ReceiveEnded { token, why })
            }
            (Work::Send, result) => self.round_of_sending(operation, token, result),
            (Work::AwaitReadable, _) => {
                self.operations.end(operation);
                Some(Completion::Readable { token })
            }
            (Work::AwaitWritable, _) => {
                self.operations.end(operation);
                Some(Completion::Writable { token })
            }
            (Work::AwaitWake, Ok(_)) => {
                self.go_on(operation, more);
                self.waker.take_notice();
                Some(Completion::Woken)
            }
            (Work::AwaitWake, Err(_)) => {
                self.operations.end(operation);
                None
            }
        }
    }

    /// Re-arms an operation that the kernel ended for reasons of its own, such as a full completion queue.
    fn go_on(&mut self, operation: OperationKey, more: bool) {
        if !more {
            self.arm(operation);
        }
    }

    /// Sends the rest, or returns the buffer.
    fn round_of_sending(
        &mut self,
        operation: OperationKey,
        token: u64,
        result: io::Result<usize>,
    ) -> Option<Completion> {
        let left = self.operations.sent(operation, result.as_ref().copied().unwrap_or(0));
        let result = match result {
            Err(error) => Err(error),
            Ok(_) if left == 0 => Ok(()),
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {
                self.arm(operation);
                return None;
            }
        };
        let mut buffer = self.operations.end(operation)?;
        buffer.clear();
        Some(Completion::Sent { token, buffer, result })
    }

    fn lease(&self, entry: &cqueue::Entry, result: &io::Result<usize>) -> Option<Lease> {
        let id = cqueue::buffer_select(entry.flags())?;
        let received = result.as_ref().copied().unwrap_or(0);
        // SAFETY: with this entry the kernel has handed out the buffer. The entry was taken from the queue and is
        // handled only once.
        Some(unsafe { self.buffers.lease(id, received) })
    }

    /// Receives a byte over a socket pair: sandboxes and old kernels may refuse only at this point.
    fn try_receiving(&mut self) -> io::Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        rustix::io::write(&theirs, b"?")?;
        drop(theirs);
        let ours = self.hold(ours.into());
        self.receive(ours, 0);
        let mut received = false;
        for _ in 0..5 {
            self.submit_and_wait(Some(Duration::from_secs(1)))?;
            while let Some(completion) = self.next_completion() {
                match completion {
                    Completion::Received { data, .. } => received = *data == *b"?",
                    Completion::ReceiveEnded { why: ReceiveEnd::EndOfFile, .. } if received => {
                        self.close(ours);
                        return Ok(());
                    }
                    Completion::ReceiveEnded { why: ReceiveEnd::Failed(error), .. } => return Err(error),
                    _ => return Err(io::ErrorKind::Unsupported.into()),
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Cancels everything and waits for it. Operations that remain after a second without progress stay in the table.
    fn wind_up(&mut self) -> io::Result<()> {
        const ROUND: Duration = Duration::from_millis(100);
        const ROUNDS_IN_VAIN: usize = 10;

        // The kernel has never seen these.
        for entry in mem::take(&mut self.backlog) {
            self.operations.end(OperationKey::from_user_data(entry.get_user_data()));
        }
        self.operations.cancel_all();
        self.push(entries::cancellation_of_all());
        // Newer kernels cancel only a few dozen operations per call. Counts rounds, because a clock would count time in
        // which this thread does not run.
        let mut in_vain = 0;
        while !self.operations.is_empty() && in_vain < ROUNDS_IN_VAIN {
            let before = self.operations.len();
            self.submit_and_wait(Some(ROUND))?;
            while self.next_completion().is_some() {}
            in_vain = if self.operations.len() < before { 0 } else { in_vain + 1 };
        }
        Ok(())
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let result = self.wind_up();
        if result.is_err() || !self.operations.is_empty() {
            // The kernel may still access these.
            let mut operations = mem::take(&mut self.operations);
            operations.close_idle();
            mem::forget(operations);
            mem::forget(Rc::clone(&self.buffers));
        }
    }
}

/// The accepted socket of a completion.
fn accepted(entry: &cqueue::Entry) -> OwnedFd {
    // SAFETY: the kernel opened this descriptor for the entry, which was taken from the queue and is handled only once.
    // Nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(entry.result()) }
}

#[cfg(test)]
mod tests;
