//! The memory of the endpoint, if its process is on this machine.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// Measures the memory of the endpoint.
///
/// ```
/// let meter = longwire_check::MemoryMeter::new(|| Some(1 << 20));
/// ```
#[derive(Clone)]
pub struct MemoryMeter {
    resident: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
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
        MemoryMeter { resident: Arc::new(resident), process: None }
    }

    /// Measures the resident memory of a process of this machine. Its children are not counted.
    ///
    /// # Errors
    ///
    /// There is no such process, or the system has no `/proc`.
    pub fn of_process(pid: u32) -> Result<MemoryMeter, String> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let status = process.join("status");
        let meter = MemoryMeter {
            resident: Arc::new(move || line_of(&fs::read_to_string(&status).ok()?, "VmRSS:")),
            process: Some(process),
        };
        match meter.resident() {
            Some(_) => Ok(meter),
            None => {
                Err(format!("process {pid} cannot be measured: /proc has no such process, or is not there"))
            }
        }
    }

    /// What the endpoint has now. `None` if it is gone.
    pub(crate) fn resident(&self) -> Option<u64> {
        (self.resident)()
    }

    /// Lets the kernel keep the highest value from now on. `None` without the permission: samples have to do.
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
        let grown = meter.resident().unwrap();
        drop(std::hint::black_box(memory));
        // The kernel counts in batches for each processor.
        let (peak, batches) = (peak.read().unwrap(), 4 << 20);
        assert!(peak + batches >= grown, "{peak} {grown}");
        assert!(MemoryMeter::of_process(u32::MAX).unwrap_err().contains("no such process"));
    }
}
