//! The arguments of `longwire completions` and `longwire man`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Print a script that lets a shell complete commands and flags
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire completions bash > ~/.local/share/bash-completion/completions/longwire
  longwire completions zsh > \"${fpath[1]}/_longwire\"
  longwire completions fish > ~/.config/fish/completions/longwire.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: ShellArg,
}

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellArg {
    Bash,
    Zsh,
    Fish,
}

/// Write the man pages of the program into a folder
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire man ~/.local/share/man/man1      (then man longwire-connect)")]
pub(crate) struct ManArgs {
    /// The folder; it must exist
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}
