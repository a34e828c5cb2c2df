//! Single system calls that never wait, for what is too large for the ring's shared buffers.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use bytes::BufMut;
use bytes::buf::Limit;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

/// Receives into the room, without zeroing it first. 0: the end.
///
/// # Errors
///
/// `WouldBlock` if nothing is there.
pub(super) fn receive(socket: impl AsFd, room: &mut Limit<&mut Vec<u8>>) -> io::Result<usize> {
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

/// Sends as much of the slices as there is room for.
///
/// # Errors
///
/// `WouldBlock` if there is no room.
pub(super) fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}
