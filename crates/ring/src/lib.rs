//! A safe interface to `io_uring` for event loops over sockets.
//!
//! A [`Ring`] belongs to the thread that made it. The loop of that thread starts operations, which does not block. It
//! then submits them to the kernel and waits, in one system call ([`Ring::submit_and_wait`]), and takes the
//! [`Completion`]s. A number that the caller chooses, the *token*, identifies the operation of a completion.
//!
//! - [`Ring::accept`] and [`Ring::receive`] continue until a completion reports that they have ended. Received bytes
//!   lie in buffers that all sockets share, and are lent to the loop as a [`Lease`].
//! - [`Ring::send`] sends all of a buffer, and returns it.
//! - [`Ring::poll_readable`] and [`Ring::poll_writable`] complete once. The functions in [`direct`] then transfer bytes
//!   by single calls, which suits messages that are larger than the shared buffers.
//! - [`Ring::cancel`] cancels an operation.
//! - A [`Waker`] wakes the loop from another thread.
//!
//! This needs Linux 6.1. Sandboxes often refuse `io_uring`: [`Ring::new`] therefore tries it out, and its error says
//! what is refused. On other systems this crate is empty.
//!
//! # Example
//!
//! An echo that serves one connection at a time.
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//!
//! use longwire_ring::{Completion, ReceiveEnd, Ring, Sizes};
//!
//! fn echo(mut ring: Ring, listener: TcpListener) -> std::io::Result<()> {
//!     let listener = ring.hold(listener.into());
//!     ring.accept(listener, 0);
//!     let mut client = None;
//!     loop {
//!         ring.submit_and_wait(None)?;
//!         while let Some(completion) = ring.next_completion() {
//!             match completion {
//!                 Completion::Accepted { socket, .. } => {
//!                     let socket = ring.hold(socket);
//!                     client = Some(socket);
//!                     ring.receive(socket, 1);
//!                 }
//!                 Completion::Received { data, .. } => {
//!                     if let Some(socket) = client {
//!                         ring.send(socket, data.to_vec(), 1);
//!                     }
//!                 }
//!                 Completion::ReceiveEnded { why: ReceiveEnd::EndOfFile, .. } => return Ok(()),
//!                 other => println!("{other:?}"),
//!             }
//!         }
//!     }
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! # if Ring::new(Sizes::default()).is_err() {
//! #     return Ok(());
//! # }
//! # use std::io::{Read as _, Write as _};
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut stream = TcpStream::connect(listener.local_addr()?)?;
//! let client = std::thread::spawn(move || {
//!     stream.write_all(b"hello")?;
//!     let mut answer = [0; 5];
//!     stream.read_exact(&mut answer)?;
//!     std::io::Result::Ok(answer)
//! });
//! echo(Ring::new(Sizes::default())?, listener)?;
//! assert_eq!(client.join().unwrap()?, *b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Why it is safe
//!
//! The kernel works on memory and descriptors of the process while the process continues. The ring, not the caller,
//! therefore owns them:
//!
//! - The buffer of a send moves into the ring. It is neither changed nor freed before its completion returns it. This
//!   also holds for a cancelled send: it still has a completion.
//! - The ring holds the sockets ([`Ring::hold`]). A descriptor is not closed or given back, and its number is not reused,
//!   before the last completion of its operations.
//! - A shared buffer belongs either to the kernel or to one [`Lease`], never to both. The completion that names a
//!   buffer is taken from the queue once, and makes the lease; dropping the lease gives the buffer back. The memory
//!   stays mapped until the last lease is gone, even if the ring is dropped first.
//! - Dropping a ring cancels all operations in flight and waits for them. Memory that the kernel keeps for more than a
//!   second is leaked. A forgotten ring leaks everything.
//! - A [`Socket`] and an [`Operation`] are keys into the ring's tables, not pointers. An outdated key finds nothing.
//!
//! The `unsafe` blocks are in three modules: `buffers`, `direct` and `ring`. The tests also run under
//! `AddressSanitizer` and `ThreadSanitizer`.

#![cfg(target_os = "linux")]

#[expect(unsafe_code, reason = "the kernel shares the memory that it receives into")]
mod buffers;
mod completion;
#[expect(unsafe_code, reason = "tells a buffer how much of it the kernel has initialised")]
pub mod direct;
mod entries;
mod operations;
mod outcome;
#[expect(unsafe_code, reason = "the kernel takes pointers, and gives descriptors and buffers")]
mod ring;
#[cfg(test)]
#[path = "../../longwire/tests/skipped/mod.rs"]
mod skipped;
mod wake;

pub use buffers::Lease;
pub use completion::{Completion, ReceiveEnd};
pub use operations::{Operation, Socket};
pub use ring::{Ring, Sizes};
pub use wake::Waker;
