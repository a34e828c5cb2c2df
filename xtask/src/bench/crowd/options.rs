//! The command line of the crowd.

use clap::{Args, ValueEnum};

/// How many connections, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct CrowdOptions {
    /// How many connections
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    pub(super) connections: u32,
    /// How long they are held, in seconds
    #[arg(long, default_value_t = 600)]
    pub(super) hold: u64,
    /// The engines to measure [default: both]. The page is written only if both are
    #[arg(long, num_args = 1..)]
    pub(super) engine: Vec<CrowdEngine>,
    /// Check that everything works, with 2,000 connections for a second, and leave the page as it is
    #[arg(long)]
    pub(super) quick: bool,
    /// This process is already in a network namespace of its own
    #[arg(long, hide = true)]
    pub(super) inside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CrowdEngine {
    Uring,
    Readiness,
}

impl CrowdEngine {
    /// As `bench-longwire` names it.
    pub(super) fn argument(self) -> &'static str {
        match self {
            CrowdEngine::Uring => "uring",
            CrowdEngine::Readiness => "readiness",
        }
    }
}
