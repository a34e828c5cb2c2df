//! The memory that permessage-deflate takes, as the documentation of `Deflate` states it.
//!
//! Only one test, because it measures the whole process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;
use std::iter;

use cap::Cap;
use longwire_proto::deflate::{
    Agreement, Compression, Compressor, Context, Deflate, Inflater, Retain, Takeover, WindowBits,
};

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

const KIB: usize = 1024;
const CONNECTIONS: usize = 50;
/// Connections that come first, to fill the pool of the thread.
const FIRST: usize = 5;
/// Tolerance, because the documentation counts in KiB.
const TOLERANCE: usize = KIB;

struct Connection {
    compressor: Compressor,
    inflater: Inflater,
}

impl Connection {
    fn new(config: &Deflate, agreement: &Agreement) -> Connection {
        Connection { compressor: Compressor::new(agreement, config), inflater: Inflater::new(agreement) }
    }

    /// Sends a message, and receives it.
    fn exchange(&mut self, message: &[u8]) {
        let mut payload = Vec::new();
        assert_eq!(self.compressor.compress(message, &mut payload), Compression::Applied);
        self.inflater.push(&payload, message.len(), |_| Ok::<_, ()>(())).unwrap();
        self.inflater.finish().unwrap();
    }
}

fn agreement(window: u8, peer_window: u8, takeover: Takeover) -> Agreement {
    let context = |bits| Context { window: WindowBits::new(bits).unwrap(), takeover };
    Agreement { compress: Some(context(window)), inflate: context(peer_window) }
}

/// Bytes that each of many connections takes after `use_it`, apart from the pool of the thread.
fn cost(config: &Deflate, agreement: &Agreement, use_it: impl Fn(&mut Connection)) -> usize {
    let used = || {
        let mut connection = Connection::new(config, agreement);
        use_it(&mut connection);
        connection
    };
    let mut connections = Vec::with_capacity(FIRST + CONNECTIONS);
    connections.extend(iter::repeat_with(used).take(FIRST));
    let before = ALLOCATED.allocated();
    connections.extend(iter::repeat_with(used).take(CONNECTIONS));
    (ALLOCATED.allocated() - before) / CONNECTIONS
}

#[track_caller]
fn assert_about(cost: usize, bytes: usize) {
    assert!(cost.abs_diff(bytes) <= TOLERANCE, "{cost} bytes instead of {bytes}");
}

#[test]
fn what_a_connection_costs() {
    let message: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    let exchange = |connection: &mut Connection| {
        connection.exchange(&message);
        connection.exchange(&message);
    };
    let default = Deflate::default();

    // Before the first compressed message: nothing.
    assert_about(cost(&default, &agreement(12, 12, Takeover::Yes), |_| {}), 0);
    // Between messages: two windows.
    assert_about(cost(&default, &agreement(12, 12, Takeover::Yes), exchange), 8 * KIB);
    assert_about(cost(&default, &agreement(12, 15, Takeover::Yes), exchange), 36 * KIB);
    assert_about(cost(&default, &agreement(13, 14, Takeover::Yes), exchange), 24 * KIB);
    // Without context takeover: nothing.
    assert_about(cost(&default, &agreement(12, 12, Takeover::No), exchange), 0);
    let forgetful = default.clone().retain(Retain::Nothing);
    assert_about(cost(&forgetful, &agreement(12, 12, Takeover::Yes), exchange), 4 * KIB);

    // A message that is arriving: one inflater.
    let arriving = |connection: &mut Connection| {
        connection.inflater.push(b"\xf2\x48", 100, |_| Ok::<_, ()>(())).unwrap();
    };
    assert_about(cost(&default, &agreement(12, 12, Takeover::Yes), arriving), 47 * KIB);

    // A compressor for each connection.
    let dedicated = Deflate::dedicated();
    let agreed = agreement(15, 15, Takeover::Yes);
    assert_about(cost(&dedicated, &agreed, exchange), compressor_cost(15, 8) + 32 * KIB);
    assert_about(cost(&dedicated, &agreed, exchange), 403 * KIB);
    let small = default.retain(Retain::Compressor);
    assert_about(cost(&small, &agreement(12, 12, Takeover::No), exchange), 0);
    assert_about(cost(&small, &agreement(12, 12, Takeover::Yes), exchange), compressor_cost(12, 5) + 4 * KIB);
    assert_about(compressor_cost(12, 5), 161 * KIB);
}

/// The formula in the documentation of `Deflate`.
fn compressor_cost(window: usize, memory_level: usize) -> usize {
    (4 << window) + (7 << (memory_level + 6)) + 131 * KIB
}
