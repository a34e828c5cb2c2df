//! The ring: what is in flight, and what becomes of it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, squeue};

use crate::buffers::{Buffers, Lease};
use crate::completion::{Completion, ReceiveEnd};
use crate::entries;
use crate::operations::{InFlight, Operation, OperationKey, Operations, Socket, Work};
use crate::outcome::{self, forgive, interrupted, lacking};
use crate::wake::Waker;

/// How large a ring is. The default is for thousands of sockets: 4,096 submissions, 16,384 completions, 64 buffers of
/// 32 KiB.
///
/// ```
/// let small = longwire_ring::Sizes { buffers: 8, buffer_length: 4096, ..Default::default() };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// How many operations one system call submits. A power of two; more operations than these take more calls.
    pub submissions: u32,
    /// How many completions may wait to be looked at. A power of two; more than these take the kernel's slow path.
    pub completions: u32,
    /// How many buffers all sockets receive into. A power of two up to 2^15. Pages of them are taken as they are first
    /// written to.
    pub buffers: u16,
    /// The length of each buffer, in bytes.
    pub buffer_length: u32,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { submissions: 4096, completions: 16_384, buffers: 64, buffer_length: 32 << 10 }
    }
}

/// A ring of the thread that made it. The [crate](crate) has an example.
///
/// Operations are begun without waiting, given to the kernel by [`submit_and_wait`](Ring::submit_and_wait), and come
/// back by [`next_completion`](Ring::next_completion). Each has a last completion: a send and a poll have only one,
/// accepting and receiving say that they have ended. The ring holds the descriptor and the buffer of an operation until
/// then.
///
/// When a ring is dropped, everything in flight is cancelled and waited for. What the kernel does not give back in a
/// second is leaked, for the kernel may still write to it.
pub struct Ring {
    // Closed before what it may touch is freed: fields are dropped in their order.
    uring: IoUring,
    operations: Operations,
    buffers: Rc<Buffers>,
    /// What found no room in the submission queue, in its order.
    backlog: VecDeque<squeue::Entry>,
    /// Completions that were taken from the kernel's queue and not looked at.
    ready: VecDeque<cqueue::Entry>,
    waker: Waker,
}

impl Ring {
    /// Makes a ring for the calling thread, and tries it.
    ///
    /// # Errors
    ///
    /// If the kernel, or a sandbox, refuses something that is needed; the error says what. Linux 6.1 has all of it.
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
        // SAFETY: the ring is closed before the buffers are dropped, by the order of the fields, and dropping it waits
        // for what is in flight or leaks the buffers.
        unsafe { buffers.register(&uring.submitter()) }.map_err(lacking("a ring of provided buffers"))?;
        let mut ring = Ring {
            uring,
            operations: Operations::default(),
            buffers,
            backlog: VecDeque::new(),
            ready: VecDeque::new(),
            waker,
        };
        ring.try_receiving().map_err(lacking("receiving again and again into provided buffers"))?;
        let counter = Rc::new(ring.waker.counter()?);
        ring.begin(&counter, 0, Work::AwaitWake);
        Ok(ring)
    }

    /// How many operations have not had their last completion. The ring's own wait for its waker is one of them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.operations.len()
    }

    /// Wakes the loop of this ring from other threads.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Accepts the connections of a listener, which is in blocking mode, until [`Completion::AcceptEnded`].
    pub fn accept(&mut self, listener: &Socket) -> Operation {
        self.begin(listener, 0, Work::Accept)
    }

    /// Receives from a stream into the shared buffers, until [`Completion::ReceiveEnded`].
    pub fn receive(&mut self, socket: &Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::Receive)
    }

    /// Sends the whole buffer, unless there is an error or the send is cancelled. Have one send at a time on a socket: two
    /// may overtake each other.
    pub fn send(&mut self, socket: &Socket, buffer: Vec<u8>, token: u64) -> Operation {
        self.begin(socket, token, Work::Send { buffer, sent: 0 })
    }

    /// Completes once, when there is something to read.
    pub fn poll_readable(&mut self, socket: &Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::AwaitReadable)
    }

    /// Completes once, when there is room to write.
    pub fn poll_writable(&mut self, socket: &Socket, token: u64) -> Operation {
        self.begin(socket, token, Work::AwaitWritable)
    }

    /// Asks for the end of an operation. The operation still has its last completion, which may say that it was done
    /// before. Nothing happens if it has had that already.
    pub fn cancel(&mut self, operation: Operation) {
        if let Some(in_flight) = self.operations.get_mut(operation.0) {
            in_flight.cancelled = true;
            self.push(entries::cancellation(operation.0));
        }
    }

    /// Gives the kernel what was begun, and waits until there is a completion or the time is over.
    ///
    /// # Errors
    ///
    /// If the ring can no longer be used. An interruption by a signal, and the end of the time, are not errors.
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

    /// The next of the completions that have been waited for.
    pub fn next_completion(&mut self) -> Option<Completion> {
        loop {
            let entry = self.ready.pop_front()?;
            if let Some(completion) = self.complete(&entry) {
                return Some(completion);
            }
        }
    }

    fn begin(&mut self, socket: &Socket, token: u64, work: Work) -> Operation {
        let socket = Rc::clone(socket);
        let operation = self.operations.insert(InFlight { socket, token, work, cancelled: false });
        self.arm(operation);
        Operation(operation)
    }

    /// Puts in an operation, for the first time or because there is more to do.
    fn arm(&mut self, operation: OperationKey) {
        let Some(in_flight) = self.operations.get(operation) else { return };
        let cancelled = in_flight.cancelled;
        self.push(entries::of(operation, in_flight));
        if cancelled {
            // The cancellation came too late for the last round.
            self.push(entries::cancellation(operation));
        }
    }

    /// Puts an entry in the submission queue, behind those that found no room there.
    fn push(&mut self, entry: squeue::Entry) {
        if !self.backlog.is_empty() || !self.has_taken(&entry) {
            self.backlog.push_back(entry);
        }
    }

    /// Whether the submission queue had room for the entry.
    fn has_taken(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: an entry refers to no memory, or it is a send's and refers to the bytes of the `Vec` that `operations`
        // holds under its key (`entries::of`). Nobody changes, moves or frees those before the entry's last completion
        // (`complete`), or they are leaked (`drop`).
        unsafe { self.uring.submission().push(entry) }.is_ok()
    }

    /// Submits until everything that found no room has found it.
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
                // The kernel lacks memory, or wants its completions to be looked at first. It is asked again next time.
                break;
            }
        }
        Ok(())
    }

    fn collect(&mut self) {
        self.ready.extend(self.uring.completion());
    }

    /// What a completion says, if it is for the caller: the ring itself continues what is not finished.
    fn complete(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let result = outcome::of(entry.result());
        // A buffer is taken over first, so that it is given back whatever comes.
        let lease = self.lease(entry, &result);
        let operation = OperationKey::from_user_data(entry.user_data());
        // What is in no table is a cancellation that found nothing to cancel.
        let in_flight = self.operations.get_mut(operation)?;
        let token = in_flight.token;
        let more = cqueue::more(entry.flags());
        if interrupted(&result) && !more && !in_flight.cancelled {
            self.arm(operation);
            return None;
        }
        match (&mut in_flight.work, result) {
            (Work::Accept, Ok(_)) => {
                let socket = accepted(entry);
                self.go_on(operation, more);
                Some(Completion::Accepted { socket })
            }
            (Work::Accept, Err(error)) => {
                self.operations.remove(operation);
                Some(Completion::AcceptEnded { error })
            }
            (Work::Receive, Ok(1..)) if lease.is_some() => {
                self.go_on(operation, more);
                lease.map(|data| Completion::Received { token, data })
            }
            (Work::Receive, result) => {
                let why = ReceiveEnd::of(result, in_flight.cancelled);
                self.operations.remove(operation);
                Some(Completion::ReceiveEnded { token, why })
            }
            (Work::Send { .. }, result) => self.round_of_sending(operation, result),
            (Work::AwaitReadable, _) => {
                self.operations.remove(operation);
                Some(Completion::Readable { token })
            }
            (Work::AwaitWritable, _) => {
                self.operations.remove(operation);
                Some(Completion::Writable { token })
            }
            (Work::AwaitWake, Ok(_)) => {
                self.go_on(operation, more);
                self.waker.take_notice();
                Some(Completion::Woken)
            }
            (Work::AwaitWake, Err(_)) => {
                self.operations.remove(operation);
                None
            }
        }
    }

    /// Arms an operation again that the kernel ended for reasons of its own, such as a full completion queue.
    fn go_on(&mut self, operation: OperationKey, more: bool) {
        if !more {
            self.arm(operation);
        }
    }

    /// Sends what is left, or gives the buffer back.
    fn round_of_sending(&mut self, operation: OperationKey, result: io::Result<usize>) -> Option<Completion> {
        let in_flight = self.operations.get_mut(operation)?;
        let Work::Send { buffer, sent } = &mut in_flight.work else { return None };
        *sent += result.as_ref().copied().unwrap_or(0);
        let whole = *sent >= buffer.len();
        let result = match result {
            Err(error) => Err(error),
            Ok(_) if whole => Ok(()),
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {
                self.arm(operation);
                return None;
            }
        };
        let in_flight = self.operations.remove(operation)?;
        let Work::Send { mut buffer, .. } = in_flight.work else { return None };
        buffer.clear();
        Some(Completion::Sent { token: in_flight.token, buffer, result })
    }

    fn lease(&self, entry: &cqueue::Entry, result: &io::Result<usize>) -> Option<Lease> {
        let id = cqueue::buffer_select(entry.flags())?;
        let received = result.as_ref().copied().unwrap_or(0);
        // SAFETY: the kernel has handed out this buffer by this entry, which was taken from the queue and is looked at
        // only once.
        Some(unsafe { self.buffers.lease(id, received) })
    }

    /// Receives a byte of a socket pair: sandboxes and kernels that lack something refuse late.
    fn try_receiving(&mut self) -> io::Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        rustix::io::write(&theirs, b"?")?;
        drop(theirs);
        self.receive(&Rc::new(ours.into()), 0);
        let mut received = false;
        for _ in 0..5 {
            self.submit_and_wait(Some(Duration::from_secs(1)))?;
            while let Some(completion) = self.next_completion() {
                match completion {
                    Completion::Received { data, .. } => received = *data == *b"?",
                    Completion::ReceiveEnded { why: ReceiveEnd::EndOfFile, .. } if received => return Ok(()),
                    Completion::ReceiveEnded { why: ReceiveEnd::Failed(error), .. } => return Err(error),
                    _ => return Err(io::ErrorKind::Unsupported.into()),
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Cancels everything and waits for it. What the kernel does not give back while nothing happens for a second stays in
    /// the table.
    fn wind_up(&mut self) -> io::Result<()> {
        const ROUND: Duration = Duration::from_millis(100);
        const ROUNDS_IN_VAIN: usize = 10;

        // The kernel has never seen these.
        for entry in mem::take(&mut self.backlog) {
            self.operations.remove(OperationKey::from_user_data(entry.get_user_data()));
        }
        for in_flight in self.operations.values_mut() {
            in_flight.cancelled = true;
        }
        self.push(entries::cancellation_of_all());
        // Newer kernels do no more than a few dozen at each call. A clock would count the time in which this thread does not
        // run.
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
            // The kernel may still read from or write to these.
            mem::forget(mem::take(&mut self.operations));
            mem::forget(Rc::clone(&self.buffers));
        }
    }
}

/// The socket that a completion of accepting has brought.
fn accepted(entry: &cqueue::Entry) -> OwnedFd {
    // SAFETY: the kernel has opened this descriptor for the entry, which was taken from the queue and is looked at only
    // once. Nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(entry.result()) }
}

#[cfg(test)]
mod tests;
