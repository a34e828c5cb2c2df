//! Where the bytes of an idle connection are: writes `docs/idle.md`, and checks that it is current.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::path::PathBuf;

use longwire_proto::Protocol;

use super::connection::{Extra, LoopConnection};
use super::key::Key;
use super::loop_time::LoopTime;
use super::mailbox::Allowance;
use super::poll::PolledSocket;
use super::round_budget::RoundBudget;
use super::topics::{Subscriber, TopicId};
use super::uring::Link;
use crate::admission::census::Place;
use crate::ledger::Account;
use crate::shared::Shared;

/// Set to write the page instead of checking it; `cargo xtask idle` does.
const WRITE: &str = "LONGWIRE_WRITE_IDLE";

const INTRODUCTION: &str = "\
# What an idle connection takes

This page is written by `cargo xtask idle`, from the sizes of the types on a 64-bit Linux with all features of the crate, and a test checks that it is current. \
The test `idle_memory` starts a server with each engine, and holds what its allocator counts to these figures. \
[`benchmarks.md`](benchmarks.md) has what the process of a server grows by, beside other servers.

A connection is idle when it has exchanged messages, has received everything and has nothing to write. The `State` of the handler \
is not counted, nor is the kernel's memory for a socket, which is several times more than all of this.
";

const OUTRO: &str = "\
Nothing of this grows with what a connection has sent or received. Buffers belong to the loop, and a connection borrows one while \
bytes wait in it. An unfinished message, a closing handshake and unsent data are allocated when they begin, and freed when they end.

With io_uring, a message that is sent to many connections at once leaves room in two tables of the loop, which they keep: 32 bytes for \
each operation that was in flight at the same time, and 16 bytes for each result that waited. The table of the buffers that are sent \
and the queue of what is not submitted yet shrink again.

The allocator adds 8 bytes to a block and rounds it up to 16; that is in the sums. Tables double when they are full, but an \
allocator that moves pages, as that of Linux does, writes only to what is used.
";

/// A part of a connection's memory.
struct Part {
    what: &'static str,
    bytes: usize,
}

fn part(what: &'static str, bytes: usize) -> Part {
    Part { what, bytes }
}

/// What the allocator takes for a block.
fn block(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16)
}

/// The parts of a connection in one block, which `L` is a part of.
fn connection<L>() -> Vec<Part> {
    let mut parts = vec![
        part("the protocol (`longwire-proto`)", size_of::<Protocol>()),
        part("the driver's part: socket, operations or readiness, TLS", size_of::<L>()),
        part("the address of the client, and what it is counted in", size_of::<Place>()),
        part("its share of the server's memory", size_of::<Account>()),
        part("its share of a round", size_of::<RoundBudget>()),
    ];
    let known: usize = parts.iter().map(|part| part.bytes).sum();
    parts.push(part(
        "its state, the next timer, a pointer to what is rare",
        size_of::<LoopConnection<(), L>>() - known,
    ));
    parts.push(part(
        "the allocator",
        block(size_of::<LoopConnection<(), L>>()) - size_of::<LoopConnection<(), L>>(),
    ));
    parts.push(part("its slot in the table of connections", size_of::<(Box<()>, u32)>()));
    parts.push(part("its timer", size_of::<Reverse<(LoopTime, Key)>>()));
    parts
}

fn table(page: &mut String, title: &str, parts: &[Part]) {
    writeln!(page, "\n## {title}\n\n| | bytes |\n|---|---|").unwrap();
    for Part { what, bytes } in parts {
        writeln!(page, "| {what} | {bytes} |").unwrap();
    }
    let sum: usize = parts.iter().map(|part| part.bytes).sum();
    writeln!(page, "| **all** | **{sum}** |").unwrap();
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    table(&mut page, "`Server::run` with the readiness engine", &connection::<PolledSocket>());
    let mut uring = connection::<Link>();
    uring.push(part("its socket, in the table of the ring", 12));
    uring.push(part("the receive that the ring has in flight", 32));
    table(&mut page, "`Server::run` with io_uring", &uring);
    writeln!(page, "\n## What a connection of an event loop may have besides\n\n| | bytes |\n|---|---|")
        .unwrap();
    let extra = block(size_of::<Extra>());
    for Part { what, bytes } in [
        part("any of the following, a subprotocol, a timer or an alarm; once", extra),
        part(
            "each subscription, in the connection and in the topic",
            size_of::<TopicId>() + size_of::<(Key, Subscriber)>(),
        ),
        part("a `Remote` or a `Caller`", block(2 * size_of::<usize>() + size_of::<Allowance>())),
    ] {
        writeln!(page, "| {what} | {bytes} |").unwrap();
    }
    let shared = [part(
        "what the handles share: the protocol, the transport, who waits",
        block(2 * size_of::<usize>() + size_of::<Shared>()),
    )];
    table(&mut page, "`Server::serve`, without tokio's part", &shared);
    page.push_str("\nThe task with its future, the timer and the readiness of the socket are tokio's, and the handler's future is the \
                   application's: some 1,050 bytes more for a handler that returns each message.\n\n");
    page + OUTRO
}

#[test]
fn the_page_is_current() {
    // The page is about a build with all features. Some types are smaller without metrics.
    if cfg!(not(feature = "metrics")) {
        return;
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/idle.md");
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        return std::fs::write(path, page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(found == page, "docs/idle.md is out of date; `cargo xtask idle` writes it:\n{page}");
}
