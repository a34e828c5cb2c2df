//! Why io_uring cannot be used.

use std::fmt;

/// Why event loops cannot use io_uring here, as far as the process can tell.
///
/// ```no_run
/// use longwire::Engine;
///
/// if let Some(refusal) = Engine::why_not_uring() {
///     println!("event loops over readiness: {refusal}");
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UringRefusal {
    /// A seccomp filter of this process refuses the system call. The default profiles of Docker and containerd do.
    Seccomp,
    /// `kernel.io_uring_disabled` has this value: 1 refuses processes without privileges, and 2 refuses all.
    Sysctl(u8),
    /// The kernel has io_uring, but not all that the event loops need. This is its release.
    KernelTooOld(String),
    /// The kernel has no io_uring. gVisor is such a kernel.
    NotInKernel,
    /// There is no memory for it within the limits of this process: `RLIMIT_MEMLOCK`, or its control group.
    Memory,
    /// The feature `uring` is off.
    NotInBuild,
    /// io_uring exists only on Linux.
    NotLinux,
    /// Anything else, in the words of the system.
    Other(String),
}

impl fmt::Display for UringRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UringRefusal::Seccomp => f.write_str("a seccomp filter refuses io_uring"),
            UringRefusal::Sysctl(value) => {
                write!(f, "the sysctl kernel.io_uring_disabled = {value} refuses io_uring")
            }
            UringRefusal::KernelTooOld(release) => {
                write!(f, "io_uring of Linux {release} is too old: 6.1 is needed")
            }
            UringRefusal::NotInKernel => f.write_str("the kernel has no io_uring"),
            UringRefusal::Memory => f.write_str(
                "io_uring gets no memory: see RLIMIT_MEMLOCK (ulimit -l) and the limit of the control group",
            ),
            UringRefusal::NotInBuild => f.write_str("this build has no io_uring (feature `uring`)"),
            UringRefusal::NotLinux => f.write_str("io_uring exists only on Linux"),
            UringRefusal::Other(error) => write!(f, "io_uring cannot be used: {error}"),
        }
    }
}

impl std::error::Error for UringRefusal {}

/// Tries io_uring.
#[cfg(all(target_os = "linux", feature = "uring"))]
pub(super) fn refusal() -> Option<UringRefusal> {
    super::uring::available().err().map(|error| cause::Surroundings::look().cause(&error))
}

#[cfg(all(target_os = "linux", not(feature = "uring")))]
pub(super) fn refusal() -> Option<UringRefusal> {
    Some(UringRefusal::NotInBuild)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refusal() -> Option<UringRefusal> {
    Some(UringRefusal::NotLinux)
}

/// Finds the cause of a failed try. The error alone does not say it: EPERM is the answer of seccomp and of the sysctl,
/// and ENOSYS that of seccomp and of a kernel without io_uring.
#[cfg(all(target_os = "linux", feature = "uring"))]
mod cause {
    use std::fs::read_to_string;
    use std::io::{Error, ErrorKind};

    use super::UringRefusal;

    /// The first kernel with all that the event loops need.
    const NEEDED: (u32, u32) = (6, 1);

    /// The first kernel with io_uring.
    const FIRST: (u32, u32) = (5, 1);

    /// What may be the cause.
    #[derive(Debug, Clone, Default)]
    pub(super) struct Surroundings {
        /// Whether the thread has a seccomp filter.
        pub(super) has_seccomp_filter: bool,
        /// `kernel.io_uring_disabled`; 0 if the kernel has no such sysctl.
        pub(super) disabled: u8,
        /// As `uname -r` prints it.
        pub(super) release: String,
    }

    impl Surroundings {
        pub(super) fn look() -> Surroundings {
            let read = |path| read_to_string(path).unwrap_or_default();
            let status = read("/proc/thread-self/status");
            let mut modes = status.lines().filter_map(|line| line.strip_prefix("Seccomp:"));
            Surroundings {
                // SECCOMP_MODE_FILTER
                has_seccomp_filter: modes.next().is_some_and(|mode| mode.trim() == "2"),
                disabled: read("/proc/sys/kernel/io_uring_disabled").trim().parse().unwrap_or(0),
                release: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            }
        }

        pub(super) fn cause(self, error: &Error) -> UringRefusal {
            match error.kind() {
                ErrorKind::PermissionDenied if self.disabled > 0 => UringRefusal::Sysctl(self.disabled),
                ErrorKind::PermissionDenied if self.has_seccomp_filter => UringRefusal::Seccomp,
                ErrorKind::Unsupported if self.is_before(FIRST) => UringRefusal::NotInKernel,
                ErrorKind::Unsupported if self.has_seccomp_filter => UringRefusal::Seccomp,
                ErrorKind::Unsupported => UringRefusal::NotInKernel,
                ErrorKind::InvalidInput if self.is_before(NEEDED) => UringRefusal::KernelTooOld(self.release),
                ErrorKind::OutOfMemory => UringRefusal::Memory,
                _ => UringRefusal::Other(error.to_string()),
            }
        }

        fn is_before(&self, version: (u32, u32)) -> bool {
            let mut numbers = self.release.split(|character: char| !character.is_ascii_digit());
            let mut next = || numbers.next()?.parse().ok();
            next().zip(next()).is_some_and(|release| release < version)
        }
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", feature = "uring"))]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::thread;

    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    use super::cause::Surroundings;
    use super::*;

    const EPERM: u32 = 1;
    const ENOSYS: u32 = 38;

    /// What a thread finds under a filter that answers `io_uring_setup` with an error.
    fn under_a_filter_that_answers(errno: u32) -> Option<UringRefusal> {
        // The number on every architecture.
        const IO_URING_SETUP: i64 = 425;

        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let (rules, refuse) = ([(IO_URING_SETUP, Vec::new())].into(), SeccompAction::Errno(errno));
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
        let program: BpfProgram = filter.try_into().unwrap();
        let filtered = thread::spawn(move || {
            apply_filter(&program).unwrap();
            refusal()
        });
        filtered.join().unwrap()
    }

    #[test]
    fn a_seccomp_filter_is_named_whatever_it_answers() {
        let disabled = Surroundings::look().disabled;
        let expected = if disabled > 0 { UringRefusal::Sysctl(disabled) } else { UringRefusal::Seccomp };
        assert_eq!(under_a_filter_that_answers(EPERM), Some(expected));
        assert_eq!(under_a_filter_that_answers(ENOSYS), Some(UringRefusal::Seccomp));
    }

    #[test]
    fn the_cause_is_found_in_the_surroundings() {
        let on = |release: &str| Surroundings { release: release.to_owned(), ..Surroundings::default() };
        let filtered = |release| Surroundings { has_seccomp_filter: true, ..on(release) };
        let disabled = |disabled| Surroundings { disabled, ..filtered("6.12.1") };
        let other = UringRefusal::Other(Error::from(ErrorKind::PermissionDenied).to_string());
        let too_old = |release: &str| UringRefusal::KernelTooOld(release.to_owned());
        let invalid = UringRefusal::Other(Error::from(ErrorKind::InvalidInput).to_string());
        for (kind, surroundings, cause) in [
            (ErrorKind::PermissionDenied, disabled(2), UringRefusal::Sysctl(2)),
            (ErrorKind::PermissionDenied, disabled(1), UringRefusal::Sysctl(1)),
            (ErrorKind::PermissionDenied, filtered("6.12.1"), UringRefusal::Seccomp),
            (ErrorKind::PermissionDenied, on("6.12.1"), other),
            (ErrorKind::Unsupported, filtered("6.12.1"), UringRefusal::Seccomp),
            (ErrorKind::Unsupported, filtered("4.4.0"), UringRefusal::NotInKernel),
            (ErrorKind::Unsupported, on("6.12.1"), UringRefusal::NotInKernel),
            (ErrorKind::InvalidInput, on("5.15.0-91-generic"), too_old("5.15.0-91-generic")),
            (ErrorKind::InvalidInput, on("6.1.0"), invalid.clone()),
            (ErrorKind::InvalidInput, on("10.0"), invalid),
            (ErrorKind::OutOfMemory, on("5.10.0"), UringRefusal::Memory),
        ] {
            assert_eq!(surroundings.clone().cause(&kind.into()), cause, "{kind:?} {surroundings:?}");
        }
    }
}
