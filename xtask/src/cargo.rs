//! Running cargo.

use std::process::Command;

/// The cargo that runs this program. Colour is disabled because its output is parsed.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_TERM_COLOR", "never");
    cargo
}

/// Whether this is one of cargo's status lines: their verbs end at the twelfth column.
pub(crate) fn is_status(line: &str) -> bool {
    const COLUMNS: usize = 12;

    let indented = line.trim_start();
    let verb = indented.split(' ').next().unwrap_or_default();
    line.len() - indented.len() + verb.len() == COLUMNS && verb.starts_with(|c: char| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_is_doing_is_told_from_what_it_complains_of() {
        for line in [
            "   Compiling bytes v1.11.0",
            " Downloading crates ...",
            "    Finished `dev` profile",
            " Documenting x",
        ] {
            assert!(is_status(line), "{line}");
        }
        for line in [
            "error: could not compile",
            "  --> crates/proto/src/header.rs:184:46",
            "",
            "            Indented",
        ] {
            assert!(!is_status(line), "{line}");
        }
    }
}
