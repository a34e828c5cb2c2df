//! How much of the tests to run.

/// How much of the long suites to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A sample of the numerous similar cases, and short runs.
    Sampled,
    /// All cases, and long runs.
    Full,
}

impl Extent {
    /// The command-line options for this extent.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Sampled => &[],
            Self::Full => &["--full"],
        }
    }
}
