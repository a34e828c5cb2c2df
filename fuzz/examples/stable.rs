//! Fuzzes without libFuzzer and a nightly toolchain: runs the seeds, then random mutations of them.
//!
//! `cargo run --no-default-features --example stable -- TARGET SECONDS`
//!
//! It does not measure coverage, so it finds less than cargo-fuzz.

use std::error::Error;
use std::fs;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuzz_targets::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The maximum length, as in libFuzzer.
const LONGEST: usize = 4096;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds] = &arguments[..] else { return Err("usage: stable TARGET SECONDS".into()) };
    let target = TARGETS.iter().find(|(known, _)| known == name);
    let target = target.ok_or_else(|| format!("there is no target {name}"))?;
    let time = Duration::from_secs(seconds.parse()?);
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));

    let corpus = read_corpus(&home.join("corpus").join(name))?;
    let begun = Instant::now();
    let mut runs = 0_u64;
    let mut random = StdRng::seed_from_u64(6455);
    let made_up = std::iter::from_fn(|| (begun.elapsed() < time).then(|| mutated(&corpus, &mut random)));
    for input in corpus.iter().cloned().chain(made_up) {
        if !holds(target, &input) {
            let found = home.join("artifacts").join(name).join("crash-stable");
            fs::create_dir_all(found.parent().unwrap_or(home))?;
            fs::write(&found, &input)?;
            eprintln!(
                "{name}: failed on {} ({} bytes): {}",
                found.display(),
                input.len(),
                input.escape_ascii()
            );
            return Ok(ExitCode::FAILURE);
        }
        runs += 1;
    }
    println!("{runs} runs in {} s", begun.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}

/// Whether the target returns without a panic. The default hook prints the panic's message.
fn holds((_, target): &Target, input: &[u8]) -> bool {
    panic::catch_unwind(|| target(input)).is_ok()
}

fn read_corpus(dir: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    let corpus = paths.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    if corpus.is_empty() { Err(format!("{} is empty", dir.display()).into()) } else { Ok(corpus) }
}

/// An input of the corpus with a few mutations.
fn mutated(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = pick(corpus, random).clone();
    for _ in 0..random.random_range(1..=6) {
        mutate(&mut input, corpus, random);
    }
    input.truncate(LONGEST);
    input
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let end = random.random_range(at..=input.len().min(at + 64));
    match random.random_range(0..7) {
        0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
        1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = edge(random)),
        2 => input.insert(at, edge(random)),
        3 => drop(input.drain(at..end)),
        4 => {
            let repeated = input[at..end].repeat(random.random_range(1..40));
            input.splice(at..at, repeated);
        }
        5 => {
            let other = pick(corpus, random);
            let from = random.random_range(0..=other.len());
            input.splice(at..end, other[from..].iter().copied());
        }
        _ => input.truncate(at),
    }
}

/// Usually a boundary value, otherwise any byte.
fn edge(random: &mut StdRng) -> u8 {
    let edges = [
        0x00, 0x01, 0x02, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0x89, 0xc1, 0xfe, 0xff, b'\r', b'\n', b'"',
        b',',
    ];
    match random.random_range(0..=edges.len()) {
        at if at < edges.len() => edges[at],
        _ => random.random(),
    }
}

fn pick<'c>(corpus: &'c [Vec<u8>], random: &mut StdRng) -> &'c Vec<u8> {
    &corpus[random.random_range(0..corpus.len())]
}
