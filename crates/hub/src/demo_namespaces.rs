//! The namespaces of demos that need options of their own.

use std::time::Duration;

use crate::access::Access;
use crate::broker::HistoryOptions;
use crate::namespace::{NamespaceOptions, RecoveryMode, RecoveryPolicy, SlowPolicy};

/// Their names and options.
pub(crate) fn demo_namespaces() -> [(&'static str, NamespaceOptions); 3] {
    [("demo-ticker", ticker()), ("demo-scores", scores()), ("demo-sensors", sensors())]
}

/// Values that replace each other, published by the server. The newest is kept, for those who ask for it or come new.
fn ticker() -> NamespaceOptions {
    NamespaceOptions {
        history: HistoryOptions { size: 1, ttl: Duration::from_secs(600), ..HistoryOptions::default() },
        recovery: RecoveryPolicy::OnRequest,
        recovery_mode: RecoveryMode::Cache,
        slow: SlowPolicy::Latest,
        subscribe: Access::ANONYMOUS,
        read_history: Access::ANONYMOUS,
        ..NamespaceOptions::default()
    }
}

/// Events of the server, of which none may be missing.
fn scores() -> NamespaceOptions {
    NamespaceOptions {
        history: HistoryOptions { size: 100, ttl: Duration::from_secs(600), ..HistoryOptions::default() },
        recovery: RecoveryPolicy::OnRequest,
        subscribe: Access::ANONYMOUS,
        read_history: Access::ANONYMOUS,
        ..NamespaceOptions::default()
    }
}

/// Devices publish where they are not subscribed, and commands wait for those that are away.
fn sensors() -> NamespaceOptions {
    let demo = NamespaceOptions::demo();
    NamespaceOptions {
        history: HistoryOptions { size: 300, ttl: Duration::from_secs(300), ..demo.history },
        publish: Access::ANONYMOUS,
        delta: false,
        ..demo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_make_sense() {
        for (name, options) in demo_namespaces() {
            assert!(options.contradictions().is_empty(), "{name}: {:?}", options.contradictions());
        }
    }
}
