//! The project's own chores: `cargo xtask tidy` holds the house rules, `cargo xtask test` runs every test there is.

mod cargo;
mod command;
mod process_tree;
mod server;
mod terminal;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::test::Suite;
use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check the house rules: format, lints, documentation, floors, left-overs.
    Tidy,
    /// Run the tests: all suites, or those named.
    Test {
        /// The suites to run; without one, all of them.
        suites: Vec<Suite>,
        /// Show the suites instead of running them.
        #[arg(long)]
        list: bool,
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
        Chore::Test { suites, list: false } => test::run(&Workspace::find()?, &suites)?,
        Chore::Tidy => tidy::run(&Workspace::find()?)?.failed == 0,
    };
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
