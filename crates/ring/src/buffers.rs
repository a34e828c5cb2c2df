//! The buffers into which the kernel receives.

use std::cell::Cell;
use std::ffi::c_void;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// The buffer group that operations name. A ring has only one.
pub(crate) const GROUP: u16 = 0;

/// Buffers of equal size, and the ring that provides them to the kernel.
///
/// A buffer belongs either to the kernel, from [`give`](Buffers::give) until a completion names it, or to one
/// [`Lease`], which gives it back. The memory stays mapped until the last lease is gone. Its pages are allocated when
/// they are first written to.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// The ring: one entry per buffer, starting at a page boundary.
    entries: Mapping,
    memory: Mapping,
    count: u16,
    /// The length of one buffer in bytes.
    length: u32,
    /// How many buffers have ever been given, as the kernel counts them.
    tail: Cell<u16>,
}

impl Buffers {
    /// Maps the memory of `count` buffers of `length` bytes. They belong to the kernel once they are registered.
    ///
    /// # Errors
    ///
    /// If `count` is not a power of two up to 2^15, `length` is 0, or the mapping fails.
    pub(crate) fn new(count: u16, length: u32) -> io::Result<Buffers> {
        if !count.is_power_of_two() || length == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the number of receive buffers must be a power of two, and their length not 0",
            ));
        }
        let total = usize::from(count).checked_mul(length as usize).ok_or(io::ErrorKind::OutOfMemory)?;
        let buffers = Buffers {
            entries: Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?,
            memory: Mapping::new(total)?,
            count,
            length,
            tail: Cell::new(0),
        };
        (0..count).for_each(|id| buffers.give(id));
        Ok(buffers)
    }

    /// Provides the buffers to the kernel, as [`GROUP`].
    ///
    /// # Safety
    ///
    /// The caller must keep `self` until the ring is closed and none of its operations is in flight.
    // SAFETY: the doc comment states the caller's obligations.
    pub(crate) unsafe fn register(&self, ring: &Submitter<'_>) -> io::Result<()> {
        let entries = address(self.entries.start);
        // SAFETY: the ring starts at a page boundary and has `count` entries. Each entry names a buffer of `length`
        // bytes in `memory`. The caller promises to keep both.
        unsafe { ring.register_buf_ring_with_flags(entries, self.count, GROUP, 0) }
    }

    /// Takes over the buffer that a completion names, with the bytes received into it.
    ///
    /// # Safety
    ///
    /// Since the buffer `id` was last given, the kernel must have handed it out with `received` bytes in it, and no
    /// lease of it may have been made.
    // SAFETY: the doc comment states the caller's obligations.
    pub(crate) unsafe fn lease(self: &Rc<Buffers>, id: u16, received: usize) -> Lease {
        debug_assert!(id < self.count && received <= self.length as usize);
        Lease { buffers: Rc::clone(self), id, received }
    }

    /// The start of a buffer. `id` must be less than `count`.
    fn start_of(&self, id: u16) -> NonNull<u8> {
        debug_assert!(id < self.count);
        // Neither operation wraps: the product was computed for `count` when the memory was mapped.
        let offset = usize::from(id) * self.length as usize;
        // SAFETY: `id` is less than `count`, so the offset lies in the mapping.
        unsafe { self.memory.start.add(offset) }
    }

    /// Gives a buffer to the kernel.
    fn give(&self, id: u16) {
        let tail = self.tail.get();
        let place = usize::from(tail & (self.count - 1));
        // SAFETY: `place` is less than `count`, the number of entries in the mapping, which is aligned for them and was
        // zeroed. The kernel does not read the entry before the new tail is published below, because there are never
        // more given buffers than entries. The setters do not touch the field of the first entry that serves as the
        // tail.
        let entry = unsafe { &mut *self.entries.start.cast::<BufRingEntry>().as_ptr().add(place) };
        entry.set_addr(address(self.start_of(id)));
        entry.set_len(self.length);
        entry.set_bid(id);
        self.tail.set(tail.wrapping_add(1));
        // SAFETY: the first entry of the ring is mapped and initialised, and holds the tail, which is aligned. Only
        // this code writes the tail, the kernel only reads it, and no reference to it exists.
        let published = unsafe {
            let tail = BufRingEntry::tail(self.entries.start.cast::<BufRingEntry>().as_ptr());
            AtomicU16::from_ptr(tail.cast_mut())
        };
        published.store(self.tail.get(), Ordering::Release);
    }
}

/// The address as the kernel takes it.
fn address(start: NonNull<u8>) -> u64 {
    start.as_ptr().expose_provenance() as u64
}

/// Received bytes, in a shared buffer that returns to the kernel when the lease is dropped.
///
/// The bytes may be changed in place. Each lease that is kept leaves one buffer less for all sockets of the ring: drop
/// it before the loop waits again.
pub struct Lease {
    buffers: Rc<Buffers>,
    id: u16,
    received: usize,
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: until the lease is dropped, it alone owns the buffer (`Buffers::lease`). `received` bytes of it lie
        // in the mapping, which was zeroed at first and which `buffers` keeps.
        unsafe { std::slice::from_raw_parts(self.buffers.start_of(self.id).as_ptr(), self.received) }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the lease is borrowed uniquely.
        unsafe { std::slice::from_raw_parts_mut(self.buffers.start_of(self.id).as_ptr(), self.received) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.buffers.give(self.id);
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("id", &self.id).field("received", &self.received).finish()
    }
}

/// A private mapping of zeroed memory. Its pages are allocated when they are first written to.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    /// In bytes.
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Mapping> {
        // SAFETY: the kernel chooses an unmapped address.
        let start = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
        };
        let start = NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Mapping { start, length };
        // A huge page would take 2 MiB for the first small message. Kernels without huge pages refuse the advice, which
        // is fine.
        // SAFETY: the range is the mapping just made, and the advice does not change its content.
        let _ = unsafe { madvise(mapping.as_ptr(), length, Advice::LinuxNoHugepage) };
        Ok(mapping)
    }

    fn as_ptr(&self) -> *mut c_void {
        self.start.as_ptr().cast()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and `Buffers::register` and `Lease` ensure that nothing refers to it
        // now.
        let _ = unsafe { munmap(self.as_ptr(), self.length) };
    }
}
