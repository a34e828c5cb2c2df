//! When to look for clients whose time is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::names::Group;

/// The most namespaces. They come from the configuration, so this is a precaution.
const MOST: usize = 1024;

/// The namespaces of which this node announces the leaves of clients that are gone, with the time of the next look.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    looks: Mutex<HashMap<Group, Instant>>,
}

impl Leaves {
    /// Looks from now on at this namespace, which the node listens to or has clients in.
    pub(crate) fn watch(&self, group: &Group) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if !looks.contains_key(group) && looks.len() < MOST {
            looks.insert(group.clone(), Instant::now());
        }
    }

    /// The namespaces to look at now.
    pub(crate) fn due(&self) -> Vec<Group> {
        let now = Instant::now();
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.iter().filter(|(_, at)| **at <= now).map(|(group, _)| group.clone()).collect()
    }

    /// Looks again after this time.
    pub(crate) fn look_after(&self, group: &Group, time: Duration) {
        if let Some(at) = Instant::now().checked_add(time) {
            self.looks.lock().unwrap_or_else(PoisonError::into_inner).insert(group.clone(), at);
        }
    }
}
