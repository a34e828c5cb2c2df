//! The cost of a process, measured from outside with proc(5).

use std::fs;
use std::time::Duration;

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

/// The time unit of proc(5): the kernel reports 100 ticks per second to programs.
const TICK: Duration = Duration::from_millis(10);

/// An observed process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Process {
        Process { pid }
    }

    /// The peak resident memory, in bytes. The kernel records it, so no peak is missed. `None` if the process has
    /// ended.
    pub(crate) fn peak_memory(self) -> Option<usize> {
        self.status("VmHWM:")
    }

    /// What a line of `/proc/pid/status` says, in bytes. `None` if the process has ended.
    fn status(self, name: &str) -> Option<usize> {
        let status = fs::read_to_string(self.file("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * KIB)
    }

    /// The CPU time in user and kernel mode. It is available until the process has been waited for.
    pub(crate) fn cpu(self) -> Duration {
        let stat = fs::read_to_string(self.file("stat")).unwrap();
        // The second field is the name in parentheses, which may contain anything. The 12th and 13th after it are
        // times.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap());
        TICK * ticks.sum()
    }

    /// The path of one of the process's files in `/proc`.
    pub(crate) fn file(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }
}
