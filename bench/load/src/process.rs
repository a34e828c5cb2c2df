//! The cost of a process, measured from outside.

use std::fs;
use std::ops::Sub;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use serde::Serialize;

/// The CPU time of processes together, and the wall-clock time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    cpu: Duration,
    at: Instant,
}

/// The difference between two [`Usage`]s.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spent {
    /// CPU time in seconds.
    pub(crate) cpu: f64,
    /// Wall-clock time in seconds.
    pub(crate) wall: f64,
}

impl Usage {
    pub(crate) fn of(processes: &[u32]) -> Result<Self> {
        let mut ticks = 0;
        for pid in processes {
            let path = format!("/proc/{pid}/stat");
            let stat = fs::read_to_string(&path)
                .with_context(|| format!("reading {path}: has the server ended?"))?;
            ticks += ticks_in(&stat).with_context(|| format!("{path} has an unexpected format"))?;
        }
        let cpu = Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64);
        Ok(Self { cpu, at: Instant::now() })
    }
}

impl Sub for Usage {
    type Output = Spent;

    fn sub(self, before: Self) -> Spent {
        Spent { cpu: (self.cpu - before.cpu).as_secs_f64(), wall: (self.at - before.at).as_secs_f64() }
    }
}

/// User and system time, which are fields 14 and 15 of "pid (name) state …". The name may contain spaces and
/// parentheses.
fn ticks_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

/// The private memory that the process has written to, in bytes.
pub(crate) fn private_dirty(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")?.trim().strip_suffix(" kB"));
    let kib: u64 = kib.with_context(|| format!("{path} has no Private_Dirty"))?.trim().parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_brackets() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194304 100 0 0 0 250 17 0 0 20 0 1 0 1234";
        assert_eq!(ticks_in(stat), Some(267));
    }
}
