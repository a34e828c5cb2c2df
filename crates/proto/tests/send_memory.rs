//! The memory that a busy connection keeps for sent messages.
//!
//! Only one test, because it measures the whole process.

use std::alloc::System;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use cap::Cap;
use longwire_proto::{Config, MessageKind, Protocol, Role};

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

/// Written bytes used to be dropped from the front of the buffer only when no large payload waited after them: a server
/// that always had one waiting kept every small message it had ever sent.
#[test]
fn what_was_written_is_not_kept_while_a_large_payload_waits() {
    let mut server = Protocol::new(Role::Server, Arc::new(Config::default()));
    let large = Bytes::from(vec![b'l'; 64 << 10]);
    let before = ALLOCATED.allocated();
    for _ in 0..2000 {
        server.send_binary(&[b's'; 1000]).unwrap();
        server.send_bytes(MessageKind::Binary, large.clone()).unwrap();
        // The last byte of the last payload always waits.
        while server.queued() > 1 {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = server.transmit(&mut slices);
            let offered: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
            server.transmitted(offered.min(server.queued() - 1));
        }
    }
    let held = ALLOCATED.allocated() - before;
    assert!(held < 64 << 10, "one byte waits, but {held} bytes are held");
}
