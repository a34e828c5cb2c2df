//! Development tasks: `cargo xtask tidy` checks the project's rules, `cargo xtask test` runs all tests.

mod bench;
mod cargo;
mod command;
mod cover;
mod features;
mod fuzz;
mod idle;
mod instructions;
mod man;
mod matrix;
mod nightly;
mod process_tree;
mod sanitize;
mod server;
mod soak;
mod suite;
mod terminal;
mod test;
mod tidy;
mod weigh;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::features::Features;
use crate::test::{Extent, Suite};
use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check the project's rules: format, lints, documentation, floors, leftovers.
    Tidy,
    /// Run the tests: all suites, or those named.
    Test {
        /// The suites to run [default: all]
        suites: Vec<Suite>,
        /// List the suites instead of running them
        #[arg(long)]
        list: bool,
        /// Run all of Autobahn's cases instead of a sample of the compressed ones, and the hub's promises for longer
        #[arg(long)]
        full: bool,
        /// Write the counts to this file, for the run that this one is part of
        #[arg(long, hide = true)]
        outcome: Option<PathBuf>,
    },
    /// Fuzz the protocol: all targets, or the one named.
    Fuzz {
        /// A file of `fuzz/fuzz_targets`, without its `.rs`
        target: Option<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Compare our servers with others.
    Bench(bench::Options),
    /// Count the instructions of typical protocol work, and compare them with the expected counts.
    Instructions {
        /// Make the measured counts the expected ones
        #[arg(long)]
        write: bool,
    },
    /// Write `docs/idle.md`: where the bytes of an idle connection are.
    Idle,
    /// Write the table of `docs/features.md` from `docs/features.toml`.
    Features,
    /// Write the man pages of `longwire` into `docs/man`.
    Man,
    /// Measure how long each feature takes to build and the size of a small program, for the table of features.
    Weigh,
    /// Run other clients, servers and proxies with ours, and write the matrix of what works.
    Interop,
    /// Show which lines of the protocol crate its tests reach.
    Cover,
    /// Run the tests of the protocol, the ring and the event loops under the sanitizers.
    Sanitize,
    /// Load servers with honest and hostile clients, and check for leaks afterwards.
    Soak {
        /// How long.
        #[arg(long, default_value_t = 3600)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<ExitCode> {
    let clean = match chore {
        Chore::Test { list: true, .. } => {
            test::list();
            true
        }
        Chore::Test { suites, full, outcome, .. } => {
            let extent = if full { Extent::Full } else { Extent::Sampled };
            let workspace = Workspace::find()?;
            match (&suites[..], outcome) {
                ([suite], Some(file)) => test::run_as_part(&workspace, *suite, extent, &file)?,
                _ => test::run(&workspace, &suites, extent)?,
            }
        }
        Chore::Fuzz { target, seconds } => {
            fuzz::run(&Workspace::find()?, target.as_deref(), Duration::from_secs(seconds))?
        }
        Chore::Bench(options) => {
            bench::run(&Workspace::find()?, &options)?;
            true
        }
        Chore::Instructions { write } => instructions::run(&Workspace::find()?, write)?,
        Chore::Idle => idle::write(&Workspace::find()?)?,
        Chore::Features => {
            let root = Workspace::find()?.root;
            Features::load(&root)?.write(&root)?;
            true
        }
        Chore::Man => {
            man::run(&Workspace::find()?)?;
            true
        }
        Chore::Weigh => {
            weigh::run(&Workspace::find()?)?;
            true
        }
        Chore::Interop => matrix::run(&Workspace::find()?)?,
        Chore::Cover => {
            cover::run(&Workspace::find()?)?;
            true
        }
        Chore::Sanitize => sanitize::run(&Workspace::find()?)?,
        Chore::Soak { seconds } => soak::run(&Workspace::find()?, seconds)?,
        Chore::Tidy => tidy::run(&Workspace::find()?)?.failed == 0,
    };
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
