//! The arguments of `longwire config`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Check a configuration file, or print an example with every key
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  longwire config example > longwire.toml
  longwire config check longwire.toml

The file is TOML. A flag of `longwire serve` goes before an environment variable, that before the file, and that before \
the default. The variable of a key is its path in capitals: LONGWIRE_LIMITS_MAX_MESSAGE=1MiB sets max_message in \
[limits].")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file and the environment variables: print file, line, column and key of what is wrong
    ///
    /// Exit code: 0 if all is well, 1 if something is wrong.
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = "longwire.toml")]
        file: PathBuf,
    },
    /// Print a file with every key, what it means, and its default
    Example,
}
