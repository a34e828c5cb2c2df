//! The workspace's crates depend only on crates on lower floors.

use crate::tidy::rules::{self, Rules};
use crate::workspace::{Package, Workspace};

pub(crate) fn check(workspace: &Workspace, rules: &Rules) -> Vec<String> {
    let mut findings = Vec::new();
    for name in rules.crates.iter().flatten().chain(rules.per_crate.keys()) {
        if !workspace.packages.iter().any(|package| package.name == *name) {
            findings.push(format!("{}: the workspace has no crate {name}", rules::FILE));
        }
    }
    for package in &workspace.packages {
        match floor(rules, &package.name) {
            Some(own) => findings.extend(upward_dependencies(rules, package, own)),
            None => findings.push(format!("{0}: add {1} to a floor of `crates`", rules::FILE, package.name)),
        }
    }
    findings
}

fn upward_dependencies<'r>(
    rules: &'r Rules,
    package: &'r Package,
    own: usize,
) -> impl Iterator<Item = String> + 'r {
    package.depends_on.iter().filter_map(move |dependency| {
        let other = floor(rules, dependency)?;
        (other >= own).then(|| {
            format!(
                "{} (floor {own}) depends on {dependency} (floor {other}); only lower floors are allowed",
                package.name
            )
        })
    })
}

fn floor(rules: &Rules, name: &str) -> Option<usize> {
    rules.crates.iter().position(|floor| floor.iter().any(|member| member == name))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn rules() -> Rules {
        toml::from_str(r#"crates = [["proto"], ["client", "server"], ["cli"]]"#).unwrap()
    }

    fn workspace(packages: &[(&str, &[&str])]) -> Workspace {
        let package = |(name, depends_on): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            dir: PathBuf::new(),
            depends_on: depends_on.iter().map(|&name| name.to_owned()).collect(),
        };
        Workspace {
            root: PathBuf::new(),
            target: PathBuf::new(),
            packages: packages.iter().map(package).collect(),
        }
    }

    #[test]
    fn dependencies_that_go_down_pass() {
        let workspace = workspace(&[
            ("proto", &["bytes"]),
            ("client", &["proto", "tokio"]),
            ("server", &["proto"]),
            ("cli", &["client", "server", "proto"]),
        ]);
        assert_eq!(check(&workspace, &rules()), [""; 0]);
    }

    #[test]
    fn dependencies_that_go_up_or_sideways_are_found() {
        let workspace =
            workspace(&[("proto", &["cli"]), ("client", &["server"]), ("server", &[]), ("cli", &[])]);
        assert_eq!(
            check(&workspace, &rules()),
            [
                "proto (floor 0) depends on cli (floor 2); only lower floors are allowed",
                "client (floor 1) depends on server (floor 1); only lower floors are allowed",
            ]
        );
    }

    #[test]
    fn crates_that_one_side_does_not_know_are_found() {
        let workspace = workspace(&[("proto", &[]), ("client", &[]), ("server", &[]), ("hub", &[])]);
        assert_eq!(
            check(&workspace, &rules()),
            ["floors.toml: the workspace has no crate cli", "floors.toml: add hub to a floor of `crates`"]
        );
    }
}
