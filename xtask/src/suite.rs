//! Shared code of the suites of `cargo xtask test` and of the tasks that also run on their own.

pub(crate) mod cargo_test;
pub(crate) mod certificates;
pub(crate) mod context;
pub(crate) mod node;
pub(crate) mod outcome;
pub(crate) mod python;
pub(crate) mod wheel;
