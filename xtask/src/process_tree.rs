//! Killing a program together with its descendants.

use std::process::{Child, Command, Stdio};

/// Kills the program and its descendants. Killing `cargo test` alone would leave its test binary running.
pub(crate) fn kill(child: &mut Child) {
    let descendants = descendants(child.id());
    // Both fail only if the process has already ended.
    let _ = child.kill();
    let _ = child.wait();
    if !descendants.is_empty() {
        let pids = descendants.iter().map(u32::to_string);
        let _ = Command::new("kill").arg("-KILL").args(pids).stderr(Stdio::null()).status();
    }
}

/// The descendants of a process, from `/proc`. Empty on a system without `/proc`.
fn descendants(ancestor: u32) -> Vec<u32> {
    let processes = processes();
    let mut found = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let children = processes.iter().filter(|process| process.parent == parent).map(|process| process.pid);
        parents.extend(children.clone());
        found.extend(children);
    }
    found
}

struct Process {
    pid: u32,
    parent: u32,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            Some(Process { pid, parent: parent_in(&stat)? })
        })
        .collect()
}

/// The parent's id in `/proc/PID/stat`: "pid (name) state parent …". The name may contain spaces and parentheses.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_a_name_with_brackets() {
        assert_eq!(parent_in("42 (a) b (c)) S 7 42 42 0"), Some(7));
        assert_eq!(parent_in("42"), None);
    }

    #[test]
    fn what_a_killed_program_started_is_killed_too() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 600 & echo started; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = shell.stdout.take().unwrap();
        std::io::Read::read_exact(&mut stdout, &mut [0; 8]).unwrap();

        kill(&mut shell);

        // The pipe ends only when all processes have closed it, including `sleep`.
        assert_eq!(std::io::Read::read(&mut stdout, &mut [0; 1]).unwrap(), 0);
    }
}
