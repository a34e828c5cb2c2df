//! The memory of the endpoint, if its processes are on this machine.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::process_tree::ProcessTree;

/// Measures the memory of the endpoint.
///
/// ```
/// let meter = longwire_check::MemoryMeter::new(|| Some(1 << 20));
/// ```
#[derive(Clone)]
pub struct MemoryMeter {
    resident: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
    /// What the endpoint had when this was made.
    first: Option<u64>,
    /// The process, whose highest value the kernel keeps.
    process: Option<PathBuf>,
}

impl fmt::Debug for MemoryMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryMeter").field("process", &self.process).finish_non_exhaustive()
    }
}

/// The memory of the endpoint around an attack, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct MemoryFigures {
    pub(crate) before: u64,
    pub(crate) peak: u64,
    pub(crate) after: u64,
    /// How much of `before` the endpoint has taken since the run began, if that is notable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<u64>,
}

impl MemoryFigures {
    /// How far the memory grew.
    pub(crate) fn growth(&self) -> u64 {
        self.peak.saturating_sub(self.before)
    }
}

impl MemoryMeter {
    /// Measures with this function, which returns bytes, or `None` if the endpoint is gone.
    pub fn new(resident: impl Fn() -> Option<u64> + Send + Sync + 'static) -> MemoryMeter {
        MemoryMeter { first: resident(), resident: Arc::new(resident), process: None }
    }

    /// Measures the resident memory of a process of this machine and of its descendants.
    ///
    /// # Errors
    ///
    /// There is no such process, or the system has no `/proc`.
    pub fn of_process(pid: u32) -> Result<MemoryMeter, String> {
        let tree = ProcessTree::of(pid);
        let meter = MemoryMeter::new(move || {
            let own = resident_of(pid)?;
            let others = tree.descendants().into_iter().filter_map(resident_of);
            Some(others.fold(own, u64::saturating_add))
        });
        if meter.first.is_none() {
            return Err(format!(
                "process {pid} cannot be measured: /proc has no such process, or is not there"
            ));
        }
        Ok(MemoryMeter { process: Some(directory_of(pid)), ..meter })
    }

    /// What the endpoint has now. `None` if it is gone.
    pub(crate) fn resident(&self) -> Option<u64> {
        (self.resident)()
    }

    /// How much less than `before` there was when this was made.
    pub(crate) fn taken_until(&self, before: u64) -> u64 {
        before.saturating_sub(self.first.unwrap_or(before))
    }

    /// Lets the kernel keep the highest value of the process itself from now on. `None` without the permission: samples have
    /// to do, as for its descendants.
    pub(crate) fn begin_peak(&self) -> Option<PeakMemory> {
        /// Resets the highest value (proc(5)).
        const RESET_PEAK: &str = "5";
        let process = self.process.as_ref()?;
        fs::write(process.join("clear_refs"), RESET_PEAK).ok()?;
        Some(PeakMemory(process.join("status")))
    }
}

/// The highest value since it was begun.
#[derive(Debug)]
pub(crate) struct PeakMemory(PathBuf);

impl PeakMemory {
    /// The highest value. `None` if the process is gone.
    pub(crate) fn read(&self) -> Option<u64> {
        line_of(&fs::read_to_string(&self.0).ok()?, "VmHWM:")
    }
}

fn directory_of(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// The resident memory of one process, in bytes. `None` if it is gone.
fn resident_of(pid: u32) -> Option<u64> {
    line_of(&fs::read_to_string(directory_of(pid).join("status")).ok()?, "VmRSS:")
}

/// What a line of `/proc/PID/status` says, in bytes.
fn line_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_status_is_read() {
        let status = "Name:\techo\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(line_of(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(line_of(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(line_of(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_others_are_not_there() {
        let meter = MemoryMeter::of_process(std::process::id()).unwrap();
        assert!(meter.resident().unwrap() > 1 << 20);
        let peak = meter.begin_peak().unwrap();
        let memory = vec![1_u8; 32 << 20];
        let grown = resident_of(std::process::id()).unwrap();
        drop(std::hint::black_box(memory));
        // The kernel counts in batches for each processor.
        let (peak, batches) = (peak.read().unwrap(), 4 << 20);
        assert!(peak + batches >= grown, "{peak} {grown}");
        assert!(MemoryMeter::of_process(u32::MAX).unwrap_err().contains("no such process"));
    }

    /// Regression: servers that serve in child processes seemed to need nothing.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_descendants_counts() {
        use std::io::Read as _;
        use std::process::{Command, Stdio};

        // A shell whose child keeps 32 MiB in a variable until its input ends.
        let script =
            "exec 3<&0; (x=$(head -c 33554432 /dev/zero | tr '\\0' a); echo ready; read y <&3) & wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        shell.stdout.take().unwrap().read_exact(&mut [0; 6]).unwrap();
        let meter = MemoryMeter::of_process(shell.id()).unwrap();
        let (own, all) = (resident_of(shell.id()).unwrap(), meter.resident().unwrap());
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(own < 16 << 20 && all > 32 << 20, "{own} {all}");
    }

    #[test]
    fn what_was_taken_since_the_meter_was_made_is_known() {
        assert_eq!(MemoryMeter::new(|| Some(100)).taken_until(130), 30);
        assert_eq!(MemoryMeter::new(|| Some(100)).taken_until(90), 0);
        assert_eq!(MemoryMeter::new(|| None).taken_until(90), 0);
    }
}
