//! The I/O engine.

use clap::ValueEnum;

/// The I/O engine, as given on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    #[default]
    Auto,
    Uring,
    Readiness,
}

impl From<EngineArg> for longwire::Engine {
    fn from(argument: EngineArg) -> longwire::Engine {
        match argument {
            EngineArg::Auto => longwire::Engine::Auto,
            EngineArg::Uring => longwire::Engine::Uring,
            EngineArg::Readiness => longwire::Engine::Readiness,
        }
    }
}
