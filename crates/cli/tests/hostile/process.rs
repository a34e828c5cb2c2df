//! What a process costs, seen from outside by proc(5).

use std::fs;
use std::time::Duration;

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

/// The unit in which proc(5) tells times: to programs, the kernel has always counted 100 ticks a second.
const TICK: Duration = Duration::from_millis(10);

/// A process under watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Process {
        Process { pid }
    }

    /// The most memory that was resident, in bytes. The kernel keeps it, so that no peak is missed. `None`: the process
    /// has ended.
    pub(crate) fn peak_memory(self) -> Option<usize> {
        let status = fs::read_to_string(self.file("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * KIB)
    }

    /// How long it has computed, in user mode and in the kernel. It is told until the process has been waited for.
    pub(crate) fn cpu(self) -> Duration {
        let stat = fs::read_to_string(self.file("stat")).unwrap();
        // The second field is the name in parentheses, which may hold anything; behind it, the 12th and 13th are times.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap());
        TICK * ticks.sum()
    }

    /// The path of a file that tells of the process.
    pub(crate) fn file(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }
}
