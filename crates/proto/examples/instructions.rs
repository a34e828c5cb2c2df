//! Runs one workload a fixed number of times, for a tool that counts instructions:
//!
//! ```text
//! valgrind --tool=callgrind instructions parse16 1000
//! ```
//!
//! The difference of two runs removes the cost of process start: one iteration takes `(count(2 n) - count(n)) / n`
//! instructions. `benches/instructions.json` holds the expected counts; `cargo xtask instructions` counts and compares.

#[expect(dead_code, reason = "some of it is used by the time benchmarks only")]
#[path = "../benches/stream/mod.rs"]
mod stream;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use longwire_proto::deflate::Deflate;
use longwire_proto::{MessageKind, Protocol, Role};

use stream::{Cut, READ};

/// An operation of an endpoint on a stream.
type Step = fn(&mut Protocol, &mut [u8]) -> usize;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let workload = arguments.next().unwrap_or_default();
    let iterations = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(100);
    if run(&workload, iterations) {
        return ExitCode::SUCCESS;
    }
    eprintln!("usage: instructions <parse16|echo16|mask64k|utf8|fragments|deflate1k> [iterations]");
    ExitCode::FAILURE
}

/// Runs a workload. Returns `false` if no workload has that name. One iteration is a stream of 64 KiB, or for `deflate1k` a
/// message of 1 KiB.
fn run(workload: &str, iterations: usize) -> bool {
    let from = |kind, payload: &[u8], cut| stream::frames(Role::Client, kind, payload, cut, READ);
    let (mut bytes, step): (Vec<u8>, Step) = match workload {
        "parse16" => (from(MessageKind::Text, &[b'a'; 16], Cut::Whole), stream::parse),
        "echo16" => (from(MessageKind::Text, &[b'a'; 16], Cut::Whole), stream::echo),
        "mask64k" => (from(MessageKind::Binary, &[b'a'; READ], Cut::Whole), stream::parse),
        "utf8" => {
            let text = "κόσμε and the world ".repeat(READ / 25);
            (from(MessageKind::Text, text.as_bytes(), Cut::Whole), stream::parse)
        }
        "fragments" => (from(MessageKind::Text, &[b'a'; 64], Cut::Fragments(16)), stream::parse),
        "deflate1k" => {
            deflate(iterations);
            return true;
        }
        _ => return false,
    };
    let mut end = stream::end(Role::Server);
    for _ in 0..iterations {
        black_box(step(&mut end, black_box(&mut bytes)));
    }
    true
}

fn deflate(iterations: usize) {
    let (mut server, mut client) = stream::deflate_ends(Deflate::default(), 12);
    let messages: Vec<String> = (0..64).map(stream::json).collect();
    for message in messages.iter().cycle().take(iterations) {
        black_box(stream::carry(&mut server, &mut client, message));
    }
}
