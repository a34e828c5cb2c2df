//! What a crowd costs its processes and the kernel, read from `/proc`.

use std::fs::read_to_string;

use anyhow::{Context as _, Result};

/// What `/proc` counts CPU time in: `USER_HZ`, which is 100 on every architecture of Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// The page size that `/proc/net/sockstat` counts in.
const PAGE: u64 = 4096;

/// The CPU time of processes in seconds, user and system.
pub(super) fn cpu(processes: &[u32]) -> Result<f64> {
    let ticks = |pid: &u32| {
        let path = format!("/proc/{pid}/stat");
        let stat = read_to_string(&path).with_context(|| format!("reading {path}"))?;
        ticks_in(&stat).with_context(|| format!("{path} has an unexpected format"))
    };
    Ok(processes.iter().map(ticks).sum::<Result<f64>>()? / TICKS_A_SECOND)
}

/// The private memory that processes have written to, in bytes.
pub(super) fn private_dirty(processes: &[u32]) -> Result<u64> {
    let bytes = |pid: &u32| {
        let path = format!("/proc/{pid}/smaps_rollup");
        let rollup = read_to_string(&path).with_context(|| format!("reading {path}"))?;
        kib_in(&rollup, "Private_Dirty:").with_context(|| format!("{path} has no Private_Dirty"))
    };
    Ok(processes.iter().map(bytes).sum::<Result<u64>>()? * 1024)
}

/// The memory of the kernel's own objects, in bytes: sockets, files, inodes, of all programs.
pub(super) fn slab() -> Result<u64> {
    let meminfo = read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    Ok(kib_in(&meminfo, "Slab:").context("/proc/meminfo has no Slab")? * 1024)
}

/// The memory of TCP's queues, in bytes, and the number of TCP's sockets in this network namespace.
pub(super) fn tcp() -> Result<(u64, u64)> {
    let sockstat = read_to_string("/proc/net/sockstat").context("/proc/net/sockstat")?;
    let (pages, sockets) = tcp_in(&sockstat).context("/proc/net/sockstat has an unexpected format")?;
    Ok((pages * PAGE, sockets))
}

/// How many files a process may open.
pub(super) fn descriptor_limit() -> Result<u64> {
    let limits = read_to_string("/proc/self/limits").context("/proc/self/limits")?;
    hard_limit_in(&limits).context("/proc/self/limits has no number of open files")
}

/// User and system time, which are fields 14 and 15 of "pid (name) state …". The name may contain anything.
fn ticks_in(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn kib_in(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn tcp_in(sockstat: &str) -> Option<(u64, u64)> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP: "))?;
    let words: Vec<&str> = line.split(' ').collect();
    let field = |name: &str| words.iter().skip_while(|word| **word != name).nth(1)?.parse().ok();
    Some((field("mem")?, field("inuse")?))
}

fn hard_limit_in(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_the_files_of_the_kernel() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194304 100 0 0 0 250 17 0 0 20 0 1 0 1234";
        assert_eq!(ticks_in(stat), Some(267.0));
        assert_eq!(kib_in("MemFree: 7 kB\nSlab:            240464 kB\n", "Slab:"), Some(240_464));
        let sockstat = "sockets: used 66\nTCP: inuse 16 orphan 0 tw 19 alloc 16 mem 60\nUDP: inuse 0 mem 0\n";
        assert_eq!(tcp_in(sockstat), Some((60, 16)));
        let limits = "Max open files            1024                 20000                files     \n";
        assert_eq!(hard_limit_in(limits), Some(20_000));
    }
}
