//! The pool of buffers for the kernel to receive into (`IORING_REGISTER_PBUF_RING`).

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use crate::Payload;

const PAGE: usize = 4096;

/// The dimensions of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// The number of buffers: a power of two.
    pub count: u16,
    /// The size of each buffer, in bytes.
    pub size: u32,
}

/// A buffer with received bytes, to be given back to the pool.
#[derive(Debug)]
pub struct Received {
    buffer: u16,
    length: u32,
}

pub(crate) struct Buffers {
    /// The ring of free buffers: `count` entries, of which the first also contains the tail.
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    pool: Pool,
    tail: u16,
}

impl Buffers {
    pub(crate) const GROUP: u16 = 0;

    pub(crate) fn new(pool: Pool, ring: &Submitter<'_>) -> io::Result<Self> {
        assert!(pool.count.is_power_of_two(), "a pool of {} buffers", pool.count);
        let entries = pages(usize::from(pool.count) * size_of::<BufRingEntry>()).cast();
        let memory = pages(usize::from(pool.count) * pool.size as usize);
        let mut buffers = Self { entries, memory, pool, tail: 0 };
        for buffer in 0..pool.count {
            buffers.give_back(Received { buffer, length: 0 });
        }
        // SAFETY: there are as many entries as stated, they start at a page boundary, and are never freed.
        unsafe { ring.register_buf_ring_with_flags(entries.as_ptr() as u64, pool.count, Self::GROUP, 0)? };
        Ok(buffers)
    }

    /// Takes a buffer into which the kernel has received `length` bytes. The kernel leaves it alone until it is given
    /// back.
    pub(crate) fn received(&self, buffer: u16, length: u32) -> Received {
        debug_assert!(buffer < self.pool.count && length <= self.pool.size);
        Received { buffer, length }
    }

    pub(crate) fn bytes(&self, received: &Received) -> &[u8] {
        // SAFETY: the owner of a `Received` owns the buffer; the kernel does not write to it, and it lies within the
        // pool.
        unsafe { slice::from_raw_parts(self.start(received.buffer).as_ptr(), received.length as usize) }
    }

    pub(crate) fn payload<'p>(&'p self, payload: &'p Payload) -> &'p [u8] {
        match payload {
            Payload::Shared(memory, range) => &memory[range.clone()],
            Payload::Owned(memory) => memory,
            Payload::Received(received) => self.bytes(received),
        }
    }

    pub(crate) fn give_back(&mut self, Received { buffer, .. }: Received) {
        let slot = usize::from(self.tail & (self.pool.count - 1));
        let start = self.start(buffer).as_ptr() as u64;
        // SAFETY: the slot lies within the entries; the kernel reads it only after the tail has moved beyond it. The
        // fields are set one by one because the tail lies in the unused part of the first entry.
        let entry = unsafe { self.entries.add(slot).as_mut() };
        entry.set_addr(start);
        entry.set_len(self.pool.size);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is an aligned `u16` that both sides access atomically.
        let tail = unsafe { &*BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }

    fn start(&self, buffer: u16) -> NonNull<u8> {
        // SAFETY: a buffer's number is less than the count.
        unsafe { self.memory.add(usize::from(buffer) * self.pool.size as usize) }
    }
}

/// Zeroed memory, aligned to a page.
fn pages(size: usize) -> NonNull<u8> {
    let layout = Layout::from_size_align(size, PAGE).expect("a pool is smaller than the address space");
    // SAFETY: the size is not zero, because a power of two is not zero.
    NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}
