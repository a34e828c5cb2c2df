//! `longwire completions` and `longwire man`: both are made from the arguments' own description.

use std::io;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::args::{Args, CompletionsArgs, ManArgs, ShellArg};
use crate::failure::Failure;
use crate::standard_output;

pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let shell = match args.shell {
        ShellArg::Bash => Shell::Bash,
        ShellArg::Zsh => Shell::Zsh,
        ShellArg::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "longwire", &mut script);
    standard_output::print(&script)
}

/// Writes a page for each command.
pub(crate) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let failed = |doing: &str, error: &io::Error| Failure::Other(format!("cannot {doing}: {error}"));
    for (name, page) in pages().map_err(|error| failed("make the man pages", &error))? {
        let path = args.folder.join(name);
        std::fs::write(&path, page).map_err(|error| failed(&format!("write {}", path.display()), &error))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The man pages with their file names.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    // Without the version, so that a release does not change every page.
    let mut program = Args::command().version(None::<&str>).disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    render(&program, &mut pages)?;
    Ok(pages)
}

fn render(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let page = clap_mangen::Man::new(command.clone()).source("Longwire").date("");
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        render(below, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages().unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["longwire.1", "longwire-connect.1", "longwire-config-check.1"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let connect = pages.iter().find(|(name, _)| name == "longwire-connect.1").unwrap();
        let text = String::from_utf8(connect.1.clone()).unwrap().replace("\\-", "-");
        assert!(text.contains("longwire connect ws://127.0.0.1:8080/echo"), "{text}");
        assert!(text.contains("--expect"), "{text}");
    }

    /// The pages in the repository are those of the program: `cargo xtask man` writes them.
    #[test]
    fn the_pages_in_the_repository_are_current() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/man");
        for (name, page) in pages().unwrap() {
            let kept = std::fs::read(format!("{folder}/{name}")).unwrap_or_default();
            assert!(kept == page, "docs/man/{name} is not current; run cargo xtask man");
        }
    }
}
