//! Single system calls that never wait, for what is too large for the shared buffers of a ring.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use bytes::BufMut;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

/// Receives into `buffer`, and returns how many bytes there are. 0 is the end, unless the buffer is empty.
///
/// # Errors
///
/// `WouldBlock` if nothing has arrived, `Interrupted` if a signal came between, or the socket's error.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (count, _) = recv(socket, buffer, RecvFlags::DONTWAIT)?;
    Ok(count)
}

/// Receives into the free part of a buffer, without zeroing it first, and returns how many bytes were added. 0 is the end,
/// unless there is no room.
///
/// # Errors
///
/// As [`receive`].
pub fn receive_into(socket: impl AsFd, room: &mut impl BufMut) -> io::Result<usize> {
    let limit = room.remaining_mut();
    let chunk = room.chunk_mut();
    let length = chunk.len().min(limit);
    // SAFETY: the slice is written to only by `recv`, which initialises what it counts.
    let spare = unsafe { chunk.as_uninit_slice_mut() };
    let spare = spare.get_mut(..length).unwrap_or_default();
    let (received, _) = recv(socket, spare, RecvFlags::DONTWAIT)?;
    let count = received.0.len();
    // SAFETY: `recv` has initialised these bytes at the start of the room, and they are no more than there were.
    unsafe { room.advance_mut(count) };
    Ok(count)
}

/// Sends as much of the slices as the socket has room for, and returns how many bytes. A peer that is gone raises no
/// SIGPIPE.
///
/// # Errors
///
/// `WouldBlock` if there is no room, `Interrupted` if a signal came between, or the socket's error.
pub fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}
