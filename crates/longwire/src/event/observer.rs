//! Calls the observer of a server's topics, on its own thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::registry::{TopicChange, TopicRegistry};
use crate::panic_message::panic_message;

/// A topic has got its first subscriber on the whole server, or lost its last one; see
/// [`Server::on_topic`](crate::Server::on_topic).
///
/// ```
/// use longwire::TopicEvent;
///
/// fn log(event: TopicEvent<'_>) {
///     match event {
///         TopicEvent::FirstSubscribed(topic) => println!("{topic}: somebody listens"),
///         TopicEvent::LastUnsubscribed(topic) => println!("{topic}: nobody listens any more"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicEvent<'a> {
    /// The topic had no subscribers and now has one.
    FirstSubscribed(&'a str),
    /// The topic had subscribers and now has none.
    LastUnsubscribed(&'a str),
}

impl<'a> TopicEvent<'a> {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        match self {
            TopicEvent::FirstSubscribed(topic) | TopicEvent::LastUnsubscribed(topic) => topic,
        }
    }
}

pub(crate) type Observer = Box<dyn FnMut(TopicEvent<'_>) + Send>;

/// A running observer. When this is dropped, the observer is called for the changes so far and then stops.
pub(super) struct Observation {
    registry: Arc<TopicRegistry>,
}

impl Observation {
    /// Starts the observer's thread. The returned receiver resolves when that thread ends.
    ///
    /// # Errors
    ///
    /// If the system cannot start another thread.
    pub(super) fn start(
        observer: Observer,
        registry: &Arc<TopicRegistry>,
        caller: Handle,
    ) -> io::Result<(Observation, oneshot::Receiver<()>)> {
        registry.observe();
        let observation = Observation { registry: Arc::clone(registry) };
        let registry = Arc::clone(registry);
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name("longwire-topics".to_owned()).spawn(move || {
            let _running: oneshot::Sender<()> = running;
            let _caller = caller.enter();
            observe(&registry, observer);
        })?;
        Ok((observation, ended))
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.registry.stop_observing();
    }
}

fn observe(registry: &TopicRegistry, mut observer: Observer) {
    while let Some(change) = registry.next_change() {
        report(&mut observer, &change);
    }
}

/// Calls the observer for a change; a panic is logged.
pub(super) fn report(observer: &mut Observer, change: &TopicChange) {
    let TopicChange { topic, has_subscribers } = change;
    let event = if *has_subscribers {
        TopicEvent::FirstSubscribed(topic)
    } else {
        TopicEvent::LastUnsubscribed(topic)
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| observer(event))) {
        tracing::error!(panic = panic_message(&*payload), %topic, "the observer of topics panicked");
    }
}
