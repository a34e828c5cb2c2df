//! What an attack spends, and how the endpoint answers it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// How many answers that differ are kept.
const ANSWERS: usize = 8;

/// What an attack may still spend, and what came of it. All its connections share it.
#[derive(Debug)]
pub(crate) struct Effort {
    pub(crate) deadline: Instant,
    /// How many bytes the attack may send.
    bytes: u64,
    sent: AtomicU64,
    connections: AtomicU64,
    answers: Mutex<BTreeMap<String, u64>>,
    taken: Mutex<Option<String>>,
}

impl Effort {
    pub(crate) fn new(deadline: Instant, bytes: u64) -> Effort {
        Effort {
            deadline,
            bytes,
            sent: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            answers: Mutex::default(),
            taken: Mutex::default(),
        }
    }

    /// Whether there are time and bytes left.
    pub(crate) fn goes_on(&self) -> bool {
        Instant::now() < self.deadline && self.sent() < self.bytes
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_sent(&self, len: usize) {
        self.sent.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// Counts how the endpoint ended a connection.
    pub(crate) fn count_answer(&self, answer: String) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < ANSWERS || answers.contains_key(&answer) {
            *answers.entry(answer).or_default() += 1;
        }
    }

    /// Notes that the endpoint took what it should have refused.
    pub(crate) fn note_taken(&self, what: String) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }

    /// What the endpoint took and should have refused.
    pub(crate) fn taken(&self) -> Option<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn answers(&self) -> Vec<(String, u64)> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().map(|(answer, count)| (answer.clone(), *count)).collect()
    }
}
