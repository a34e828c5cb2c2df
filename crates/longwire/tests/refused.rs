//! Code that must not compile, and the compiler's messages: `rustc` must reject each file in `tests/refused` with the
//! lines that the file quotes after `//~`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;
use std::{env, fs};

/// The directory of the libraries that this test was built with.
fn libraries() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

fn compile(source: &Path, longwire: &Path) -> Output {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(compiler)
        // The compiler writes type names that are too long for a line to files in this directory.
        .current_dir(libraries())
        .args(["--edition", "2024", "--crate-type", "lib", "--crate-name", "refused"])
        .args(["--emit", "metadata", "-o", "-", "--color", "never"])
        .arg("--extern")
        .arg(format!("longwire={}", longwire.display()))
        .arg("-L")
        .arg(format!("dependency={}", libraries().display()))
        .arg(source)
        .output()
        .unwrap()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused")
}

/// The newest library that has all features that the sources need. Builds with other features leave other libraries.
fn longwire() -> PathBuf {
    let mut built: Vec<(SystemTime, PathBuf)> = fs::read_dir(libraries())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("liblongwire-") && name.ends_with(".rlib")
        })
        .map(|path| (path.metadata().unwrap().modified().unwrap(), path))
        .collect();
    built.sort();
    let control = sources().join("control.rs");
    let usable = built.into_iter().rev().map(|(_, path)| path).find(|path| {
        let output = compile(&control, path);
        output.status.success()
    });
    usable.expect("control.rs compiles with at least one of the libraries")
}

#[test]
fn what_would_have_no_effect_does_not_compile_and_the_compiler_says_what_to_write() {
    let longwire = longwire();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(sources()).unwrap() {
        let source = entry.unwrap().path();
        if source.ends_with("control.rs") {
            continue;
        }
        seen += 1;
        let output = compile(&source, &longwire);
        let said = String::from_utf8_lossy(&output.stderr);
        let name = source.file_name().unwrap().to_string_lossy();
        if output.status.success() {
            wrong.push(format!("{name} compiles"));
        }
        let text = fs::read_to_string(&source).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//~ ")).collect();
        assert!(!expected.is_empty(), "{name} quotes no message");
        for line in expected.into_iter().filter(|line| !said.contains(line)) {
            wrong.push(format!("{name}: the compiler does not print {line:?}, but:\n{said}"));
        }
    }
    assert!(seen > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
