//! A store that is there as soon as its engine can be reached for the first time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, BrokerError, ChannelName, HistoryOptions, HistoryPage, HistoryQuery, Member, Millis,
    NewPublication, Presence, PresenceStats, PublishOutcome, Store, StoreEvents,
};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Why a store could not be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectFailure {
    /// Waiting does not help: the operator must change something.
    Settings(String),
    Unreachable(String),
}

/// Connects a store.
pub(super) type Connect =
    Box<dyn Fn(Arc<dyn StoreEvents>) -> BoxFuture<Result<Arc<dyn Store>, ConnectFailure>> + Send + Sync>;

/// How far the first connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// Why the last attempt failed, if there was one.
    Connecting(Option<String>),
    Connected,
    Refused(String),
}

/// Whether there has been a connection.
#[derive(Debug, Clone)]
pub(super) struct FirstConnection(watch::Receiver<Progress>);

/// Calls fail until its engine was reached for the first time.
pub(super) struct LateStore(Arc<OnceLock<Arc<dyn Store>>>);

impl LateStore {
    /// Begins to connect, again and again. Must be called within a runtime.
    pub(super) fn begin(connect: Connect, events: Arc<dyn StoreEvents>) -> (LateStore, FirstConnection) {
        let store = Arc::new(OnceLock::new());
        let (sender, receiver) = watch::channel(Progress::Connecting(None));
        tokio::spawn(connect_at_last(connect, events, Arc::clone(&store), sender));
        (LateStore(store), FirstConnection(receiver))
    }

    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> BoxFuture<Result<T, BrokerError>>,
    ) -> BoxFuture<Result<T, BrokerError>> {
        match self.0.get() {
            Some(store) => call(&**store),
            None => Box::pin(async { Err(BrokerError::Unavailable) }),
        }
    }
}

async fn connect_at_last(
    connect: Connect,
    events: Arc<dyn StoreEvents>,
    store: Arc<OnceLock<Arc<dyn Store>>>,
    progress: watch::Sender<Progress>,
) {
    let mut pause = PAUSES.0;
    loop {
        let failure = match connect(Arc::clone(&events)).await {
            Ok(connected) => {
                // Nobody else sets it.
                let _set = store.set(connected);
                let _seen = progress.send(Progress::Connected);
                return tracing::info!("connected to the broker");
            }
            Err(ConnectFailure::Settings(problem)) => {
                tracing::error!(%problem, "cannot use the broker");
                let _seen = progress.send(Progress::Refused(problem));
                return;
            }
            Err(ConnectFailure::Unreachable(problem)) => problem,
        };
        tracing::warn!(problem = %failure, "cannot reach the broker yet");
        let _seen = progress.send(Progress::Connecting(Some(failure)));
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

impl FirstConnection {
    /// Waits for the store, at most this long. If it is not there then, returns the reason.
    ///
    /// # Errors
    ///
    /// The operator must change something.
    pub(super) async fn within(&mut self, time: Duration) -> Result<Option<String>, String> {
        let settled = |progress: &Progress| !matches!(progress, Progress::Connecting(_));
        // If it is not settled in time, the progress says why.
        let _in_time = timeout(time, self.0.wait_for(settled)).await.is_ok();
        match &*self.0.borrow() {
            Progress::Connected => Ok(None),
            Progress::Connecting(Some(failure)) => Ok(Some(failure.clone())),
            Progress::Connecting(None) => Ok(Some("it does not answer".to_owned())),
            Progress::Refused(problem) => Err(problem.clone()),
        }
    }

    pub(super) fn is_there(&self) -> bool {
        *self.0.borrow() == Progress::Connected
    }
}

impl Store for LateStore {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>> {
        self.call(|store| store.publish(channel, publication, history, now))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>> {
        self.call(|store| store.history(channel, query, history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.remove_history(channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.add_presence(channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.remove_presence(channel, client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> BoxFuture<Result<Presence, BrokerError>> {
        self.call(|store| store.presence(channel, limit, now))
    }

    fn presence_stats(
        &self,
        channel: &ChannelName,
        now: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>> {
        self.call(|store| store.presence_stats(channel, now))
    }

    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.listen(channel))
    }

    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.stop_listening(channel))
    }

    fn tell_nodes(&self, message: Bytes) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|store| store.tell_nodes(message))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct NoEvents;

    impl StoreEvents for NoEvents {
        fn arrived(&self, _: &ChannelName, _: longwire_hub::Record, _: Option<longwire_hub::StreamPosition>) {
        }
        fn told(&self, _: Bytes) {}
        fn interrupted(&self, _: &dyn Fn(&ChannelName) -> bool) {}
        fn restored(&self, _: &dyn Fn(&ChannelName) -> bool) {}
    }

    /// Another store that is not there yet stands for one that is: its calls end with the same error.
    fn begin(outcomes: Vec<Result<(), ConnectFailure>>) -> (LateStore, FirstConnection) {
        let tries = AtomicUsize::new(0);
        let connect = move |_| -> BoxFuture<Result<Arc<dyn Store>, ConnectFailure>> {
            let outcome = outcomes[tries.fetch_add(1, Ordering::Relaxed).min(outcomes.len() - 1)].clone();
            let store = || -> Arc<dyn Store> { Arc::new(LateStore(Arc::default())) };
            Box::pin(async move { outcome.map(|()| store()) })
        };
        LateStore::begin(Box::new(connect), Arc::new(NoEvents))
    }

    fn unreachable() -> Result<(), ConnectFailure> {
        Err(ConnectFailure::Unreachable("nobody is there".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_comes_late_is_connected_to() {
        let (store, mut first) = begin(vec![unreachable(), unreachable(), unreachable(), Ok(())]);
        let waited = first.within(Duration::from_millis(300)).await;
        assert_eq!((waited, first.is_there()), (Ok(Some("nobody is there".to_owned())), false));
        assert_eq!(store.tell_nodes(Bytes::new()).await, Err(BrokerError::Unavailable));
        assert_eq!(first.within(Duration::from_secs(10)).await, Ok(None));
        assert!(first.is_there() && store.0.get().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn settings_that_cannot_work_end_the_waiting_at_once() {
        let (_store, mut first) =
            begin(vec![unreachable(), Err(ConnectFailure::Settings("wrong password".to_owned()))]);
        let begun = tokio::time::Instant::now();
        assert_eq!(first.within(Duration::from_secs(60)).await, Err("wrong password".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
