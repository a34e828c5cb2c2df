//! Running cargo.

use std::process::Command;

/// The cargo that runs this program. Colour is disabled because its output is parsed.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    set_up(&mut cargo);
    cargo
}

/// Prepares the environment of a command that runs cargo. The variables about a package are those that cargo set for
/// this program. Build scripts that read them, such as that of `ring`, would run again whenever they differ, and all that
/// depends on them would be compiled anew.
pub(crate) fn set_up(command: &mut Command) {
    command.env("CARGO_TERM_COLOR", "never");
    for (name, _) in std::env::vars_os() {
        let is_about_a_package = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if is_about_a_package {
            command.env_remove(name);
        }
    }
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
    fn variables_about_this_package_are_not_passed_on() {
        let command = cargo();
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&"CARGO_MANIFEST_DIR".as_ref()), "{removed:?}");
        assert!(removed.contains(&"CARGO_PKG_NAME".as_ref()), "{removed:?}");
    }

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
