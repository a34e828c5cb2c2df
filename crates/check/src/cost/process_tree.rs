//! The processes that a process has started.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what was found counts: `/proc` takes a while to read.
const FRESH: Duration = Duration::from_millis(200);

/// A process and its descendants.
pub(crate) struct ProcessTree {
    root: u32,
    found: Mutex<Option<Found>>,
}

struct Found {
    at: Instant,
    descendants: Vec<u32>,
}

impl ProcessTree {
    pub(crate) fn of(root: u32) -> ProcessTree {
        ProcessTree { root, found: Mutex::new(None) }
    }

    /// The processes below the root, as they were at most 200 ms ago. Empty without `/proc`.
    pub(crate) fn descendants(&self) -> Vec<u32> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match &*found {
            Some(found) if found.at.elapsed() < FRESH => found.descendants.clone(),
            _ => {
                let descendants = below(self.root, &processes());
                *found = Some(Found { at: Instant::now(), descendants: descendants.clone() });
                descendants
            }
        }
    }
}

/// A process and its parent.
#[derive(Debug, Clone, Copy)]
struct Process {
    pid: u32,
    parent: u32,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some(Process { pid, parent: parent_in(&stat)? })
        })
        .collect()
}

/// The parent's id in `/proc/PID/stat`: "pid (name) state parent …". The name may contain spaces and parentheses.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn below(root: u32, processes: &[Process]) -> Vec<u32> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let children = processes.iter().filter(|process| process.parent == parent).map(|process| process.pid);
        // Ids are used again, and `/proc` was not read in a moment: there may be circles.
        let new: Vec<u32> = children.filter(|pid| *pid != root && !found.contains(pid)).collect();
        parents.extend(&new);
        found.extend(new);
    }
    found
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
    fn all_generations_are_found_and_circles_end() {
        let process = |(pid, parent)| Process { pid, parent };
        let family = [(2, 1), (3, 2), (4, 2), (5, 4), (6, 1), (1, 5)].map(process);
        let mut found = below(2, &family);
        found.sort_unstable();
        assert_eq!(found, [1, 3, 4, 5, 6]);
        assert!(below(6, &family).is_empty());
    }
}
