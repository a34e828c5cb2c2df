//! Which engine the program says that it runs, where a seccomp filter refuses io_uring as in a container.

use std::thread;

use longwire::{Engine, UringRefusal};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::program::Program;

/// Starts the program where `io_uring_setup` fails with EPERM.
fn start_without_uring(flags: &'static [&'static str]) -> Program {
    // The number on every architecture.
    const IO_URING_SETUP: i64 = 425;
    const EPERM: u32 = 1;

    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let (rules, refuse) = ([(IO_URING_SETUP, Vec::new())].into(), SeccompAction::Errno(EPERM));
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // The filter is that of a thread, and of the processes that this thread starts.
    let starting = thread::spawn(move || {
        apply_filter(&program).unwrap();
        Program::start("", flags)
    });
    starting.join().unwrap()
}

/// The sysctl of this machine may refuse io_uring, too, and is named first.
fn expected_refusal() -> String {
    match Engine::why_not_uring() {
        Some(refusal @ UringRefusal::Sysctl(_)) => refusal.to_string(),
        _ => UringRefusal::Seccomp.to_string(),
    }
}

#[test]
fn it_says_what_refuses_io_uring_and_what_that_costs() {
    let lines = start_without_uring(&[]).announcement();
    let [title, engine, ..] = &lines[..] else { panic!("{lines:?}") };
    assert!(title.ends_with("event loops: 2 × readiness"), "{title}");
    let refusal = format!("  engine   {}; a small message costs", expected_refusal());
    assert!(engine.starts_with(&refusal) && engine.contains("docs/program.md"), "{engine}");
}

#[test]
fn it_says_so_in_a_log_of_json_and_only_if_io_uring_was_wanted() {
    let refused = start_without_uring(&["--log-format", "json"]).document();
    assert_eq!(refused["engine"], "readiness");
    assert!(refused["why_not_uring"].as_str().unwrap().starts_with(&expected_refusal()), "{refused}");
    let wanted = start_without_uring(&["--log-format", "json", "--engine", "readiness"]).document();
    assert_eq!((&wanted["engine"], wanted.get("why_not_uring")), (&"readiness".into(), None), "{wanted}");
}
