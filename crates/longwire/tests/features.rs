//! Compares the documented cost of each feature with the build.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

const MANIFEST: &str = include_str!("../Cargo.toml");
const DOCUMENTATION: &str = include_str!("../docs/features.md");

/// How many crates except Longwire's own are built with these features, including procedural macros and build scripts.
fn crates(features: &str) -> usize {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "longwire", "--no-default-features", "-F", features])
        .args(["-e", "normal,build", "--target", "x86_64-unknown-linux-gnu"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>());
    let crates: BTreeSet<Vec<&str>> = names.filter(|name| !name.concat().starts_with("longwire")).collect();
    crates.len()
}

/// The features in the manifest.
fn features() -> Vec<&'static str> {
    let (_, section) = MANIFEST.split_once("[features]\n").unwrap();
    let (section, _) = section.split_once("\n[").unwrap();
    let names = section.lines().filter_map(|line| Some(line.split_once(" = [")?.0));
    names.filter(|&name| name != "default").collect()
}

/// The number in the table's row that begins with this cell.
fn figure(text: &str, cell: &str) -> Option<usize> {
    let row = text.lines().find(|line| line.starts_with(&format!("| {cell} |")))?;
    row.split('|').nth(3)?.trim().trim_start_matches('+').parse().ok()
}

#[test]
fn each_feature_adds_as_many_crates_as_the_documentation_says() {
    let without = crates("");
    let mut wrong = Vec::new();
    let mut check = |cell: String, count: usize| {
        if figure(DOCUMENTATION, &cell) != Some(count) {
            wrong.push(format!("{cell}: {count}"));
        }
    };
    check("none".to_owned(), without);
    for feature in features() {
        check(format!("`{feature}`"), crates(feature) - without);
    }
    assert_eq!(wrong, Vec::<String>::new(), "in docs/features.md");
}
