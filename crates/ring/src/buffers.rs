//! The buffers that the kernel receives into.

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

/// The group of buffers that operations name. A ring has but one.
pub(crate) const GROUP: u16 = 0;

/// Buffers of equal size, and the ring by which they are provided to the kernel.
///
/// A buffer belongs either to the kernel, from [`give`](Buffers::give) until a completion that names it, or to one
/// [`Lease`], which gives it back. The memory is mapped until the last lease is gone, and pages of it are taken when
/// they are first written to.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// The ring: one entry for each buffer, a page boundary at its start.
    entries: Mapping,
    memory: Mapping,
    count: u16,
    /// Of one buffer, in bytes.
    length: u32,
    /// How many were ever given, as the kernel counts them.
    tail: Cell<u16>,
}

impl Buffers {
    /// Maps the memory of `count` buffers of `length` bytes. They are the kernel's once they are registered.
    ///
    /// # Errors
    ///
    /// If `count` is not a power of two up to 2^15, `length` is 0, or there is no room for the mapping.
    pub(crate) fn new(count: u16, length: u32) -> io::Result<Buffers> {
        if !count.is_power_of_two() || length == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the number of receive buffers must be a power of two, and none of them empty",
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
    /// `self` must be kept until the ring is closed and no operation of it is in flight.
    // SAFETY: what the caller vouches for is said above.
    pub(crate) unsafe fn register(&self, ring: &Submitter<'_>) -> io::Result<()> {
        let entries = address(self.entries.start);
        // SAFETY: the ring begins at a page boundary, is `count` entries long, and is kept as the caller promises; each
        // entry names a buffer of `length` bytes in `memory`, which is kept as long.
        unsafe { ring.register_buf_ring_with_flags(entries, self.count, GROUP, 0) }
    }

    /// Takes over the buffer that a completion names, with what was received into it.
    ///
    /// # Safety
    ///
    /// The kernel must have handed out the buffer `id`, with `received` bytes in it, since it was last given, and no
    /// lease of it may have been made since.
    // SAFETY: what the caller vouches for is said above.
    pub(crate) unsafe fn lease(self: &Rc<Buffers>, id: u16, received: usize) -> Lease {
        debug_assert!(id < self.count && received <= self.length as usize);
        Lease { buffers: Rc::clone(self), id, received }
    }

    /// Where a buffer begins. `id` must be less than `count`.
    fn start_of(&self, id: u16) -> NonNull<u8> {
        debug_assert!(id < self.count);
        // Neither wraps: the product was computed for `count` when the memory was mapped.
        let offset = usize::from(id) * self.length as usize;
        // SAFETY: `id` is less than `count`, so the offset lies in the mapping.
        unsafe { self.memory.start.add(offset) }
    }

    /// Gives a buffer to the kernel.
    fn give(&self, id: u16) {
        let tail = self.tail.get();
        let place = usize::from(tail & (self.count - 1));
        // SAFETY: `place` is less than `count`, the number of entries in the mapping, which is aligned for them and was
        // zeroed. The entry is not the kernel's to read before the new tail is published below, for there are never
        // more buffers given than there are entries. The field of the first entry that serves as the tail is not
        // touched by the setters.
        let entry = unsafe { &mut *self.entries.start.cast::<BufRingEntry>().as_ptr().add(place) };
        entry.set_addr(address(self.start_of(id)));
        entry.set_len(self.length);
        entry.set_bid(id);
        self.tail.set(tail.wrapping_add(1));
        // SAFETY: the first entry of the ring is mapped, initialised and holds the tail, which is aligned, is only ever
        // read by the kernel and written here, and is not referred to otherwise.
        let published = unsafe {
            let tail = BufRingEntry::tail(self.entries.start.cast::<BufRingEntry>().as_ptr());
            AtomicU16::from_ptr(tail.cast_mut())
        };
        published.store(self.tail.get(), Ordering::Release);
    }
}

/// The address, as the kernel takes it.
fn address(start: NonNull<u8>) -> u64 {
    start.as_ptr().expose_provenance() as u64
}

/// Received bytes, in a shared buffer that returns to the kernel when the lease is dropped.
///
/// The bytes may be changed in place. A lease that is kept is one buffer less for all sockets of the ring: drop it before
/// the loop waits again.
pub struct Lease {
    buffers: Rc<Buffers>,
    id: u16,
    received: usize,
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the buffer is this lease's alone until it is dropped (`Buffers::lease`), `received` bytes of it lie in
        // the mapping, which was zeroed at first and which `buffers` keeps.
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

/// Zeroed memory of its own, taken page by page as it is written to.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    /// In bytes.
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Mapping> {
        // SAFETY: the kernel chooses a place where nothing is mapped.
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
        // A huge page would take 2 MiB for the first small message. Kernels without huge pages refuse, rightly.
        // SAFETY: the range is the mapping just made, and the advice changes nothing of its content.
        let _ = unsafe { madvise(mapping.as_ptr(), length, Advice::LinuxNoHugepage) };
        Ok(mapping)
    }

    fn as_ptr(&self) -> *mut c_void {
        self.start.as_ptr().cast()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and `Buffers::register` and `Lease` say why nobody refers to it now.
        let _ = unsafe { munmap(self.as_ptr(), self.length) };
    }
}
