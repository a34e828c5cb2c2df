//! Writes the seeds, `corpus/TARGET/NAME.seed`: small inputs for a fuzzer to start from.
//!
//! `cargo run --no-default-features --example seeds`

mod seeds {
    pub(crate) mod compressed;
    pub(crate) mod frames;
    pub(crate) mod heads;
}

use std::fs;
use std::io;
use std::path::Path;

use seeds::compressed;
use seeds::frames::{self, Stream};
use seeds::heads;

/// The name of a seed's file, and the input.
pub(crate) type Seed = (&'static str, Vec<u8>);

fn main() -> io::Result<()> {
    write("frame_header", frames::headers())?;
    write(
        "server_stream",
        planned(frames::streams(Stream::of_client), frames::compressed(Stream::of_client)),
    )?;
    write(
        "client_stream",
        planned(frames::streams(Stream::of_server), frames::compressed(Stream::of_server)),
    )?;
    write("event_loop", planned(frames::streams(Stream::of_client), Vec::new()))?;
    write("differential", frames::streams(Stream::of_client))?;
    write("inflate", compressed::connections())?;
    write("request", cut(heads::requests()))?;
    write("response", cut(heads::responses()))?;
    write("extension_header", heads::extensions())
}

fn write(target: &str, seeds: Vec<Seed>) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir)?;
    for (name, input) in seeds {
        fs::write(dir.join(format!("{name}.seed")), input)?;
    }
    Ok(())
}

/// Prepends the bytes that determine how a head is cut into pieces, different for each seed.
fn cut(seeds: Vec<Seed>) -> Vec<Seed> {
    (0..).zip(seeds).map(|(way, (name, input))| (name, [vec![way % 8, 0, way], input].concat())).collect()
}

/// Prepends the byte that determines what was negotiated.
fn planned(plain: Vec<Seed>, compressed: Vec<Seed>) -> Vec<Seed> {
    let with = |agreed: u8| move |(name, input): Seed| (name, [vec![agreed], input].concat());
    cut(plain).into_iter().map(with(0)).chain(cut(compressed).into_iter().map(with(2))).collect()
}
