//! What a node does after the lock of a channel is released: replies, and calls to the store.

use std::sync::Arc;

use super::node::FollowingNode;
use super::shard::{Afterwards, StoreCall};
use crate::broker::{BrokerError, HistoryPage};
use crate::call::BoxFuture;
use crate::channel::ChannelName;

/// The outcome of a call to the store for a channel.
enum StoreAnswer {
    Listened(Result<(), BrokerError>),
    Stopped(Result<(), BrokerError>),
    Read(Result<HistoryPage, BrokerError>),
}

/// A call to the store that is made for a channel. If its task ends before it, the call has failed.
struct Pending {
    node: Arc<FollowingNode>,
    channel: ChannelName,
    call: StoreCall,
    is_done: bool,
}

/// A task that reads channels one after another.
struct ReadTask {
    node: Arc<FollowingNode>,
    is_done: bool,
}

impl FollowingNode {
    /// Does what is left after a step of a channel.
    pub(super) fn follow_up(self: &Arc<Self>, channel: &ChannelName, afterwards: Afterwards) {
        for (reply, outcome) in afterwards.replies {
            if let Err(Ok(_)) = reply.send(outcome) {
                // Nobody waits for it any more.
                self.leave(channel);
            }
        }
        for call in afterwards.calls {
            match call {
                StoreCall::Read => self.ask_to_read(channel),
                StoreCall::Listen | StoreCall::StopListening => self.call(channel, call),
            }
        }
    }

    fn call(self: &Arc<Self>, channel: &ChannelName, call: StoreCall) {
        let Some(store) = self.store() else { return };
        let pending = Pending::new(self, channel, call);
        let work =
            if call == StoreCall::Listen { store.listen(channel) } else { store.stop_listening(channel) };
        self.runtime.spawn(Box::pin(async move {
            let outcome = pending.node.measured(work).await;
            pending.end(match call {
                StoreCall::Listen => StoreAnswer::Listened(outcome),
                StoreCall::StopListening | StoreCall::Read => StoreAnswer::Stopped(outcome),
            });
        }));
    }

    fn ask_to_read(self: &Arc<Self>, channel: &ChannelName) {
        if self.reads.ask(channel.clone(), self.options.reads) {
            let reader = ReadTask { node: self.clone(), is_done: false };
            self.runtime.spawn(Box::pin(reader.run()));
        }
    }

    /// Reads a channel whose turn has come.
    async fn read(self: &Arc<Self>, channel: &ChannelName) {
        let Some(store) = self.store() else { return };
        let page = self.options.page;
        let plan = self
            .step(channel, |entry, _, _| Some((entry.following.begin_read(page)?, entry.history.clone())));
        let Some((plan, history)) = plan.flatten() else { return };
        let pending = Pending::new(self, channel, StoreCall::Read);
        let call = store.history(channel, plan.query(), &history, self.now());
        drop(store);
        let outcome = self.measured(call).await;
        pending.end(StoreAnswer::Read(outcome));
    }

    /// Counts a call to the store, and measures how long it takes.
    pub(super) async fn measured<T>(
        &self,
        call: BoxFuture<Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let begun = self.runtime.elapsed();
        let _underway = self.meter.begin();
        let outcome = call.await;
        self.meter.called(&outcome, self.runtime.elapsed().saturating_sub(begun));
        outcome
    }

    fn answered(self: &Arc<Self>, channel: &ChannelName, answer: StoreAnswer) {
        self.step(channel, |entry, conditions, effects| match answer {
            StoreAnswer::Listened(outcome) => entry.following.listened(outcome, conditions, effects),
            StoreAnswer::Stopped(outcome) => entry.following.stopped(&outcome, conditions, effects),
            StoreAnswer::Read(outcome) => entry.following.read(outcome, conditions, effects),
        });
    }
}

impl Pending {
    fn new(node: &Arc<FollowingNode>, channel: &ChannelName, call: StoreCall) -> Pending {
        Pending { node: node.clone(), channel: channel.clone(), call, is_done: false }
    }

    fn end(mut self, answer: StoreAnswer) {
        self.is_done = true;
        self.node.answered(&self.channel, answer);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let answer = match self.call {
            StoreCall::Listen => StoreAnswer::Listened(Err(BrokerError::Unavailable)),
            StoreCall::StopListening => StoreAnswer::Stopped(Err(BrokerError::Unavailable)),
            StoreCall::Read => StoreAnswer::Read(Err(BrokerError::Unavailable)),
        };
        self.node.answered(&self.channel, answer);
    }
}

impl ReadTask {
    async fn run(mut self) {
        while let Some(channel) = self.node.reads.next() {
            self.node.read(&channel).await;
        }
        self.is_done = true;
    }
}

impl Drop for ReadTask {
    fn drop(&mut self) {
        if !self.is_done {
            self.node.reads.reader_ends();
        }
    }
}
