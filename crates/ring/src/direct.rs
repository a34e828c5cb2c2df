//! Single non-blocking system calls, for messages that are too large for the shared buffers of a ring.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use bytes::BufMut;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

/// Receives into `buffer`, and returns the number of bytes. 0 is the end, unless the buffer is empty.
///
/// # Errors
///
/// `WouldBlock` if nothing has arrived, `Interrupted` if a signal interrupted the call, or the socket's error.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (count, _) = recv(socket, buffer, RecvFlags::DONTWAIT)?;
    Ok(count)
}

/// Receives into the free part of a buffer, without zeroing it first, and returns how many bytes were added. 0 is the
/// end, unless there is no room.
///
/// # Errors
///
/// As [`receive`].
pub fn receive_into(socket: impl AsFd, room: &mut impl BufMut) -> io::Result<usize> {
    let limit = room.remaining_mut();
    let chunk = room.chunk_mut();
    let length = chunk.len().min(limit);
    // SAFETY: only `recv` writes to the slice, and it initialises the bytes that it counts.
    let spare = unsafe { chunk.as_uninit_slice_mut() };
    let spare = spare.get_mut(..length).unwrap_or_default();
    let (received, _) = recv(socket, spare, RecvFlags::DONTWAIT)?;
    let count = received.0.len();
    // SAFETY: `recv` has initialised these bytes at the start of the room, and they are no more than the room had.
    unsafe { room.advance_mut(count) };
    Ok(count)
}

/// Sends as much of the slices as the socket has room for, and returns how many bytes that was. A disconnected peer
/// does not raise SIGPIPE.
///
/// # Errors
///
/// `WouldBlock` if there is no room, `Interrupted` if a signal interrupted the call, or the socket's error.
pub fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}
